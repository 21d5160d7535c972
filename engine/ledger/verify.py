"""Verify a stored log against itself: every leaf, the tree over them, the tiles, and the signed checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from ..errors import DxflowError, LogBroken
from ..store import models
from . import merkle, note, tiles
from .log import StoredTiles

CHUNK = 1000


@dataclass(slots=True)
class Verification:
    """What was found. ``ok`` only when nothing at all was wrong."""

    tenants: int = 0
    entries: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


Progress = Callable[[int], None]
"""Told the number of entries read since the last call."""


def tenant(
    found: Verification, head: models.AuditHead, verifiers: Sequence[note.Verifier], progress: Progress
) -> None:
    """Add one tenant's log to ``found``; reads it in chunks, so a log of any size fits in memory."""
    found.tenants += 1
    frontier = merkle.Frontier()
    try:
        for entry in _entries(head.tenant_id, head.size):
            _check_leaf(entry, frontier.size)
            frontier.append(merkle.leaf_hash(entry.leaf.encode()))
            found.entries += 1
            if frontier.size % CHUNK == 0:
                progress(CHUNK)
        progress(frontier.size % CHUNK)
        _check_head(head, frontier, verifiers)
        _check_beyond(head)
        _check_registrations(head)
    except DxflowError as error:
        found.problems.append(f"{head.origin}: {error}")


def _entries(tenant_id: str, size: int) -> Iterator[models.AuditEntry]:
    entry = models.AuditEntry
    for start in range(0, size, CHUNK):
        query = entry.select().where(
            entry.tenant_id == tenant_id, entry.seq >= start, entry.seq < min(start + CHUNK, size)
        )
        yield from query.order_by(entry.seq)


def _check_leaf(entry: models.AuditEntry, expected: int) -> None:
    if entry.seq != expected:
        raise LogBroken(f"entry {expected} is missing")
    try:
        content = json.loads(entry.leaf)
    except ValueError:
        raise LogBroken(f"entry {expected} is not JSON") from None
    if not isinstance(content, dict) or content.get("seq") != expected or content.get("kind") != entry.kind:
        raise LogBroken(f"entry {expected} doesn't say what its row says")


def _check_head(
    head: models.AuditHead, frontier: merkle.Frontier, verifiers: Sequence[note.Verifier]
) -> None:
    if frontier.size != head.size:
        raise LogBroken(f"the head counts {head.size} entries, there are {frontier.size}")
    root = frontier.root()
    if root.hex() != head.root:
        raise LogBroken(f"the {head.size} entries don't give the root of the head: one was changed")
    checkpoint = note.open_checkpoint(head.checkpoint, verifiers)
    if (checkpoint.origin, checkpoint.size, checkpoint.root) != (head.origin, head.size, root):
        raise LogBroken("the signed checkpoint speaks of another tree")
    if head.size and tiles.root(StoredTiles(head.tenant_id), head.size) != root:
        raise LogBroken("the stored tiles give another root than the entries")


def _check_beyond(head: models.AuditHead) -> None:
    entry = models.AuditEntry
    if entry.select().where(entry.tenant_id == head.tenant_id, entry.seq >= head.size).exists():
        raise LogBroken(f"there are entries beyond the head's size {head.size}")


def _check_registrations(head: models.AuditHead) -> None:
    """Every receipt points at a leaf that registers that very activity."""
    for row in models.Registration.select().where(models.Registration.tenant_id == head.tenant_id):
        entry = models.AuditEntry.get_or_none(tenant_id=head.tenant_id, seq=row.log_index)
        content = {} if entry is None else json.loads(entry.leaf)
        if content.get("kind") != "activity.registered" or content.get("activity") != row.did:
            raise LogBroken(f"the receipt of {row.did} points at entry {row.log_index}, which isn't its leaf")
