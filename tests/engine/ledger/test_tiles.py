"""Tiles against RFC 6962 written down naively: the same root and the same proofs at every size and batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxflow.engine.errors import LogBroken
from dxflow.engine.ledger import merkle, tiles

LEAVES = [merkle.leaf_hash(f"entry {n}".encode()) for n in range(3000)]


@cache
def mth(begin: int, end: int) -> bytes:
    """MTH(D[begin:end]) of RFC 6962 section 2.1."""
    if begin == end:
        return merkle.EMPTY_ROOT
    if end - begin == 1:
        return LEAVES[begin]
    k = largest_power_below(end - begin)
    return merkle.node_hash(mth(begin, begin + k), mth(begin + k, end))


def path(m: int, begin: int, end: int) -> list[bytes]:
    """PATH(m, D[begin:end]) of RFC 6962 section 2.1.1."""
    if end - begin == 1:
        return []
    k = largest_power_below(end - begin)
    if m < k:
        return [*path(m, begin, begin + k), mth(begin + k, end)]
    return [*path(m - k, begin + k, end), mth(begin, begin + k)]


def subproof(m: int, begin: int, end: int, whole: bool) -> list[bytes]:
    """SUBPROOF(m, D[begin:end], whole) of RFC 6962 section 2.1.2."""
    if m == end - begin:
        return [] if whole else [mth(begin, end)]
    k = largest_power_below(end - begin)
    if m <= k:
        return [*subproof(m, begin, begin + k, whole), mth(begin + k, end)]
    return [*subproof(m - k, begin + k, end, False), mth(begin, begin + k)]


def largest_power_below(n: int) -> int:
    k = 1
    while k * 2 < n:
        k *= 2
    return k


class MemoryTiles:
    """Tiles in a dict, read as strictly as a store does: a tile that isn't there is an error."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, int], bytes] = {}
        self.reads = 0

    def read(self, level: int, index: int) -> bytes:
        self.reads += 1
        if (level, index) not in self.kept:
            raise LogBroken(f"tile {level}/{index} is missing")
        return self.kept[level, index]

    def append(self, size: int, leaves: Sequence[bytes]) -> dict[tuple[int, int], bytes]:
        changed = tiles.grow(self, size, leaves)
        self.kept.update(changed)
        return changed


def grown(size: int) -> MemoryTiles:
    reader = MemoryTiles()
    reader.append(0, LEAVES[:size])
    return reader


FULL = grown(len(LEAVES))


