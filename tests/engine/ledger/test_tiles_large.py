"""Proofs from the tiles of large trees: against pymerkle at the tiles' edges, and by what they read."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pymerkle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxflow.engine.errors import LogBroken
from dxflow.engine.ledger import merkle, tiles

EDGES = [1, 2, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537]
"""Sizes around those where a tile fills; at the last three one of level 1 does."""
ENTRIES = [f"entry {n}".encode() for n in range(EDGES[-1])]
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]


@pytest.fixture(scope="module")
def oracle() -> pymerkle.InmemoryTree:
    return pymerkle.InmemoryTree.init_from_entries(ENTRIES, algorithm="sha256")


class Tiles:
    """Tiles of the first leaves in a dict; a tile that isn't there is an error."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self.tree = merkle.Frontier()
        self.kept: dict[tuple[int, int], bytes] = {}
        self.append(leaves)

    def append(self, leaves: Sequence[bytes]) -> None:
        self.kept.update(tiles.extend(self, self.tree, leaves))

    def read(self, level: int, index: int) -> bytes:
        if (level, index) not in self.kept:
            raise LogBroken(f"tile {level}/{index} is missing")
        return self.kept[level, index]


@cache
def whole() -> Tiles:
    return Tiles(LEAVES)


class Uniform:
    """A tree of any size whose leaves are all alike, so that each node depends on its height alone."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.reads: list[tuple[int, int]] = []
        self.heights = [LEAVES[0]]
        while len(self.heights) < size.bit_length():
            self.heights.append(merkle.node_hash(self.heights[-1], self.heights[-1]))

    def read(self, level: int, index: int) -> bytes:
        self.reads.append((level, index))
        width = min(256, (self.size >> 8 * level) - 256 * index)
        assert width > 0, "a tile that the tree doesn't have"
        return self.heights[8 * level] * width

    def root(self, size: int) -> bytes:
        heights = [height for height in range(size.bit_length()) if size >> height & 1]
        return merkle.Frontier(size, [self.heights[height] for height in reversed(heights)]).root()


@pytest.mark.parametrize("size", EDGES)
def test_the_oracle_s_own_verifier_accepts_our_inclusion_proofs(
    oracle: pymerkle.InmemoryTree, size: int
) -> None:
    root = bytes(oracle.get_root(size))
    assert tiles.root(whole(), size) == root
    for index in sorted({0, 1, size // 2, size - 257, size - 256, size - 2, size - 1} & set(range(size))):
        ours = tiles.inclusion_proof(whole(), index, size)
        theirs = oracle.prove_inclusion(index + 1, size)
        assert [LEAVES[index], *ours] == theirs.path
        theirs.path = [LEAVES[index], *ours]
        pymerkle.verify_inclusion(LEAVES[index], root, theirs, index=index + 1, size=size)
        merkle.verify_inclusion(LEAVES[index], index, size, ours, root)


@pytest.mark.parametrize("new", EDGES)
def test_between_any_two_edges_the_oracle_s_roots_are_proven_consistent(
    oracle: pymerkle.InmemoryTree, new: int
) -> None:
    for old in [size for size in EDGES if size <= new]:
        proof = tiles.consistency_proof(whole(), old, new)
        roots = bytes(oracle.get_root(old)), bytes(oracle.get_root(new))
        merkle.verify_consistency(old, new, *roots, proof)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_proofs_for_any_size_are_the_oracle_s(oracle: pymerkle.InmemoryTree, data: st.DataObject) -> None:
    size = data.draw(st.integers(1, len(LEAVES)))
    index = data.draw(st.integers(0, size - 1))
    ours = tiles.inclusion_proof(whole(), index, size)
    assert [LEAVES[index], *ours] == oracle.prove_inclusion(index + 1, size).path
    old = data.draw(st.integers(1, size))
    roots = bytes(oracle.get_root(old)), bytes(oracle.get_root(size))
    merkle.verify_consistency(old, size, *roots, tiles.consistency_proof(whole(), old, size))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 600), max_size=5))
def test_how_a_tree_came_about_makes_no_difference_to_tiles_or_frontier(batches: list[int]) -> None:
    grown, size = Tiles(), 0
    for batch in batches:
        grown.append(LEAVES[size : size + batch])
        size += batch
    at_once = Tiles(LEAVES[:size])
    assert grown.kept == at_once.kept
    assert grown.tree.to_bytes() == at_once.tree.to_bytes() == tiles.frontier(grown, size).to_bytes()


@pytest.mark.parametrize("size", [1, 256, 257, 1_000_000, 10_000_000, 2**24 - 1, 2**24 + 1, 2**40 + 12345])
def test_a_proof_reads_a_handful_of_tiles_however_large_the_log_is(size: int) -> None:
    levels = -(-size.bit_length() // 8)
    for share in (0, 1, 3, 500, 997, 1000):
        index, old = (size - 1) * share // 1000, max(1, size * share // 1000)
        reader = Uniform(size)
        proof = tiles.inclusion_proof(reader, index, size)
        merkle.verify_inclusion(LEAVES[0], index, size, proof, reader.root(size))
        assert len(set(reader.reads)) == len(reader.reads) <= 2 * levels, (
            "each level: the leaf's and the last"
        )
        reader.reads.clear()
        proof = tiles.consistency_proof(reader, old, size)
        merkle.verify_consistency(old, size, reader.root(old), reader.root(size), proof)
        assert len(set(reader.reads)) == len(reader.reads) <= 2 * levels


def test_a_proof_for_an_older_size_holds_while_the_log_grows_under_it(oracle: pymerkle.InmemoryTree) -> None:
    class Growing(Tiles):
        """Grows with each read, as a log does between a reader's queries."""

        growing = False

        def read(self, level: int, index: int) -> bytes:
            found = super().read(level, index)
            if not self.growing:  # appending reads too
                self.growing = True
                self.append(LEAVES[self.tree.size : self.tree.size + 97])
                self.growing = False
            return found

    for old, size in ((1, 256), (255, 257), (256, 600), (511, 513), (700, 700)):
        log = Growing(LEAVES[:size])
        proof = tiles.consistency_proof(log, old, size)
        root = bytes(oracle.get_root(size))
        merkle.verify_consistency(old, size, bytes(oracle.get_root(old)), root, proof)
        proof = tiles.inclusion_proof(log, old - 1, size)
        merkle.verify_inclusion(LEAVES[old - 1], old - 1, size, proof, root)
        assert log.tree.size > size


