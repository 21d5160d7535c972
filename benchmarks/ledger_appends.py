"""Appends per second to one tenant's log, in batches of one transaction each, against what writes less.

SQLite's own batched INSERT gets the same rows of the same two tables, ready made. pymerkle's ``SqliteTree``
keeps entries and their hashes, and works the tree out when it is asked for a root; it is measured as it comes,
and doing what we do: leaves made of the same changes, salts kept, and a signed root after each batch.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pymerkle
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take

from dxflow.engine import moments
from dxflow.engine.core import Core
from dxflow.engine.ledger import leaves
from dxflow.engine.ledger.log import Leaf

COUNT, BATCH, MESSAGE = 50_000, 1_000, 64
"""Leaves of a reading; of a batch; of the batch that a message of the engine makes."""
SINGLE = 50
"""One in so many leaves is appended by itself to pymerkle's tree: each waits for the disk."""
TO_SQLITE, TO_PYMERKLE = Goal(reach=0.3, aim=0.5), Goal(reach=1.0, aim=2.0)
TABLES = "('audit_entries', 'audit_salts')"
T = TypeVar("T")


def leaf(number: int) -> Leaf:
    """A leaf as the workflows write them: what was done in the open, and a commitment to with what."""
    body = {"actor": "workflow:processing_activity", "event": str(uuid.uuid4()), "step": "publish"}
    payload = {
        "id": str(uuid.uuid4()),
        "subject_id": str(uuid.uuid4()),
        "activity_type": f"newsletter {number}",
        "legal_basis": "consent",
        "purpose": "monthly news",
        "fields": ["email", "first_name"],
        "occurred_at": "2026-11-24T09:00:00.000Z",
    }
    return Leaf("workflow.step", {**body, "workflow": "processing_activity", "outcome": "published"}, payload)


@dataclass
class Bench:
    """A store, and files beside it for the peers."""

    core: Core
    place: Path
    count: int
    written: str = ""
    """The tenant of the log that was appended to last."""
    _files: Iterator[Path] = field(init=False)

    def __post_init__(self) -> None:
        self._files = (self.place / f"peer-{number}.db" for number in range(10**6))

    def ours(self, batch: int) -> float:
        """Leaves per second, into a new log."""
        self.written = str(uuid.uuid4())
        with self.core.store.transaction():
            self.core.log.open(self.written, f"did:dep:{self.written}")

        def append(made: Sequence[Leaf]) -> None:
            with self.core.store.transaction():
                self.core.log.append(self.written, made)

        return _rate(self._batches(batch), append)

    def sqlite(self, batch: int, *, triggers: bool = True) -> float:
        """Leaves per second by ``executemany`` into the same tables of another file; with ``triggers`` it
        refuses what ours refuses."""
        entries, salts = (self._rows(table) for table in ("audit_entries", "audit_salts"))
        with closing(sqlite3.connect(next(self._files), isolation_level=None)) as peer:
            for pragma in ("journal_mode = wal", "synchronous = full", "secure_delete = 1"):
                peer.execute(f"PRAGMA {pragma}")
            for statement in self._schema(triggers=triggers):
                peer.execute(statement)
            began = time.perf_counter()
            for first in range(0, len(entries), batch):
                peer.execute("BEGIN IMMEDIATE")
                peer.executemany(
                    "INSERT INTO audit_entries VALUES (?, ?, ?, ?, ?)", entries[first : first + batch]
                )
                peer.executemany("INSERT INTO audit_salts VALUES (?, ?, ?)", salts[first : first + batch])
                peer.execute("COMMIT")
            return len(entries) / (time.perf_counter() - began)

    def bulk(self) -> float:
        """Leaves per second into pymerkle's tree: it loads leaves that others made, and never makes a tree."""
        data = [bytes(row[3], "utf-8") for row in self._rows("audit_entries")]
        with pymerkle.SqliteTree(str(next(self._files))) as tree:
            return _rate(_parts(data, BATCH), tree.append_entries)

    def single(self) -> float:
        """Leaves per second into pymerkle's tree, one after the other."""
        data = [bytes(row[3], "utf-8") for row in self._rows("audit_entries")][::SINGLE]
        with pymerkle.SqliteTree(str(next(self._files))) as tree:
            return _rate(_parts(data, 1), lambda part: tree.append_entry(part[0]))

    def whole(self) -> float:
        """Leaves per second into pymerkle's tree, doing what we do."""
        with pymerkle.SqliteTree(str(next(self._files))) as tree:
            tree.con.execute("CREATE TABLE salts (seq INTEGER PRIMARY KEY, salt BLOB NOT NULL)")

            def append(made: Sequence[Leaf]) -> None:
                first, data, salts = tree.get_size(), list[bytes](), list[tuple[int, bytes]]()
                now = moments.to_text(self.core.clock())
                for seq, one in enumerate(made, first):
                    salts.append((seq, secrets.token_bytes(leaves.SALT_BYTES)))
                    content = {"v": leaves.LEAF_VERSION, "seq": seq, "ts": now, "kind": one.kind, **one.body}
                    commitment = leaves.commit(salts[-1][1], one.payload or {})
                    data.append(leaves.encode({**content, "commitment": commitment}))
                tree.con.executemany("INSERT INTO salts VALUES (?, ?)", salts)  # commits with the entries
                tree.append_entries(data)
                self.core.signing.sign("pymerkle.example/log", first + len(data), tree.get_root())

            return _rate(self._batches(BATCH), append)

    def _batches(self, batch: int) -> Iterator[list[Leaf]]:
        for first in range(0, self.count, batch):
            yield [leaf(number) for number in range(first, min(first + batch, self.count))]

    def _rows(self, table: str) -> list[tuple[Any, ...]]:
        query = f"SELECT * FROM {table} WHERE tenant_id = ? ORDER BY seq"
        return list(self.core.store.database.execute_sql(query, (self.written,)).fetchall())

    def _schema(self, *, triggers: bool) -> list[str]:
        query = f"SELECT sql, type FROM sqlite_master WHERE tbl_name IN {TABLES} AND sql IS NOT NULL"
        found = self.core.store.database.execute_sql(f"{query} ORDER BY type <> 'table', type")
        return [statement for statement, kind in found if triggers or kind == "table"]


