"""Verify a stored log against itself and against what is remembered of it: every leaf, the tree over them, the
tiles, the signed checkpoint, and the receipts that point into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import peewee

from .. import moments
from ..errors import DxflowError, LogBroken
from ..store import models
from . import covers, epochs, merkle, note, receipts, tiles
from .log import INSTALLATION, StoredTiles
from .memory import size_of

CHUNK = 4096
"""Entries at a time; whole tiles, so that progress is kept where a tile ends."""

NAMED = 20
"""Faulty receipts and tiles that are named of one log; a wrong root is named alone, it explains them all."""

Row = tuple[int, str, str, "str | datetime"]
"""Index, kind, leaf and time of an entry, as the database hands them out."""


@dataclass(slots=True)
class Verification:
    """What was found. ``ok`` only when nothing at all was wrong; ``resumed`` names logs whose beginning an
    earlier run had verified, ``epochs`` gaps that the logs themselves tell of."""

    tenants: int = 0
    entries: int = 0
    problems: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)
    epochs: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.problems


Progress = Callable[[int], None]
"""Told the number of entries read since the last call."""


@dataclass(slots=True)
class Verified:
    """How far a verification came: the tree so far and the faults found in it."""

    frontier: merkle.Frontier = field(default_factory=merkle.Frontier)
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of a log from elsewhere: how its origin ends, and the largest checkpoint seen of it."""

    name: str = ""
    remembered: str | None = None


NOTHING = Expected()


def tenant(
    found: Verification,
    head: models.AuditHead,
    verifiers: Sequence[note.Verifier],
    progress: Progress,
    expected: Expected = NOTHING,
    verified: Verified | None = None,
    reached: Callable[[Verified], None] = lambda _: None,
) -> None:
    """Add one log to ``found``; reads it in chunks, so a log of any size fits in memory.

    It goes on from ``verified``, and ``reached`` hears after each chunk how far it came. The log may grow
    meanwhile: what is checked is the tree that ``head`` speaks of.
    """
    found.tenants += head.tenant_id != INSTALLATION
    pass_ = _Pass(head, verified or Verified())
    faults = (
        []
        if epochs.base(head.origin).endswith(expected.name)
        else [f"this origin isn't that of {expected.name}"]
    )
    faults += _rolled_back(head, expected.remembered)
    try:
        for chunk in _chunks(head, pass_.size):
            pass_.add(chunk)
            found.entries += len(chunk)
            progress(len(chunk))
            reached(pass_.verified)
        _check_head(head, pass_.verified.frontier, verifiers)
        _check_beyond(head)
        if not _rolled_back(head, expected.remembered):
            _check_memory(head, expected.remembered, verifiers)
        faults += epochs.faults(head, verifiers)
        faults += pass_.verified.faults + receipts.activity_faults(head.tenant_id)[:NAMED]
        faults += receipts.faults_elsewhere(head.tenant_id) + covers.tree_faults(head)[:NAMED]
    except DxflowError as error:
        faults.append(str(error))
    found.problems += [f"{head.origin}: {fault}" for fault in faults[:NAMED]]


class _Pass:
    """The tree made again from the entries, and held against the stored tiles (``tiles.TileReader``)."""

    def __init__(self, head: models.AuditHead, verified: Verified) -> None:
        self.verified = verified
        self._head = head
        self._stored = StoredTiles(head.tenant_id)
        self._last: dict[int, tuple[int, bytes]] = {}

    @property
    def size(self) -> int:
        """Entries verified so far."""
        return self.verified.frontier.size

    def read(self, level: int, index: int) -> bytes:
        """The last tile of a level as made again so far; after a pause as it is stored, cut to what it had."""
        if level in self._last:
            known, content = self._last[level]
            return content if known == index else b""
        width = (self.size >> (tiles.TILE_HEIGHT * level)) - index * tiles.TILE_WIDTH
        return self._stored.read(level, index)[: width * merkle.HASH_BYTES]

    def add(self, chunk: Sequence[Row]) -> None:
        """The next entries. Raises LogBroken for one that isn't there or isn't what its row says."""
        start, log_id = self.size, self._head.tenant_id
        contents = [_content(row, number) for number, row in enumerate(chunk, start)]
        self._fault(receipts.faults(log_id, contents, start))
        if log_id == INSTALLATION:
            self._fault(covers.leaf_faults(contents, start))
        hashes = [merkle.leaf_hash(row[2].encode()) for row in chunk]
        for (level, index), content in tiles.extend(self, self.verified.frontier, hashes).items():
            self._last[level] = (index, content)
            self._fault(self._tile_faults(level, index, content))

    def _tile_faults(self, level: int, index: int, content: bytes) -> list[str]:
        try:
            if self._stored.read(level, index).startswith(content):
                return []
        except LogBroken as error:
            return [str(error)]
        return [f"tile {level}/{index} holds other hashes than its entries give"]

    def _fault(self, more: Sequence[str]) -> None:
        room = NAMED - len(self.verified.faults)
        self.verified.faults += more[: max(0, room)]