def test_roots_and_proofs_are_rfc_6962_s_at_every_size_around_the_tile_s_edges() -> None:
    reader = MemoryTiles()
    for size in range(521):
        assert tiles.root(reader, size) == mth(0, size)
        for index in {0, size // 3, size - 1, size - 256} & set(range(size)):
            proof = tiles.inclusion_proof(reader, index, size)
            assert proof == path(index, 0, size)
            merkle.verify_inclusion(LEAVES[index], index, size, proof, mth(0, size))
        for old in {1, size // 2, size - 1, size, 255, 256, 257, 512} & set(range(1, size + 1)):
            proof = tiles.consistency_proof(reader, old, size)
            assert proof == subproof(old, 0, size, True)
            merkle.verify_consistency(old, size, mth(0, old), mth(0, size), proof)
        reader.append(size, LEAVES[size : size + 1])


@settings(max_examples=60)
@given(st.data(), st.integers(1, len(LEAVES)))
def test_a_full_log_still_proves_every_older_size(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    assert tiles.root(FULL, size) == mth(0, size)
    assert tiles.inclusion_proof(FULL, index, size) == path(index, 0, size)
    assert tiles.consistency_proof(FULL, old, size) == subproof(old, 0, size, True)


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 700, 1025, 3000])
def test_proofs_of_many_leaves_at_once_are_those_of_each(size: int) -> None:
    chosen = sorted({0, size - 1, size // 2, size // 3, *range(0, size, 97)})
    found = tiles.inclusion_proofs(FULL, chosen, size)
    assert found == {index: path(index, 0, size) for index in chosen}


@settings(max_examples=40)
@given(st.lists(st.integers(0, 700), max_size=8))
def test_how_leaves_are_batched_makes_no_difference(batches: list[int]) -> None:
    reader, size = MemoryTiles(), 0
    for batch in batches:
        batch = min(batch, len(LEAVES) - size)
        reader.append(size, LEAVES[size : size + batch])
        size += batch
    assert reader.kept == grown(size).kept
    assert tiles.root(reader, size) == mth(0, size)


@settings(max_examples=40)
@given(st.integers(0, 2000), st.integers(0, 1000))
def test_growing_changes_the_touched_tiles_and_no_full_one(size: int, batch: int) -> None:
    before = grown(size)
    changed = tiles.grow(before, size, LEAVES[size : size + batch])
    after = {**before.kept, **changed}
    assert after == grown(size + batch).kept
    for key, content in changed.items():
        assert content != before.kept.get(key)
        assert content.startswith(before.kept.get(key, b""))


def test_the_specification_s_example_sizes_have_the_tiles_it_lists() -> None:
    assert {key: len(content) // 32 for key, content in grown(256).kept.items()} == {(0, 0): 256, (1, 0): 1}
    # 70,000 leaves: 273 full tiles and one of 112, one full and one of 17, one of 1.
    leaf = LEAVES[0]
    reader = MemoryTiles()
    reader.append(0, [leaf] * 70_000)
    widths = {key: len(content) // 32 for key, content in reader.kept.items()}
    assert [index for level, index in widths if level == 0] == list(range(274))
    assert {width for (level, index), width in widths.items() if level == 0 and index < 273} == {256}
    assert {key: width for key, width in widths.items() if key[0] > 0 or key[1] == 273} == {
        (0, 273): 112,
        (1, 0): 256,
        (1, 1): 17,
        (2, 0): 1,
    }
    frontier = merkle.Frontier()
    for _ in range(70_000):
        frontier.append(leaf)
    assert tiles.root(reader, 70_000) == frontier.root()
    reader.reads = 0
    proof = tiles.inclusion_proof(reader, 69_999, 70_000)
    merkle.verify_inclusion(leaf, 69_999, 70_000, proof, frontier.root())
    assert reader.reads <= 6


def test_nothing_appended_changes_nothing() -> None:
    assert tiles.grow(MemoryTiles(), 0, []) == {}
    assert tiles.grow(FULL, len(LEAVES), []) == {}


@pytest.mark.parametrize("content", [b"", b"".join(LEAVES[:2]), b"".join(LEAVES[:4]), b"\x00" * 95])
def test_growing_over_a_tile_of_another_size_is_refused(content: bytes) -> None:
    reader = MemoryTiles()
    reader.kept[0, 0] = content
    with pytest.raises(LogBroken, match="tile 0/0"):
        tiles.grow(reader, 3, LEAVES[3:4])
    tree = merkle.Frontier()
    tree.extend(LEAVES[:3])
    with pytest.raises(LogBroken, match="3 hashes"):
        tiles.extend(reader, tree, LEAVES[3:4])


def test_a_tile_that_is_missing_or_cut_short_breaks_the_proof() -> None:
    reader = grown(300)
    reader.kept[0, 1] = reader.kept[0, 1][:-32]
    with pytest.raises(LogBroken, match="lacks hashes"):
        tiles.root(reader, 300)
    del reader.kept[0, 0]
    with pytest.raises(LogBroken, match="missing"):
        tiles.inclusion_proof(reader, 0, 299)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (5, 5), (-1, 5)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(LogBroken):
        tiles.inclusion_proof(FULL, index, size)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (6, 5), (-1, 5)])
def test_sizes_that_prove_nothing_have_no_proof(old: int, new: int) -> None:
    with pytest.raises(LogBroken):
        tiles.consistency_proof(FULL, old, new)


@pytest.mark.parametrize(
    ("level", "index", "width", "expected"),
    [
        (0, 0, 256, "tile/0/000"),
        (0, 7, 256, "tile/0/007"),
        (1, 999, 256, "tile/1/999"),
        (2, 1000, 256, "tile/2/x001/000"),
        (0, 1234067, 256, "tile/0/x001/x234/067"),
        (0, 1234067, 8, "tile/0/x001/x234/067.p/8"),
        (63, 5, 255, "tile/63/005.p/255"),
    ],
)
def test_a_tile_has_its_path(level: int, index: int, width: int, expected: str) -> None:
    assert tiles.tile_path(level, index, width) == expected


@pytest.mark.parametrize(
    ("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 0, 0), (0, 0, 257)]
)
def test_what_no_tile_has_is_refused(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match="no tile"):
        tiles.tile_path(level, index, width)
