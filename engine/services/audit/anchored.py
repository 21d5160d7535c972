"""Which anchor on the chain covers an entry of a tenant's log: the installation's root commits to the tenants'
checkpoints (``covering.py``), and the chain holds that root (``engine/anchoring``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...anchoring.anchors import LOST, MINED
from ...core import Core
from ...ledger import covers
from ...ledger.log import INSTALLATION
from ...store import models, quick, scope

_EVERYTHING = 1 << 62


@dataclass(frozen=True, slots=True)
class Anchored:
    """``state``: logged (no block has it yet), anchored or confirmed. What isn't known yet is None."""

    state: str
    chain_id: int | None = None
    tx: str | None = None
    block: int | None = None
    confirmations: int | None = None


def of_activities(rows: Sequence[models.ProcessingActivity]) -> dict[str, Anchored]:
    """How far the chain has activities of one tenant, by their ids. None of it where nothing was ever signed,
    and nothing of what isn't registered or what another log has."""
    anchor = models.Anchor
    registered = {row.id: int(row.log_index) for row in rows if row.log_index is not None}
    tenant_id = rows[0].tenant_id if rows else ""
    if not registered or not anchor.select().where(anchor.state != LOST).exists():
        return {}
    receipts = quick.by_ids(models.Registration, registered, key="activity_id")
    own = [name for name in registered if name in receipts and not receipts[name].origin]
    found, reach, standing = dict[str, Anchored](), 0, Anchored("logged")
    for name in sorted(own, key=registered.__getitem__):
        if registered[name] >= reach:  # what covers one entry covers those before it
            standing, reach = _over(tenant_id, registered[name])
        found[name] = standing
    return found


def of_entry(tenant_id: str, index: int) -> Anchored:
    """How far the chain has an entry: the oldest anchor that covers it."""
    return _over(tenant_id, index)[0]


def _over(tenant_id: str, index: int) -> tuple[Anchored, int]:
    """The same, and the size of the tenant's log up to which it is true."""
    covered, anchor = models.CoveredCheckpoint, models.Anchor
    first = (
        covered.select()
        .where(covered.tenant_id == tenant_id, covered.size > index)
        .order_by(covered.size)
        .first()
    )
    found = first and (
        anchor.select().where(anchor.size > first.seq, anchor.state.in_(MINED)).order_by(anchor.size).first()
    )
    if not found:
        return Anchored("logged"), _EVERYTHING
    standing = Anchored(found.state, found.chain_id, found.tx_hash, found.block_number, found.confirmations)
    return standing, int(first.size)


@scope.everyone("the installation's log speaks of every tenant's")
def evidence(core: Core, tenant_id: str) -> dict[str, object] | None:
    """The newest anchor that covers a tenant's log, with all it takes to check that; None without one.

    ``{"chain_id", "tx", "block", "block_hash", "root", "state", "installation": {…}}``: what
    ``installation`` holds stands in docs/bundle.md.
    """
    covered, anchor = models.CoveredCheckpoint, models.Anchor
    for found in anchor.select().where(anchor.state.in_(MINED)).order_by(anchor.size.desc()).limit(8):
        row = (
            covered.select()
            .where(covered.tenant_id == tenant_id, covered.seq < found.size)
            .order_by(covered.size.desc())
            .first()
        )
        salt = row and quick.get(models.AuditSalt, tenant_id=INSTALLATION, seq=row.seq)
        if row is not None and salt is not None:
            return _told(found) | {"installation": _inclusion(core, found, row, bytes(salt.salt))}
    return None


def _told(found: models.Anchor) -> dict[str, object]:
    return {
        "chain_id": found.chain_id,
        "tx": found.tx_hash,
        "block": found.block_number,
        "block_hash": found.block_hash,
        "root": found.root,
        "state": found.state,
    }


def _inclusion(
    core: Core, found: models.Anchor, row: models.CoveredCheckpoint, salt: bytes
) -> dict[str, object]:
    proof = core.log.inclusion(INSTALLATION, row.seq, found.size)
    return {
        "checkpoint": found.checkpoint,
        "index": row.seq,
        "leaf": core.log.entry(INSTALLATION, row.seq).leaf,
        "salt": salt.hex(),
        "payload": covers.payload(row.checkpoint),
        "inclusion": [node.hex() for node in proof],
    }