def _chunks(head: models.AuditHead, start: int) -> Iterator[list[Row]]:
    mark = models.database.param
    text = (
        f"SELECT seq, kind, leaf, recorded_at FROM audit_entries WHERE tenant_id = {mark} "  # noqa: S608  # marks alone
        f"AND seq >= {mark} AND seq < {mark} ORDER BY seq"
    )
    while start < head.size:
        end = min(start + CHUNK, head.size)
        rows: list[Row] = models.database.execute_sql(text, (head.tenant_id, start, end)).fetchall()
        if rows and rows[0][0] != start:
            raise LogBroken(f"entry {start} is missing")
        if not rows:
            return  # the head counts more than there are, and says so when it is checked
        yield rows
        start = end if len(rows) == end - start else start + len(rows)


def _content(row: Row, expected: int) -> dict[str, Any]:
    """What a leaf says, once it says the same as its row."""
    seq, kind, leaf, at = row
    if seq != expected:
        raise LogBroken(f"entry {expected} is missing")
    try:
        content = json.loads(leaf)
        same = content["seq"] == seq and content["kind"] == kind and content["ts"] == _text(at)
    except ValueError:
        raise LogBroken(f"entry {expected} is not JSON") from None
    except (KeyError, TypeError):
        same = False
    if not same:
        raise LogBroken(f"entry {expected} doesn't say what its row says")
    found: dict[str, Any] = content
    return found


def _text(at: str | datetime) -> str:
    return at if isinstance(at, str) else moments.to_text(at)


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
    entry = models.AuditEntry
    last = [
        (entry.select(peewee.fn.MAX(entry.seq)).where(entry.tenant_id == head.tenant_id).scalar(), "entries"),
        (receipts.largest(head.tenant_id), "receipts"),
    ]
    size = models.AuditHead.get(models.AuditHead.tenant_id == head.tenant_id).size
    for index, what in last:
        if index is not None and index >= size:
            raise LogBroken(f"there are {what} beyond the head's size {size}")


def _rolled_back(head: models.AuditHead, remembered: str | None) -> list[str]:
    gone = size_of(remembered or "") - head.size
    if gone <= 0 or _accounted_for(head, remembered or ""):
        return []
    return [
        f"rolled back: the log ends at {head.size} entries, and {gone} more were signed; the checkpoint "
        "remembered outside the database shows it. An older database was put in place, or its end cut off"
    ]


def _accounted_for(head: models.AuditHead, remembered: str) -> bool:
    """Whether an epoch of this log says of the checkpoint that what it speaks of is missing."""
    origin, size, _ = epochs.parts(remembered)
    return any(
        epochs.number(origin) < row.epoch and row.seq < size <= row.published_size
        for row in epochs.rows(head.tenant_id)
        if row.previous_origin == origin
    )


def _check_memory(head: models.AuditHead, remembered: str | None, verifiers: Sequence[note.Verifier]) -> None:
    """The tree began as the checkpoint says that is remembered."""
    if remembered is None or _accounted_for(head, remembered):
        return
    known = note.open_checkpoint(remembered, verifiers)
    if (
        known.origin in epochs.origins(head)
        and tiles.root(StoredTiles(head.tenant_id), known.size) == known.root
    ):
        return
    raise LogBroken(
        f"forked: the first {known.size} entries were others when their checkpoint was signed that is "
        "remembered outside the database"
    )