class Directory:
    """A tree as C2SP tlog-tiles lays it out in files, for one size."""

    def __init__(self, home: Path, size: int) -> None:
        self.home, self.size = home, size

    def read(self, level: int, index: int) -> bytes:
        width = min(256, (self.size >> 8 * level) - 256 * index)
        return (self.home / tiles.tile_path(level, index, width)).read_bytes()


def test_a_tree_of_files_with_partial_tiles_serves_every_proof(
    oracle: pymerkle.InmemoryTree, tmp_path: Path
) -> None:
    size = 65_537 - 1000
    for (level, index), content in Tiles(LEAVES[:size]).kept.items():
        path = tmp_path / tiles.tile_path(level, index, len(content) // 32)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    assert (tmp_path / "tile/0/252.p/25").is_file()
    assert (tmp_path / "tile/1/000.p/252").is_file()
    reader, root = Directory(tmp_path, size), bytes(oracle.get_root(size))
    assert tiles.root(reader, size) == root
    for index in (0, 256, 64_511, 64_512, size - 1):
        merkle.verify_inclusion(LEAVES[index], index, size, tiles.inclusion_proof(reader, index, size), root)
    for old in (1, 256, 64_000, size - 1):
        proof = tiles.consistency_proof(reader, old, size)
        merkle.verify_consistency(old, size, bytes(oracle.get_root(old)), root, proof)


@pytest.mark.parametrize(("level", "index"), [(0, 0), (0, 3), (1, 0)])
def test_without_a_tile_or_with_a_shorter_one_there_is_no_proof(level: int, index: int) -> None:
    log = Tiles(LEAVES[:1000])
    cut = log.kept[level, index][:-32]
    for broken in (None, cut, cut[:-1]):
        log.kept.pop((level, index), None)
        if broken is not None:
            log.kept[level, index] = broken
        with pytest.raises(LogBroken, match=f"tile {level}/{index}"):
            tiles.root(log, 1000) if (level, index) != (0, 0) else tiles.inclusion_proof(log, 254, 1000)
