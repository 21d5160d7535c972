"""Proofs that many activities of one person are in the log, without a query for each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ..errors import LogBroken
from ..ledger import tiles
from ..store import models

PART = 500
"""Entries whose tiles are read together: a tile has up to 8 KiB."""


@dataclass(slots=True)
class _Tiles:
    """Tiles that were read before they are asked for (``tiles.TileReader``)."""

    found: dict[tuple[int, int], bytes] = field(default_factory=dict)

    def read(self, level: int, index: int) -> bytes:
        """Concatenated hashes of a tile. Raises LogBroken for one that isn't there."""
        if (level, index) not in self.found:
            raise LogBroken(f"tile {level}/{index} is missing")
        return self.found[level, index]


def proofs(tenant_id: str, indexes: Iterable[int], size: int) -> dict[int, list[str]]:
    """For each entry of a log of ``size`` the hashes, in hex, that lead from it to the root (RFC 9162 section
    2.1.3). One query per level of the tree for every ``PART`` entries."""
    wanted = sorted({index for index in indexes if index < size})
    found = dict[int, list[str]]()
    for first in range(0, len(wanted), PART):
        part = wanted[first : first + PART]
        reader = _Tiles(_read(tenant_id, part, size))
        for index, path in tiles.inclusion_proofs(reader, part, size).items():
            found[index] = [node.hex() for node in path]
    return found


def _read(tenant_id: str, indexes: Sequence[int], size: int) -> dict[tuple[int, int], bytes]:
    """Every tile that these proofs need: those above each entry, and those at the tree's right edge."""
    row, found, level = models.AuditTile, dict[tuple[int, int], bytes](), 0
    while size >> (tiles.TILE_HEIGHT * level):
        height = tiles.TILE_HEIGHT * (level + 1)
        needed = {index >> height for index in indexes} | {size >> height}
        query = row.select().where(
            row.tenant_id == tenant_id, row.level == level, row.idx.in_(sorted(needed))
        )
        found |= {(level, one.idx): bytes(one.hashes) for one in query}
        level += 1
    return found


def leaves(tenant_id: str, of: object) -> Mapping[int, str]:
    """The leaves at these indexes, which a subquery names; one query."""
    row = models.AuditEntry
    query = row.select(row.seq, row.leaf).where(row.tenant_id == tenant_id, row.seq.in_(of))
    return {one.seq: one.leaf for one in query}
