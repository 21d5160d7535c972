"""The tree's arithmetic against pymerkle, an independent implementation, and against every small forgery."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from dxflow.engine.errors import LogBroken
from dxflow.engine.ledger import merkle

ENTRIES = [f"entry {n}".encode() for n in range(600)]
ORACLE = InmemoryTree.init_from_entries(ENTRIES, algorithm="sha256")
LEAVES = [merkle.leaf_hash(entry) for entry in ENTRIES]
sizes = st.integers(1, len(ENTRIES))


def root_of(size: int) -> bytes:
    return bytes(ORACLE.get_root(size))


def inclusion(index: int, size: int) -> list[bytes]:
    """pymerkle counts from one and puts the leaf itself first."""
    return list(ORACLE.prove_inclusion(index + 1, size).path[1:])


def consistency(old: int, new: int) -> list[bytes]:
    """SUBPROOF as RFC 9162 section 2.1.4.1 writes it down, over pymerkle's subtree roots."""

    def subproof(m: int, begin: int, end: int, whole: bool) -> list[bytes]:
        if m == end - begin:
            return [] if whole else [subtree(begin, end)]
        k = 1 << (end - begin - 1).bit_length() - 1
        if m <= k:
            return [*subproof(m, begin, begin + k, whole), subtree(begin + k, end)]
        return [*subproof(m - k, begin + k, end, False), subtree(begin, begin + k)]

    return subproof(old, 0, new, True)


def subtree(begin: int, end: int) -> bytes:
    return bytes(InmemoryTree.init_from_entries(ENTRIES[begin:end], algorithm="sha256").get_root())


def test_leaf_and_node_hashes_are_prefixed_so_that_neither_passes_for_the_other() -> None:
    left, right = merkle.leaf_hash(b"a"), merkle.leaf_hash(b"b")
    assert left == hashlib.sha256(b"\x00a").digest()
    assert merkle.node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()
    assert merkle.node_hash(left, right) != merkle.leaf_hash(left + right)


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    nothing = hashlib.sha256(b"").digest()
    assert nothing == merkle.EMPTY_ROOT == merkle.Frontier().root()


def test_a_frontier_has_the_oracle_s_root_at_every_size_and_survives_storage() -> None:
    frontier = merkle.Frontier()
    for size, leaf in enumerate(LEAVES, start=1):
        frontier.append(leaf)
        assert frontier.size == size
        assert frontier.root() == root_of(size)
        stored = frontier.to_bytes()
        assert len(stored) == 8 + 32 * size.bit_count()
        frontier = merkle.Frontier.from_bytes(stored)


@given(st.lists(st.integers(0, 90), max_size=6))
def test_leaves_added_at_once_are_leaves_added_one_by_one(batches: list[int]) -> None:
    frontier, single, size = merkle.Frontier(), merkle.Frontier(), 0
    for batch in batches:
        completed = frontier.extend(LEAVES[size : size + batch])
        for leaf in LEAVES[size : size + batch]:
            single.append(leaf)
        assert frontier.to_bytes() == single.to_bytes()
        for height, row in enumerate(completed):
            nodes = range(size >> height, size + batch >> height)
            assert row == b"".join(subtree(n << height, n + 1 << height) for n in nodes)
        assert size + batch >> len(completed) == size >> len(completed), "and none of a greater height"
        size += batch
    assert frontier.root() == (root_of(size) if size else merkle.EMPTY_ROOT)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x00" * 7,
        b"\x00" * 9,
        (1).to_bytes(8, "big"),
        (0).to_bytes(8, "big") + bytes(32),
        (2).to_bytes(8, "big") + bytes(64),
        (3).to_bytes(8, "big") + bytes(63),
    ],
)
def test_a_stored_frontier_that_contradicts_itself_is_refused(data: bytes) -> None:
    with pytest.raises(LogBroken):
        merkle.Frontier.from_bytes(data)


@pytest.mark.parametrize("leaf", [b"", bytes(31), bytes(33)])
def test_a_leaf_hash_of_another_length_is_refused_and_changes_nothing(leaf: bytes) -> None:
    frontier = merkle.Frontier()
    with pytest.raises(LogBroken):
        frontier.append(leaf)
    with pytest.raises(LogBroken):
        frontier.extend([LEAVES[0], leaf])
    assert frontier.size == 0
    assert frontier.root() == merkle.EMPTY_ROOT


