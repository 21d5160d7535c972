"""Opening an epoch of a log that came back from a backup shorter than what was published of it."""

from __future__ import annotations

from dataclasses import dataclass

from ...core import Core
from ...errors import Conflict, Invalid, NotFound
from ...ledger import epochs
from ...ledger.log import Leaf
from ...store import models, quick
from .. import acts


@dataclass(frozen=True, slots=True)
class Opened:
    """The log goes on as ``origin``; ``missing`` entries from ``seq`` on were published and are gone."""

    epoch: int
    origin: str
    seq: int
    missing: int


def open_epoch(core: Core, log_id: str, checkpoint: str) -> Opened:
    """Let a log go on under another origin, because ``checkpoint`` (a signed note) was published of it and no
    longer holds. Once for each such checkpoint, however often it is called.

    Raises NotFound without a log, Invalid for what is no checkpoint of it, Conflict where it still holds.
    """
    origin, size, _ = epochs.parts(checkpoint)
    with core.store.transaction():
        head = quick.lock(models.AuditHead, tenant_id=log_id)
        if head is None:
            raise NotFound("there is no such log")
        if size < 0 or epochs.base(origin) != epochs.base(head.origin):
            raise Invalid("checkpoint", "must be a signed checkpoint of this log")
        for row in epochs.rows(log_id):
            if row.published_checkpoint == checkpoint:
                return _opened(row)
        if size < head.size and epochs.number(origin) <= epochs.number(head.origin):
            raise Conflict("the log is longer than this checkpoint: there is no gap to record")
        return _opened(_open(core, head, checkpoint))


def _open(core: Core, head: models.AuditHead, checkpoint: str) -> models.LogEpoch:
    published, size, _ = epochs.parts(checkpoint)
    latest = max(epochs.number(head.origin), epochs.number(published))
    row = models.LogEpoch(
        tenant_id=head.tenant_id,
        epoch=latest + 1,
        origin=epochs.named(head.origin, latest + 1),
        seq=head.size,
        previous_origin=published,
        restored_checkpoint=head.checkpoint,
        published_size=size,
        published_checkpoint=checkpoint,
        opened_at=core.clock(),
    )
    row.save(force_insert=True)
    quick.update(models.AuditHead, {"tenant_id": head.tenant_id}, {"origin": row.origin})
    core.log.append(head.tenant_id, [Leaf(epochs.KIND, {"actor": acts.SYSTEM, **epochs.body(row)})])
    return row


def _opened(row: models.LogEpoch) -> Opened:
    return Opened(row.epoch, row.origin, int(row.seq), max(0, int(row.published_size) - int(row.seq)))


@dataclass(frozen=True, slots=True)
class View:
    """One epoch of a log as its readers see it, ``size`` entries of it; ``following`` opened the next."""

    origin: str
    size: int
    checkpoint: str
    following: models.LogEpoch | None = None


def view(core: Core, log_id: str, epoch: int) -> View:
    """An epoch, 1 for the first: of one that is over, the last checkpoint that was published, and the entries
    that are left of it. Raises NotFound for one that there never was."""
    head, opened = core.log.head(log_id), epochs.rows(log_id)
    origin = epochs.named(head.origin, epoch)
    if origin == head.origin:
        return View(head.origin, int(head.size), str(head.checkpoint))
    following = next((row for row in opened if row.epoch > epoch), None)
    if following is not None:
        for checkpoint in (following.published_checkpoint, following.restored_checkpoint):
            if epochs.parts(checkpoint)[0] == origin:
                return View(origin, int(following.seq), checkpoint, following)
    raise NotFound("this log has no such epoch")
