"""What outsiders fetch of a log: tiles, entry bundles and keys, by their C2SP tlog-tiles names."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple, cast

from ...core import Core
from ...errors import LogBroken
from ...ledger import tiles
from ...ledger.log import StoredTiles
from ...store import models
from . import log_keys

_HASH_BYTES = 32
_LENGTH_BYTES = 2
"""An entry in a bundle has its length before it, as a big-endian 16-bit number."""

_LEVEL = "entries|0|[1-9]|[1-5][0-9]|6[0-3]"
_NAME = re.compile(rf"tile/({_LEVEL})/((?:x[0-9]{{3}}/){{0,6}}[0-9]{{3}})(?:\.p/([1-9][0-9]{{0,2}}))?")


class TileName(NamedTuple):
    """``level`` is None for an entry bundle, ``number`` its N; ``width`` counts hashes or entries, 1 to 256."""

    level: int | None
    number: int
    width: int


def parse(name: str) -> TileName | None:
    """Read ``tile/<L>/<N>[.p/<W>]``; None for what isn't the one spelling of a tile's name."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    level = None if match[1] == "entries" else int(match[1])
    index = int(match[2].replace("x", "").replace("/", ""))
    found = TileName(level, index, int(match[3] or tiles.TILE_WIDTH))
    narrow = match[3] is not None
    fits = found.width < tiles.TILE_WIDTH if narrow else True
    return found if fits and _spelled(found) == name else None


def tile(log_id: str, name: str, size: int) -> bytes | None:
    """The bytes of a tile or bundle; None for what no tree of at most ``size`` leaves of this log has had."""
    wanted = parse(name)
    if wanted is None:
        return None
    there = size >> (tiles.TILE_HEIGHT * (wanted.level or 0))
    first = wanted.number * tiles.TILE_WIDTH
    if first + wanted.width > there:
        return None
    if wanted.level is None:
        return bundle(log_id, first, wanted.width)
    stored = StoredTiles(log_id).read(wanted.level, wanted.number)
    data = stored[: wanted.width * _HASH_BYTES]
    if len(data) != wanted.width * _HASH_BYTES:
        raise LogBroken(f"tile {wanted.level}/{wanted.number} lacks hashes its tree needs")
    return data


def bundle(log_id: str, first: int, width: int) -> bytes:
    """Entries from ``first`` on, each after its length. Raises LogBroken where one is missing."""
    entry = models.AuditEntry
    query = entry.select(entry.seq, entry.leaf).where(
        entry.tenant_id == log_id, entry.seq >= first, entry.seq < first + width
    )
    rows = list(cast(Iterable[tuple[int, str]], query.order_by(entry.seq).tuples()))
    if [seq for seq, _ in rows] != list(range(first, first + width)):
        raise LogBroken(f"entries from {first} on are missing")
    leaves = (leaf.encode("utf-8") for _, leaf in rows)
    return b"".join(len(leaf).to_bytes(_LENGTH_BYTES, "big") + leaf for leaf in leaves)


def keys(core: Core, log_id: str, origin: str) -> dict[str, object]:
    """``{"origin", "keys": [{"vkey", "index", "active"}]}``: who signs or signed this log, oldest first."""
    return {
        "origin": origin,
        "keys": [
            {
                "vkey": verifier.vkey,
                "index": log_keys.leaf_of(log_id, verifier.public_key),
                "active": active,
            }
            for verifier, active in core.signing.every(origin)
        ],
    }


def _spelled(name: TileName) -> str:
    path = tiles.tile_path(name.level or 0, name.number, name.width)
    return path if name.level is not None else path.replace("tile/0/", "tile/entries/", 1)
