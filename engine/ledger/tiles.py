"""The tree kept as tiles of height 8 (C2SP tlog-tiles), and every proof read from them.

Tile ``(level, index)`` holds up to 256 hashes, concatenated: the roots of complete subtrees of 256^level
leaves, beginning with subtree 256 * index. Level 0 holds leaf hashes. A full tile never changes; only the
last one of each level is partial. The nodes between two tile levels are hashed again when needed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from ..errors import LogBroken
from .merkle import HASH_BYTES, Frontier, parents

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_TILE_BYTES = TILE_WIDTH * HASH_BYTES


class TileReader(Protocol):
    """Where the tiles of one log are kept.

    A tile may hold more hashes than the tree asked about has, never others: what a transaction committed
    stays, so a proof for an older size can be read while the log grows.
    """

    def read(self, level: int, index: int) -> bytes:
        """The tile's hashes so far, concatenated. Only tiles that the tree must have are asked for; for one
        that is missing, raise LogBroken or return what there is."""


def grow(reader: TileReader, size: int, leaf_hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """What ``extend`` gives for a tree of ``size`` of which nothing but its tiles is at hand."""
    return extend(reader, frontier(reader, size), leaf_hashes) if leaf_hashes else {}


def extend(reader: TileReader, tree: Frontier, leaf_hashes: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
    """Append to ``tree``, whose tiles ``reader`` has; the new whole contents of every tile that changes.

    Nothing is written; the caller stores all of them in the transaction that moves the tree's head. Raises
    LogBroken when a stored tile holds more or fewer hashes than the tree's size says: another history is
    kept there.
    """
    size, changed = tree.size, dict[tuple[int, int], bytes]()
    for level, added in enumerate(tree.extend(leaf_hashes)[::TILE_HEIGHT]):
        first, width = divmod(size >> (TILE_HEIGHT * level), TILE_WIDTH)
        row = _read_partial(reader, level, first, width) + added
        for offset in range(0, len(row), _TILE_BYTES):
            changed[level, first + offset // _TILE_BYTES] = row[offset : offset + _TILE_BYTES]
    return changed


def frontier(reader: TileReader, size: int) -> Frontier:
    """The frontier of the first ``size`` leaves."""
    return _Nodes(reader).frontier(0, size)


def root(reader: TileReader, size: int) -> bytes:
    """The root hash of the first ``size`` leaves."""
    return frontier(reader, size).root()


def inclusion_proof(reader: TileReader, index: int, size: int) -> list[bytes]:
    """PATH(index, D[0:size]) of RFC 9162 section 2.1.3.1. Raises LogBroken unless 0 <= index < size."""
    return _path(_Nodes(reader), index, size)


def inclusion_proofs(reader: TileReader, indexes: Iterable[int], size: int) -> dict[int, list[bytes]]:
    """``inclusion_proof`` of many leaves at once: what they share is read and hashed once."""
    nodes = _Nodes(reader)
    return {index: _path(nodes, index, size) for index in indexes}


def _path(nodes: _Nodes, index: int, size: int) -> list[bytes]:
    if not 0 <= index < size:
        raise LogBroken(f"no leaf {index} in a tree of {size}")
    path = list[bytes]()
    begin, end = 0, size
    while end - begin > 1:
        split = begin + _split(end - begin)
        if index < split:
            path.append(nodes.root(split, end))
            end = split
        else:
            path.append(nodes.root(begin, split))
            begin = split
    return path[::-1]


def consistency_proof(reader: TileReader, old_size: int, new_size: int) -> list[bytes]:
    """PROOF(old_size, D[0:new_size]) of RFC 9162 section 2.1.4.1; empty for equal sizes.

    Raises LogBroken unless 0 < old_size <= new_size.
    """
    if not 0 < old_size <= new_size:
        raise LogBroken(f"no consistency proof leads from size {old_size} to {new_size}")
    nodes, path = _Nodes(reader), list[bytes]()
    begin, end = 0, new_size
    while end > old_size:
        split = begin + _split(end - begin)
        if old_size <= split:
            path.append(nodes.root(split, end))
            end = split
        else:
            path.append(nodes.root(begin, split))
            begin = split
    if begin:  # otherwise the older tree is itself a node, and its root is known to whoever asks
        path.append(nodes.root(begin, end))
    return path[::-1]


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """``tile/0/x001/x234/067``, with ``.p/8`` behind it for a tile of 8 hashes (C2SP tlog-tiles).

    Raises ValueError for a level, index or width that no tile has.
    """
    if not (0 <= level < 64 and index >= 0 and 0 < width <= TILE_WIDTH):
        raise ValueError(f"no tile has level {level}, index {index} and width {width}")
    *high, last = f"{index:,}".split(",")
    number = "".join(f"x{group:0>3}/" for group in high) + f"{last:0>3}"
    return f"tile/{level}/{number}" + ("" if width == TILE_WIDTH else f".p/{width}")


class _Nodes:
    """Nodes of the tree, read from tiles; each tile is read once, each node hashed once."""

    def __init__(self, reader: TileReader) -> None:
        self._reader = reader
        self._tiles: dict[tuple[int, int], bytes] = {}
        self._roots: dict[tuple[int, int], bytes] = {}

    def root(self, begin: int, end: int) -> bytes:
        """The root over leaves ``begin`` to ``end``, where ``begin`` is a multiple of the widest part."""
        if (begin, end) not in self._roots:
            self._roots[begin, end] = self.frontier(begin, end).root()
        return self._roots[begin, end]

    def frontier(self, begin: int, end: int) -> Frontier:
        """The complete subtrees that these leaves make up, widest first."""
        size, nodes = end - begin, list[bytes]()
        while begin < end:
            height = (end - begin).bit_length() - 1
            nodes.append(self._complete(height, begin >> height))
            begin += 1 << height
        return Frontier(size, nodes)

    def _complete(self, height: int, index: int) -> bytes:
        """The root of the ``index``-th complete subtree of 2^height leaves."""
        level, rest = divmod(height, TILE_HEIGHT)
        tile, start = divmod(index << rest, TILE_WIDTH)
        row = self._tile(level, tile)[HASH_BYTES * start : HASH_BYTES * (start + (1 << rest))]
        if len(row) < HASH_BYTES << rest:
            raise LogBroken(f"tile {level}/{tile} lacks hashes its tree needs")
        for _ in range(rest):
            row = parents(row)
        return row

    def _tile(self, level: int, index: int) -> bytes:
        if (level, index) not in self._tiles:
            self._tiles[level, index] = self._reader.read(level, index)
        return self._tiles[level, index]


def _read_partial(reader: TileReader, level: int, index: int, width: int) -> bytes:
    """The ``width`` hashes that stand in the last tile of a level; a tile of none isn't kept."""
    if not width:
        return b""
    data = reader.read(level, index)
    if len(data) != width * HASH_BYTES:
        raise LogBroken(f"tile {level}/{index} has {len(data)} bytes where the tree has {width} hashes")
    return data


def _split(size: int) -> int:
    """The largest power of two below ``size`` (RFC 9162's k)."""
    return 1 << (size - 1).bit_length() - 1
