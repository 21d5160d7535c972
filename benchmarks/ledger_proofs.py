"""What a proof costs in a log of ten million leaves: milliseconds and reads, from the tiles of a real store."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take
from stage import StageFailed

from dxflow.engine.core import Core
from dxflow.engine.errors import LogBroken
from dxflow.engine.ledger import merkle, tiles
from dxflow.engine.ledger.log import StoredTiles
from dxflow.engine.store import models, quick

LEAVES, PROOFS = 10_000_000, 1_000
AT_ONCE = 1 << 18
"""Leaves hashed into the tree at a time while it is made."""
TENANT = "7d0e3a52-9b1f-4c38-8a44-2f1f4be1c0aa"
IN_MS, IN_READS = Goal(reach=2.0, aim=1.0, lower=True), Goal(reach=20, aim=10, lower=True)


@dataclass
class Counted:
    """Reads tiles from the store, and counts."""

    tiles: StoredTiles = field(default_factory=lambda: StoredTiles(TENANT))
    reads: int = 0

    def read(self, level: int, index: int) -> bytes:
        """See ``tiles.TileReader``."""
        self.reads += 1
        return self.tiles.read(level, index)


@dataclass(frozen=True, slots=True)
class Probe:
    """A proof to be read, and the check that it holds."""

    prove: Callable[[Counted], list[bytes]]
    verify: Callable[[list[bytes]], None]


def figure(scale: Scale, core: Core) -> Figure:
    """Proofs at random places of a tree whose leaves are random hashes: only its tiles are stored."""
    size, proofs = scale.messages(LEAVES), scale.messages(PROOFS)
    root = _grow(core, size)
    chance = random.Random(size)

    def inclusion() -> Probe:
        index = chance.randrange(size)
        row = StoredTiles(TENANT).read(0, index // tiles.TILE_WIDTH)
        leaf = merkle.split_hashes(row)[index % tiles.TILE_WIDTH]
        return Probe(
            lambda reader: tiles.inclusion_proof(reader, index, size),
            lambda path: merkle.verify_inclusion(leaf, index, size, path, root),
        )

    def consistency() -> Probe:
        old = chance.randrange(1, size)
        older = tiles.root(StoredTiles(TENANT), old)
        return Probe(
            lambda reader: tiles.consistency_proof(reader, old, size),
            lambda path: merkle.verify_consistency(old, size, older, root, path),
        )

    readings = take(
        scale,
        lambda: _read("inclusion", inclusion, proofs),
        lambda: _read("consistency", consistency, proofs),
    )
    return _table(readings, size)


def _grow(core: Core, size: int) -> bytes:
    """Store the tiles of a tree of random leaves; its root."""
    tree, reader = merkle.Frontier(), StoredTiles(TENANT)
    while tree.size < size:
        hashes = merkle.split_hashes(os.urandom(merkle.HASH_BYTES * min(AT_ONCE, size - tree.size)))
        with core.store.transaction():
            for (level, index), content in tiles.extend(reader, tree, hashes).items():
                row = {"tenant_id": TENANT, "level": level, "idx": index, "hashes": content}
                quick.put(models.AuditTile, row, "tenant_id", "level", "idx")
    return tree.root()


def _read(name: str, choose: Callable[[], Probe], count: int) -> Round:
    """Read so many proofs, verify each outside the clock, and tell times and reads."""
    times, reads = list[float](), list[int]()
    for _ in range(count):
        probe, reader = choose(), Counted()
        began = time.perf_counter()
        path = probe.prove(reader)
        times.append(1000 * (time.perf_counter() - began))
        reads.append(reader.reads)
        try:
            probe.verify(path)
        except LogBroken as error:
            raise StageFailed(f"a proof of {name} doesn't hold: {error}") from error
    times.sort()
    p99 = times[int(0.99 * (len(times) - 1))]
    return {f"{name} p50": times[len(times) // 2], f"{name} p99": p99, f"{name} reads": max(reads)}


def _table(readings: Readings, size: int) -> Figure:
    figure = Figure(
        f"ledger: one proof at {size:,} leaves",
        ("proof", "p50 ms", "p99 ms", "most reads"),
        (
            "from the tiles in SQLite; a read is a row of audit_tiles; each proof is then verified",
            "a p99 of 4 ms and more is a turn that other work on this machine had on the processor",
        ),
    )
    for name in ("inclusion", "consistency"):
        p50, p99, reads = (readings.of(f"{name} {what}") for what in ("p50", "p99", "reads"))
        figure.rows.append((name, spread(p50, 2), spread(p99, 2), spread(reads)))
        title = f"{name} proof at {size:,} leaves"
        for what, goal, unit in (("p50", IN_MS, "ms"), ("reads", IN_READS, "")):
            ours = readings.median(f"{name} {what}")
            figure.verdicts.append(Verdict(f"{title}, {what}", goal, ours, None, None, unit, absolute=True))
    return figure