def _parts(work: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (work[first : first + size] for first in range(0, len(work), size))


def _rate(batches: Iterable[Sequence[T]], append: Callable[[Sequence[T]], object]) -> float:
    """What is appended per second; making it isn't counted."""
    count, spent = 0, 0.0
    for batch in batches:
        began = time.perf_counter()
        append(batch)
        spent += time.perf_counter() - began
        count += len(batch)
    return count / spent


def figure(scale: Scale, core: Core, place: Path) -> Figure:
    """Ours and the peers in turn; each round's peers get the rows that its own appends wrote."""
    bench = Bench(core, place, scale.messages(COUNT))

    def turn() -> Round:
        small = {"ours 64": bench.ours(MESSAGE), "sqlite 64": bench.sqlite(MESSAGE)}
        return small | {
            "ours": bench.ours(BATCH),
            "sqlite": bench.sqlite(BATCH),
            "bare": bench.sqlite(BATCH, triggers=False),
            "whole": bench.whole(),
            "bulk": bench.bulk(),
            "single": bench.single(),
        }

    return _table(take(scale, turn))


def _table(readings: Readings) -> Figure:
    figure = Figure(
        "ledger: leaves appended per second to one log",
        ("what appends", "leaves /s", "ours: ratio"),
        (
            "ours: leaves encoded, committed to, salted, hashed into tree and tiles, signed, committed",
            "SQLite gets the rows ready made; pymerkle's bulk load gets leaves ready made and makes no tree",
        ),
    )
    sqlite, tree = "SQLite, executemany of the same rows", "pymerkle's SqliteTree"
    for name, ours, title in (
        ("ours", "ours", f"ours, {BATCH:,} a batch"),
        ("sqlite", "ours", f"{sqlite}, {BATCH:,} a batch"),
        ("bare", "ours", "… without the triggers that refuse changes"),
        ("ours 64", "ours 64", f"ours, {MESSAGE} a batch"),
        ("sqlite 64", "ours 64", f"{sqlite}, {MESSAGE} a batch"),
        ("whole", "ours", f"{tree} doing what we do, {BATCH:,} a batch"),
        ("single", "ours", f"{tree}, append_entry, one by one"),
        ("bulk", "ours", f"{tree}, bulk load without a root"),
    ):
        ratio = "" if name == ours else spread(readings.ratio(ours, name), 2)
        figure.rows.append((title, spread(readings.of(name)), ratio))
    for peer, goal, what in (
        ("sqlite", TO_SQLITE, "SQLite's batched INSERT of the same rows"),
        ("whole", TO_PYMERKLE, "pymerkle's SqliteTree doing what we do"),
        ("single", TO_PYMERKLE, "pymerkle's SqliteTree, one by one"),
    ):
        ours, theirs = readings.median("ours"), readings.median(peer)
        title = f"leaves appended/s (peer: {what})"
        figure.verdicts.append(Verdict(title, goal, ours, theirs, readings.versus("ours", peer), "/s"))
    return figure
