"""Rotating the key that signs the logs, while they are written: overlap first, then retirement.

``rotate`` makes a key that signs beside the old one, and puts a leaf into every log that says so: whoever
trusts the old key learns of the new one under the old one's signature. ``retire`` puts a leaf into every log
that the old key signs no more, and then it doesn't. Between the two lies as much time as outsiders need to look
once. Both can be interrupted and called again: what is done is kept per log.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ...core import Core
from ...errors import Conflict
from ...ledger.log import Leaf
from ...store import models, quick
from .. import acts
from . import covering

ADDED = "log_key.added"
RETIRED = "log_key.retired"
PAGE = 256

Progress = Callable[[int], None]
"""Told the number of logs done since the last call."""


def rotate(core: Core, progress: Progress = lambda _: None) -> dict[str, object]:
    """A new key beside the present one; or the rest of a rotation that was interrupted.

    ``{"added": public key in hex, "active": [hex, oldest first], "logs"}``
    """
    if len(core.signing.active()) == 1:
        core.signing.rotate()
    newest = core.signing.active()[-1].public_key.hex()
    logs = _tell_all(core, ADDED, newest, progress)
    covering.cover(
        core
    )  # so that checkpoints with both signatures are kept: bundles show the one vouch for the other
    quick.insert(models.Installation, {"name": _mark(newest), "value": "every log"}, ignore=True)
    return {"added": newest, "active": [key.public_key.hex() for key in core.signing.active()], "logs": logs}


def retire(core: Core, progress: Progress = lambda _: None) -> dict[str, object]:
    """The older keys sign no more: ``{"retired": [hex], "active": [hex], "logs"}``.

    Raises Conflict when there is only one key, or when some log wasn't told of the newest one.
    """
    *older, newest = core.signing.active()
    if not older:
        raise Conflict("there is only one log key; `dxflow audit rotate-key` makes its successor first")
    if quick.get(models.Installation, name=_mark(newest.public_key.hex())) is None:
        raise Conflict("the rotation isn't finished; run `dxflow audit rotate-key` again, it goes on")
    names = [key.public_key.hex() for key in older]
    logs = max(_tell_all(core, RETIRED, name, progress) for name in names)
    core.signing.retire()
    return {"retired": names, "active": [newest.public_key.hex()], "logs": logs}


def log_count() -> int:
    """How many logs a rotation goes through."""
    return int(models.AuditHead.select().count())


def leaf_of(tenant_id: str, public_key: bytes) -> int | None:
    """The index of the leaf that added this key to a log; None for a key that was there from its start."""
    row = quick.get(models.LogKeyLeaf, public_key=public_key.hex(), kind=ADDED, tenant_id=tenant_id)
    return None if row is None else int(row.seq)


def _mark(public_key: str) -> str:
    """The name of the row that says that every log there was speaks of this key."""
    return f"log_key_told:{public_key}"


def _tell_all(core: Core, kind: str, public_key: str, progress: Progress) -> int:
    """A leaf in each log that doesn't have it; how many logs have it now."""
    progress(log_count() - sum(1 for _ in _untold(kind, public_key)))
    for tenant_id in _untold(kind, public_key):
        with core.store.transaction():
            _tell(core, tenant_id, kind, public_key)
        progress(1)
    return log_count()


def _tell(core: Core, tenant_id: str, kind: str, public_key: str) -> None:
    quick.lock(models.AuditHead, tenant_id=tenant_id)  # another process may be at the same log
    row = {"public_key": public_key, "tenant_id": tenant_id, "kind": kind}
    if quick.get(models.LogKeyLeaf, **row) is None:
        appended = core.log.append(tenant_id, [Leaf(kind, {"actor": acts.SYSTEM, "key": public_key})])
        quick.insert(models.LogKeyLeaf, {**row, "seq": appended.first})


def _untold(kind: str, public_key: str) -> Iterator[str]:
    """The logs without such a leaf, a page at a time. One that is opened while keys overlap needs none."""
    head, told, last = models.AuditHead, models.LogKeyLeaf, ""
    have = told.select(told.tenant_id).where((told.public_key == public_key) & (told.kind == kind))
    while True:
        query = head.select(head.tenant_id).where(head.tenant_id.not_in(have))
        query = query if not last else query.where(head.tenant_id > last)
        page = [row.tenant_id for row in query.order_by(head.tenant_id).limit(PAGE)]
        yield from page
        if len(page) < PAGE:
            return
        last = page[-1]
