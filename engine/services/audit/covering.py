"""The installation's log: one log of all tenants' checkpoints, so that one root covers them all.

Each leaf commits to one signed checkpoint of one tenant under a salt of its own. Whoever is given salt and
checkpoint can confirm that the root covers it; nobody else learns from the log whose leaf it is or how much a
tenant does. The log of a dx-agent elsewhere covers that agent's tenants in the same way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core import Core
from ...ledger import covers
from ...ledger.log import INSTALLATION, Leaf
from ...store import models, quick, scope

BATCH = 256
"""Checkpoints in one transaction: meanwhile their tenants can't append."""


@dataclass(frozen=True, slots=True)
class Covered:
    """A tenant's checkpoint under the installation's root.

    ``payload`` is what ``leaf`` (its RFC 8785 text) commits to under ``salt``; ``proof`` shows the leaf at
    ``index`` in the tree of ``installation.size`` leaves, whose signed checkpoint stands there.
    """

    index: int
    checkpoint: str
    payload: dict[str, str | int]
    salt: bytes
    leaf: str
    proof: list[bytes]
    installation: models.AuditHead


@scope.everyone("the installation's log speaks of every tenant's")
def cover(core: Core, tenant_id: str | None = None) -> int:
    """Bring the checkpoint of every log that grew (or of this one) into the installation's log; how many.

    Any number of processes may do so at once. What is covered is remembered outside the database too.
    """
    total = 0
    while True:
        with core.store.transaction():
            heads = _cover_some(core, tenant_id)
        _remember(core, heads)
        total += len(heads)
        if len(heads) < BATCH:
            return total


@scope.everyone("the installation's log speaks of every tenant's")
def newest(core: Core, tenant_id: str) -> Covered | None:
    """The newest checkpoint of a tenant that the installation's log covers; None before the first."""
    model = models.CoveredCheckpoint
    row = model.select().where(model.tenant_id == tenant_id).order_by(model.size.desc()).first()
    salt = row and quick.get(models.AuditSalt, tenant_id=INSTALLATION, seq=row.seq)
    if row is None or salt is None:
        return None
    head = core.log.head(INSTALLATION)  # read last: whatever it is by now, the leaf is below it
    return Covered(
        index=row.seq,
        checkpoint=row.checkpoint,
        payload=covers.payload(row.checkpoint),
        salt=bytes(salt.salt),
        leaf=core.log.entry(INSTALLATION, row.seq).leaf,
        proof=core.log.inclusion(INSTALLATION, row.seq, head.size),
        installation=head,
    )


def _cover_some(core: Core, tenant_id: str | None) -> list[models.AuditHead]:
    core.log.open_installation()  # and from here on nobody else covers until this transaction ends
    model = models.AuditHead
    heads = model.select().where(model.size != model.covered_size, model.tenant_id != INSTALLATION)
    if tenant_id is not None:
        heads = heads.where(model.tenant_id == tenant_id)
    found = list(heads.order_by(model.tenant_id).limit(BATCH))
    if found:
        _append(core, found)
    return found


def _append(core: Core, heads: Sequence[models.AuditHead]) -> None:
    leaves = [Leaf(covers.KIND, {"actor": "system"}, covers.payload(head.checkpoint)) for head in heads]
    appended = core.log.append(INSTALLATION, leaves)
    now = core.clock()
    rows = [
        {
            "seq": index,
            "tenant_id": head.tenant_id,
            "size": head.size,
            "checkpoint": head.checkpoint,
            "covered_at": now,
        }
        for index, head in enumerate(heads, appended.first)
    ]
    quick.insert_all(models.CoveredCheckpoint, rows)
    for head in heads:
        quick.update(models.AuditHead, {"tenant_id": head.tenant_id}, {"covered_size": head.size})


def _remember(core: Core, heads: Sequence[models.AuditHead]) -> None:
    """Outside the database, once it is committed."""
    if core.memory is not None and heads:
        for head in (*heads, core.log.head(INSTALLATION)):
            core.memory.remember(head.tenant_id, head.checkpoint)