@given(st.data(), sizes)
def test_the_oracle_s_inclusion_proofs_verify(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    merkle.verify_inclusion(LEAVES[index], index, size, inclusion(index, size), root_of(size))


@given(st.data(), sizes)
def test_no_altered_inclusion_proof_verifies(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion(index, size), root_of(size)
    other = data.draw(st.sampled_from(LEAVES).filter(lambda leaf: leaf != LEAVES[index]))
    forgeries: list[tuple[bytes, list[bytes], bytes]] = [
        (other, proof, root),
        (LEAVES[index], proof, merkle.node_hash(root, root)),
        (LEAVES[index], [*proof, root], root),
        (LEAVES[index], [root, *proof], root),
        (b"", proof, root),
        (LEAVES[index], proof, b""),
    ]
    if proof:
        forgeries += [(LEAVES[index], proof[:-1], root), (LEAVES[index], proof[1:], root)]
        forgeries += [(LEAVES[index], [*proof[:-1], proof[-1][:31]], root)]
    for leaf, path, target in forgeries:
        with pytest.raises(LogBroken):
            merkle.verify_inclusion(leaf, index, size, path, target)


@pytest.mark.parametrize(("index", "size"), [(-1, 8), (8, 8), (0, 0), (2**64 - 1, 8), (0, -1)])
def test_a_leaf_outside_the_tree_is_never_included(index: int, size: int) -> None:
    with pytest.raises(LogBroken):
        merkle.verify_inclusion(LEAVES[0], index, size, [], LEAVES[0])


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 13])
def test_a_leaf_proves_its_own_index_alone(size: int) -> None:
    for index in range(size):
        for claimed in range(size):
            proof = inclusion(index, size)
            if claimed == index:
                merkle.verify_inclusion(LEAVES[index], claimed, size, proof, root_of(size))
            else:
                with pytest.raises(LogBroken):
                    merkle.verify_inclusion(LEAVES[index], claimed, size, proof, root_of(size))


def test_every_small_tree_is_consistent_with_every_larger_one() -> None:
    for new in range(1, 34):
        for old in range(1, new + 1):
            merkle.verify_consistency(old, new, root_of(old), root_of(new), consistency(old, new))


@settings(max_examples=60)
@given(st.data(), sizes)
def test_no_altered_consistency_proof_verifies(data: st.DataObject, new: int) -> None:
    old = data.draw(st.integers(1, new))
    proof, old_root, new_root = consistency(old, new), root_of(old), root_of(new)
    merkle.verify_consistency(old, new, old_root, new_root, proof)
    rewritten = merkle.node_hash(old_root, new_root)
    forgeries = [
        (rewritten, new_root, proof),
        (old_root, rewritten, proof),
        (old_root, new_root, [*proof, rewritten]),
        (old_root, new_root, [rewritten, *proof]),
        (b"", new_root, proof),
        (old_root, b"", proof),
    ]
    if proof:
        forgeries += [(old_root, new_root, proof[:-1]), (old_root, new_root, proof[1:])]
        forgeries += [(old_root, new_root, []), (old_root, new_root, [*proof[:-1], b"short"])]
    for first, second, path in forgeries:
        with pytest.raises(LogBroken):
            merkle.verify_consistency(old, new, first, second, path)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 5), (-1, 5), (6, 5)])
def test_sizes_that_prove_nothing_are_refused(old: int, new: int) -> None:
    with pytest.raises(LogBroken):
        merkle.verify_consistency(old, new, merkle.EMPTY_ROOT, merkle.EMPTY_ROOT, [])


def test_trees_of_one_size_are_consistent_when_their_roots_are_equal_and_nothing_is_said_beside() -> None:
    """As in the reference, which compares such roots as they are (transparency-dev/merkle, proof/verify.go)."""
    for size, root in ((1, root_of(1)), (9, root_of(9)), (1, b"don't care")):
        merkle.verify_consistency(size, size, root, root, [])
        for other, proof in ((root_of(2), []), (root, [root]), (root, [b""])):
            with pytest.raises(LogBroken):
                merkle.verify_consistency(size, size, root, other, proof)


def test_a_rewritten_history_has_no_consistency_proof() -> None:
    rewritten = merkle.Frontier()
    for leaf in [merkle.leaf_hash(b"rewritten"), *LEAVES[1:5]]:
        rewritten.append(leaf)
    with pytest.raises(LogBroken, match="older root"):
        merkle.verify_consistency(5, 9, rewritten.root(), root_of(9), consistency(5, 9))
    with pytest.raises(LogBroken, match="different roots"):
        merkle.verify_consistency(5, 5, rewritten.root(), root_of(5), [])


def test_a_proof_of_another_length_is_refused_even_where_its_hashes_lead_to_the_root() -> None:
    leaf, extra = LEAVES[0], LEAVES[9]
    with pytest.raises(LogBroken, match="too long"):
        merkle.verify_inclusion(leaf, 0, 1, [extra], merkle.node_hash(extra, leaf))
    with pytest.raises(LogBroken, match="too short"):
        merkle.verify_inclusion(leaf, 0, 8, inclusion(0, 4), root_of(4))
    above_3, above_4 = merkle.node_hash(extra, root_of(3)), merkle.node_hash(extra, root_of(4))
    with pytest.raises(LogBroken, match="too long"):
        merkle.verify_consistency(3, 4, above_3, above_4, [*consistency(3, 4), extra])
    with pytest.raises(LogBroken, match="too short"):
        merkle.verify_consistency(3, 8, root_of(3), root_of(4), consistency(3, 4))
