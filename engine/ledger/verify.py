"""Verify a stored log against itself: every leaf, the tree over them, the tiles, the signed checkpoint, and the
receipts that point into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import peewee

from .. import moments
from ..errors import DxflowError, LogBroken
from ..store import models
from . import merkle, note, tiles
from .log import StoredTiles

CHUNK = 1000
NAMED = 20
"""Faulty receipts and tiles that are named of one log; a wrong root is named alone, it explains them all."""


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
    """Add one tenant's log to ``found``; reads it in chunks, so a log of any size fits in memory.

    The log may grow meanwhile: what is checked is the tree that ``head`` speaks of.
    """
    found.tenants += 1
    rebuilt, faults = _Rebuilt(head.tenant_id), list[str]()
    try:
        for chunk in _chunks(head.tenant_id, head.size):
            start = rebuilt.frontier.size
            contents = [_content(entry, number) for number, entry in enumerate(chunk, start)]
            faults += _receipt_faults(head.tenant_id, contents, start)
            rebuilt.add([merkle.leaf_hash(entry.leaf.encode()) for entry in chunk])
            found.entries += len(chunk)
            progress(len(chunk))
        _check_head(head, rebuilt.frontier, verifiers)
        _check_beyond(head)
        faults += rebuilt.faults + _activity_faults(head.tenant_id)
    except DxflowError as error:
        faults = [str(error)]
    found.problems += [f"{head.origin}: {fault}" for fault in faults[:NAMED]]


def _chunks(tenant_id: str, size: int) -> Iterator[list[models.AuditEntry]]:
    entry = models.AuditEntry
    for start in range(0, size, CHUNK):
        query = entry.select().where(
            entry.tenant_id == tenant_id, entry.seq >= start, entry.seq < min(start + CHUNK, size)
        )
        yield list(query.order_by(entry.seq))


def _content(entry: models.AuditEntry, expected: int) -> dict[str, object]:
    """What a leaf says, once it says the same as its row."""
    if entry.seq != expected:
        raise LogBroken(f"entry {expected} is missing")
    try:
        content = json.loads(entry.leaf)
    except ValueError:
        raise LogBroken(f"entry {expected} is not JSON") from None
    row = {"seq": expected, "kind": entry.kind, "ts": moments.to_text(entry.recorded_at)}
    if not isinstance(content, dict) or any(content.get(name) != value for name, value in row.items()):
        raise LogBroken(f"entry {expected} doesn't say what its row says")
    return content


class _Rebuilt:
    """The tree made again from the entries; ``faults`` names stored tiles that hold other hashes."""

    def __init__(self, tenant_id: str) -> None:
        self.frontier = merkle.Frontier()
        self.faults: list[str] = []
        self._stored = StoredTiles(tenant_id)
        self._last: dict[int, tuple[int, bytes]] = {}

    def read(self, level: int, index: int) -> bytes:
        """The last tile of a level as rebuilt so far (``tiles.TileReader``)."""
        known, content = self._last.get(level, (index, b""))
        return content if known == index else b""

    def add(self, hashes: Sequence[bytes]) -> None:
        """Grow by these leaves."""
        for (level, index), content in tiles.grow(self, self.frontier.size, hashes).items():
            self._last[level] = (index, content)
            try:
                if not self._stored.read(level, index).startswith(content):
                    self.faults.append(f"tile {level}/{index} holds other hashes than its entries give")
            except LogBroken as error:
                self.faults.append(str(error))
        for leaf_hash in hashes:
            self.frontier.append(leaf_hash)


def _check_head(
    head: models.AuditHead, frontier: merkle.Frontier, verifiers: Sequence[note.Verifier]
) -> None:
    if frontier.size != head.size:
        raise LogBroken(f"the head counts {head.size} entries, there are {frontier.size}")
    root = frontier.root()
    if root.hex() != head.root:
        raise LogBroken(f"the {head.size} entries don't give the root of the head: one was changed")
    if frontier.to_bytes() != bytes(head.frontier):
        raise LogBroken("the head's frontier isn't that of its entries: the next append would go wrong")
    checkpoint = note.open_checkpoint(head.checkpoint, verifiers)
    if (checkpoint.origin, checkpoint.size, checkpoint.root) != (head.origin, head.size, root):
        raise LogBroken("the signed checkpoint speaks of another tree")


def _check_beyond(head: models.AuditHead) -> None:
    """Entries and receipts commit with the head that counts them: none lies beyond a head read afterwards."""
    ends = [(models.AuditEntry.seq, "entries"), (models.Registration.log_index, "receipts")]
    last = [(_largest(column, head.tenant_id), what) for column, what in ends]
    size = models.AuditHead.get(models.AuditHead.tenant_id == head.tenant_id).size
    for index, what in last:
        if index is not None and index >= size:
            raise LogBroken(f"there are {what} beyond the head's size {size}")


def _largest(column: peewee.Field, tenant_id: str) -> int | None:
    model = column.model
    found: int | None = model.select(peewee.fn.MAX(column)).where(model.tenant_id == tenant_id).scalar()
    return found


def _receipt_faults(tenant_id: str, contents: Sequence[dict[str, object]], start: int) -> list[str]:
    """What is wrong with the receipts of these leaves: every registration has one, and it points here."""
    model = models.Registration
    rows = model.select().where(
        model.tenant_id == tenant_id, model.log_index >= start, model.log_index < start + len(contents)
    )
    receipts = {row.log_index: row for row in rows}
    faults = []
    for index, content in enumerate(contents, start):
        activity = content.get("activity") if content["kind"] == "activity.registered" else None
        receipt = receipts.get(index)
        if receipt is None and activity is not None:
            faults.append(f"the receipt of {activity}, registered by entry {index}, is missing")
        elif receipt is not None and receipt.did != activity:
            faults.append(f"the receipt of {receipt.did} points at entry {index}, which isn't its leaf")
    return faults


def _activity_faults(tenant_id: str) -> list[str]:
    """Activities that claim to be registered otherwise than their receipts say."""
    activity, receipt = models.ProcessingActivity, models.Registration
    same = (
        (receipt.did == activity.did)
        & (receipt.log_index == activity.log_index)
        & (receipt.tree_size == activity.tree_size)
    )
    rows = (
        activity.select(activity.id)
        .join(receipt, peewee.JOIN.LEFT_OUTER, on=(receipt.activity_id == activity.id) & same)
        .where(activity.tenant_id == tenant_id, activity.registration_state == "registered")
        .where(receipt.activity_id.is_null())
        .limit(NAMED)
    )
    return [f"activity {row.id} doesn't say what its receipt says" for row in rows]
