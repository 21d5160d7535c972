"""The Merkle tree of RFC 6962 section 2.1 (and RFC 9162 section 2.1) over SHA-256, without storage.

    leaf = SHA-256(0x00 ‖ data)    node = SHA-256(0x01 ‖ left ‖ right)    empty tree = SHA-256("")

The two prefixes keep a node from being passed off as a leaf. Hashes are 32 raw bytes, sizes count leaves,
indexes start at 0. Verification raises LogBroken and returns nothing, so that no caller forgets a result.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Sequence

from ..errors import LogBroken

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()
_PAIR_BYTES = 2 * HASH_BYTES
_SIZE_BYTES = 8


def leaf_hash(data: bytes) -> bytes:
    """The hash of one entry."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """The hash of a node over its two children."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def parents(row: bytes) -> bytes:
    """The nodes over neighbouring hashes, all concatenated; a last one without a sibling has none."""
    sha256 = hashlib.sha256  # the loop every append and every proof spends its time in
    pairs = range(0, len(row) - HASH_BYTES, _PAIR_BYTES)
    return b"".join([sha256(b"\x01" + row[n : n + _PAIR_BYTES]).digest() for n in pairs])


class Frontier:
    """Everything needed to append and to know the root: the roots of the complete subtrees, widest first.

    A tree of ``size`` leaves has one of them per 1 bit of ``size`` (a "compact range"), so its bytes stay
    small for ever. Not for several threads: a writer loads it, appends, and stores it in one transaction.
    """

    def __init__(self, size: int = 0, nodes: Iterable[bytes] = ()) -> None:
        """Raises LogBroken when ``size`` and the number or length of ``nodes`` disagree."""
        self.size = size
        self._nodes = list(nodes)
        if size < 0 or size.bit_count() != len(self._nodes):
            raise LogBroken(f"a tree of {size} leaves can't have {len(self._nodes)} complete subtrees")
        _require_hashes(self._nodes)

    def append(self, leaf_hash: bytes) -> None:
        """Add one leaf on the right."""
        self.extend((leaf_hash,))

    def extend(self, leaf_hashes: Sequence[bytes]) -> list[bytes]:
        """Add leaves on the right, level by level, each node hashed once.

        Returns, for each height from 0, the roots of the subtrees of 2^height leaves that these leaves
        completed, concatenated: what tiles and proofs are made of.
        """
        _require_hashes(leaf_hashes)
        completed, waiting = list[bytes](), list[bytes]()
        row, count = b"".join(leaf_hashes), self.size
        while row:
            completed.append(row)
            if count & 1:  # the last node of this height has waited for its right sibling
                row = self._nodes.pop() + row
            if len(row) % _PAIR_BYTES:
                waiting.append(row[-HASH_BYTES:])
            row, count = parents(row), count >> 1
        self._nodes += reversed(waiting)
        self.size += len(leaf_hashes)
        return completed

    def root(self) -> bytes:
        """The root hash of the tree."""
        if not self._nodes:
            return EMPTY_ROOT
        *rest, root = self._nodes
        for node in reversed(rest):
            root = node_hash(node, root)
        return root

    def to_bytes(self) -> bytes:
        """The size (8 bytes, big-endian) followed by the nodes."""
        return self.size.to_bytes(_SIZE_BYTES, "big") + b"".join(self._nodes)

    @classmethod
    def from_bytes(cls, data: bytes) -> Frontier:
        """What ``to_bytes`` wrote; raises LogBroken for anything else."""
        if len(data) < _SIZE_BYTES:
            raise LogBroken("a stored frontier is cut short")
        return cls(int.from_bytes(data[:_SIZE_BYTES], "big"), split_hashes(data[_SIZE_BYTES:]))


def split_hashes(data: bytes) -> tuple[bytes, ...]:
    """Concatenated hashes, one by one; raises LogBroken unless the length fits."""
    if len(data) % HASH_BYTES:
        raise LogBroken("a stored row of hashes is cut short")
    return tuple(data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES))


def verify_inclusion(leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that the tree of ``size`` leaves under ``root`` has ``leaf_hash`` at ``index``.

    RFC 9162 section 2.1.3.2. Raises LogBroken when it doesn't.
    """
    if not 0 <= index < size:
        raise LogBroken(f"no leaf {index} in a tree of {size}")
    _require_hashes((leaf_hash, root, *proof))
    position, last, node = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            raise LogBroken("an inclusion proof is too long")
        if position & 1 or position == last:
            node = node_hash(sibling, node)
            position, last = _skip_lone_levels(position, last)
        else:
            node = node_hash(node, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise LogBroken("an inclusion proof is too short")
    _require_equal(node, root, "an inclusion proof doesn't lead to the root")


def verify_consistency(size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes]) -> None:
    """Check that the tree under ``root2`` starts with the whole tree under ``root1``: nothing was rewritten.

    RFC 9162 section 2.1.4.2, for 0 < ``size1`` <= ``size2``: every tree extends the empty one, so a proof
    from size 0 would prove nothing and is refused. Raises LogBroken when the trees don't fit.
    """
    if not 0 < size1 <= size2:
        raise LogBroken(f"no consistency proof leads from size {size1} to {size2}")
    if size1 == size2:  # nothing is hashed: as in the reference, all that counts is that the roots are equal
        if proof:
            raise LogBroken("a consistency proof is too long")
        _require_equal(root1, root2, "two trees of one size have different roots")
        return
    _require_hashes((root1, root2, *proof))
    # A complete older tree is a node of the newer one; the proof leaves it out, the verifier has it.
    path = list(proof) if size1 & (size1 - 1) else [root1, *proof]
    old, new = _fold_consistency(size1, size2, path)
    _require_equal(old, root1, "a consistency proof doesn't lead to the older root")
    _require_equal(new, root2, "a consistency proof doesn't lead to the newer root")


def _fold_consistency(size1: int, size2: int, path: Sequence[bytes]) -> tuple[bytes, bytes]:
    """The older and the newer root that ``path`` leads to (steps 3 to 5 of RFC 9162 section 2.1.4.2)."""
    if not path:
        raise LogBroken("a consistency proof is too short")
    position, last = size1 - 1, size2 - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise LogBroken("a consistency proof is too long")
        if position & 1 or position == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            position, last = _skip_lone_levels(position, last)
        else:
            new = node_hash(new, sibling)
        position, last = position >> 1, last >> 1
    if last:
        raise LogBroken("a consistency proof is too short")
    return old, new


def _skip_lone_levels(position: int, last: int) -> tuple[int, int]:
    """Go up past the levels where the rightmost node has no sibling and so stands for itself."""
    while position and not position & 1:
        position, last = position >> 1, last >> 1
    return position, last


def _require_hashes(hashes: Sequence[bytes]) -> None:
    if any(len(each) != HASH_BYTES for each in hashes):
        raise LogBroken("a hash has the wrong length")


def _require_equal(found: bytes, expected: bytes, problem: str) -> None:
    if not hmac.compare_digest(found, expected):
        raise LogBroken(problem)
