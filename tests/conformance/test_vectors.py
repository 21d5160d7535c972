"""Vectors that nobody in this project wrote; they live beside the repository, in ``../shared/vectors``.

Sources: transparency-dev/merkle (inclusion proofs, roots), C2SP signed-note, cyberphone/json-canonicalization
(RFC 8785), the Keccak team's known answers for SHA3-256, RFC 9562's UUIDs, Wycheproof (Ed25519).
"""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from dxflow.engine.errors import LogBroken
from dxflow.engine.identity import did
from dxflow.engine.ledger import leaves, merkle, note, tiles

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors"
pytestmark = pytest.mark.skipif(not VECTORS.is_dir(), reason="no ../shared/vectors beside this checkout")


def load(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def names(pattern: str) -> list[str]:
    """Relative paths of the vectors; empty where the folder isn't there, and then the test is skipped."""
    return sorted(str(path.relative_to(VECTORS)) for path in VECTORS.glob(pattern))


@pytest.mark.parametrize("name", names("merkle/inclusion/**/*.json"))
def test_an_inclusion_proof_verifies_exactly_when_the_reference_says_so(name: str) -> None:
    case = load(name)
    proof = [base64.b64decode(node) for node in case["proof"] or []]
    leaf, root = base64.b64decode(case["leafHash"] or ""), base64.b64decode(case["root"] or "")
    if case["wantErr"]:
        with pytest.raises(LogBroken):
            merkle.verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)
    else:
        merkle.verify_inclusion(leaf, case["leafIdx"], case["treeSize"], proof, root)


@pytest.mark.parametrize(("size1", "size2"), [(1, 8), (6, 8), (2, 5), (6, 7), (3, 7), (4, 8), (5, 6)])
def test_a_proof_between_the_reference_s_roots_fails_in_each_way_the_reference_tries(
    size1: int, size2: int
) -> None:
    """The probes of transparency-dev/merkle, proof/verify_test.go: sizes, roots and every part of the proof."""
    case = load("merkle/reference_roots.json")
    hashes = [merkle.leaf_hash(bytes.fromhex(data)) for data in case["leaf_inputs_hex"]]
    root1, root2 = (bytes.fromhex(case["root_hashes_hex_by_size"][size]) for size in (size1, size2))
    proof = tiles.consistency_proof(_Tiles(hashes), size1, size2)
    merkle.verify_consistency(size1, size2, root1, root2, proof)
    sizes = [
        (size1 - 1, size2),
        (size1 + 1, size2),
        (size1 ^ 2, size2),
        (size1, size2 * 2),
        (size1, size2 // 2),
    ]
    roots = [(b"WrongRoot", root2), (root1, b"WrongRoot"), (root2, root1)]
    added = [b"", root1, root2, proof[0]]
    proofs = [[], proof[:-1], *([*proof, one] for one in added), *([one, *proof] for one in added)]
    for place, node in enumerate(proof):
        proofs.append([*proof[:place], bytes([node[0] ^ 16]) + node[1:], *proof[place + 1 :]])
    probes = [(*pair, root1, root2, proof) for pair in sizes] + [
        (size1, size2, *pair, proof) for pair in roots
    ]
    for probe in probes + [(size1, size2, root1, root2, wrong) for wrong in proofs]:
        with pytest.raises(LogBroken):
            merkle.verify_consistency(*probe)


class _NoTiles:
    def read(self, level: int, index: int) -> bytes:
        return b""


class _Tiles:
    def __init__(self, leaf_hashes: list[bytes]) -> None:
        self._kept = tiles.grow(_NoTiles(), 0, leaf_hashes)

    def read(self, level: int, index: int) -> bytes:
        return self._kept[level, index]


def test_the_reference_s_leaves_give_the_reference_s_roots() -> None:
    case = load("merkle/reference_roots.json")
    hashes = [merkle.leaf_hash(bytes.fromhex(data)) for data in case["leaf_inputs_hex"]]
    roots = [bytes.fromhex(root) for root in case["root_hashes_hex_by_size"]]
    assert len(roots) == len(hashes) + 1 > 1
    frontier, reader = merkle.Frontier(), _Tiles(hashes)
    for size, root in enumerate(roots):
        assert frontier.root() == root
        assert tiles.root(reader, size) == root
        for old in range(1, size + 1):
            merkle.verify_consistency(old, size, roots[old], root, tiles.consistency_proof(reader, old, size))
        if size < len(hashes):
            frontier.append(hashes[size])


def test_the_specification_s_signed_notes_open() -> None:
    cases = load("signed_notes.json")
    assert cases
    for case in cases:
        verifier = note.Verifier.from_vkey(case["vkey"])
        assert note.open_note(case["note"], [verifier]) == case["note"].rpartition("\n\n")[0] + "\n"
        with pytest.raises(LogBroken):
            note.open_note("X" + case["note"], [verifier])


@pytest.mark.parametrize("name", names("jcs/input/*.json"))
def test_canonical_json_is_the_reference_s_to_the_byte(name: str) -> None:
    source = load(name)
    expected = (VECTORS / "jcs" / "output" / Path(name).name).read_bytes()
    in_hex = (VECTORS / "jcs" / "outhex" / Path(name).name).with_suffix(".txt").read_text(encoding="ascii")
    # Leaves are objects, and one of the vectors is a list: all are checked as a member.
    assert leaves.encode({"x": source}) == b'{"x":' + expected + b"}"
    assert expected == bytes.fromhex(in_hex)


def test_the_hash_of_dids_is_sha3_256_by_its_known_answers() -> None:
    text = (VECTORS / "ShortMsgKAT_SHA3-256.txt").read_text(encoding="ascii")
    fields = [line.split(" = ") for line in text.splitlines() if " = " in line]
    whole = [fields[n : n + 3] for n in range(0, len(fields), 3)]
    checked = 0
    for (_, length), (_, message), (_, digest) in whole:
        if int(length) % 8 == 0:
            data = bytes.fromhex(message)[: int(length) // 8]
            assert hashlib.sha3_256(data).hexdigest() == digest.lower()
            checked += 1
    assert checked > 200


def test_the_rfc_s_uuids_give_the_expected_dids() -> None:
    cases = load("uuid_did.json")["cases"]
    assert cases
    for case in cases:
        assert did.canonical(case["uuid"]) == case["canonical_text"]
        assert did.derive(case["uuid"]) == "did:dep:" + case["sha3_256_of_text"]
        assert not did.derive(case["uuid"]).endswith(case["sha3_256_of_16_bytes"])


def _wycheproof() -> list[tuple[str, str, dict[str, str]]]:
    if not VECTORS.is_dir():
        return []
    groups = load("ed25519/ed25519_test.json")["testGroups"]
    return [
        (f"tcId {test['tcId']}", group["publicKey"]["pk"], test)
        for group in groups
        for test in group["tests"]
    ]


@pytest.mark.parametrize(
    ("public_key", "case"), [pytest.param(key, test, id=name) for name, key, test in _wycheproof()]
)
def test_ed25519_accepts_exactly_what_wycheproof_accepts(public_key: str, case: dict[str, str]) -> None:
    verifier = note.Verifier("wycheproof.example", bytes.fromhex(public_key))
    accepted = verifier.verify(bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
    assert accepted == (case["result"] == "valid")
