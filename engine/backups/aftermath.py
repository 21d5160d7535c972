"""What has to follow a restore: the world went on after the backup was made, and the database doesn't know.

First the logs: where a checkpoint was published that is larger than the log that came back, appending would
make a second history of the same log. Such a log goes on under another origin, and says what is missing. Then
the people: whoever was erased since is in the database again, and is erased again. Last, the installation's log
says that it was restored.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..core import Core
from ..erasing import erasure, residue
from ..errors import LogBroken
from ..ledger import note
from ..ledger.epochs import base, parts, rank
from ..ledger.log import INSTALLATION, Leaf
from ..ledger.memory import Memory
from ..services import acts
from ..services.audit import epochs
from ..store import models, quick
from .faults import BackupFault, told
from .keys_part import KeysPart
from .manifest import Manifest

RESTORED = "installation.restored"
PAGE = 256
_NOTHING_TO_DO = ("erased", "merged")  # who was merged goes with the one they were merged into
_REASON = "restored_backup"


@dataclass(slots=True)
class Settled:
    """What was done: subjects erased again, logs that go on under another origin, logs that are gone."""

    erased_again: int = 0
    epochs: list[dict[str, object]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)


def read_checkpoint(path: Path) -> str:
    """A checkpoint that somebody kept, a signed note (C2SP tlog-checkpoint). Raises BackupFault."""
    with told(f"{path} can't be read"):
        raw = path.read_bytes()
    text = raw.decode("utf-8", "replace")
    if parts(text)[1] < 0:
        raise BackupFault(f"{path} holds no checkpoint: it must begin with a log's origin, size and root")
    return text


def settle(core: Core, known: Sequence[KeysPart], manifest: Manifest, seen: Sequence[str] = ()) -> Settled:
    """Do all of it. Nothing is remembered of what isn't committed: ``core.memory`` is only read.

    ``seen`` are checkpoints that outsiders kept.
    """
    found, quiet = Settled(), replace(core, memory=None)
    published = _published(core.memory, known)
    found.gone += _add(published, seen)
    for log_id, checkpoint in sorted(published.items()):
        _continue(quiet, log_id, checkpoint, found)
    _erase_again(quiet, known, found)
    with core.store.transaction():
        body = {"actor": acts.SYSTEM, "made_at": manifest.made_at, "backup": manifest.mac}
        core.log.append(INSTALLATION, [Leaf(RESTORED, body)])
    return found


def _published(memory: Memory | None, known: Sequence[KeysPart]) -> dict[str, str]:
    """The latest checkpoint that is known of each log."""
    found = {log_id: memory.recall(log_id) or "" for log_id in memory.logs()} if memory else {}
    for part in known:
        for log_id, checkpoint in part.checkpoints.items():
            if rank(checkpoint) > rank(found.get(log_id, "")):
                found[log_id] = checkpoint
    return found


def _add(published: dict[str, str], seen: Sequence[str]) -> list[str]:
    """Take in what outsiders kept, where it is later; origins of which no log came back."""
    row = models.AuditHead
    logs = {base(head.origin): str(head.tenant_id) for head in row.select(row.tenant_id, row.origin)}
    gone = []
    for checkpoint in seen:
        origin = parts(checkpoint)[0]
        log_id = logs.get(base(origin))
        if log_id is None:
            gone.append(origin)
        elif rank(checkpoint) > rank(published.get(log_id, "")):
            published[log_id] = checkpoint
    return gone


def _continue(core: Core, log_id: str, checkpoint: str, found: Settled) -> None:
    """Under another origin, where the log that came back is no longer the one that was published."""
    head = models.AuditHead.get_or_none(tenant_id=log_id)
    if head is None:
        found.gone.append(parts(checkpoint)[0])
    elif _is_behind(head, checkpoint):
        opened = epochs.open_epoch(core, log_id, checkpoint)
        found.epochs.append(
            {
                "log": parts(checkpoint)[0],
                "goes_on_as": opened.origin,
                "missing": opened.missing,
                "first_missing": opened.seq,
                "since": head.updated_at,
                "verified": _is_signed(core, checkpoint),
            }
        )


def _is_behind(head: models.AuditHead, checkpoint: str) -> bool:
    """Whether more was published than came back, or something else."""
    published, restored = rank(checkpoint), rank(head.checkpoint)
    return published > restored or (
        published == restored and parts(checkpoint)[2] != parts(head.checkpoint)[2]
    )


def _is_signed(core: Core, checkpoint: str) -> bool:
    """Whether a key of this installation signed it that came back too: one that was made after the backup
    didn't, and what it signed was published all the same."""
    try:
        note.open_checkpoint(checkpoint, core.signing.verifiers(parts(checkpoint)[0]))
    except LogBroken:
        return False
    return True


def _erase_again(core: Core, known: Sequence[KeysPart], found: Settled) -> None:
    """Everybody of the shred lists who isn't erased in the database that came back."""
    if core.shred_list is None:
        return
    for part in known:
        core.shred_list.merge(part.shredded)
    listed = core.shred_list.entries()
    for first in range(0, len(listed), PAGE):
        there = quick.by_ids(models.DataSubject, (entry.subject_id for entry in listed[first : first + PAGE]))
        for subject in there.values():
            if subject.state not in _NOTHING_TO_DO:
                erasure.erase(
                    core,
                    subject.tenant_id,
                    subject.id,
                    acts.SYSTEM,
                    reason=_REASON,
                    with_account=True,
                    at_once=0,
                )
                found.erased_again += 1
    if found.erased_again:
        residue.clean(core.store)
