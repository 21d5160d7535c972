"""The log over HTTP, verified by what an outsider has: hashes, proofs and a verifier key."""

from __future__ import annotations

import hashlib
import json

import pytest
from callers import Caller

from dxflow.engine.core import Core
from dxflow.engine.ledger import merkle, note

AUDIT = "/api/v1/audit"


@pytest.fixture
def grown(api: Caller) -> int:
    """A log of some entries; returns its size."""
    for number in range(5):
        api.post("/api/v1/data-subjects", {"email": f"person{number}@example.com"})
    return int(api.get(f"{AUDIT}/checkpoint").json()["size"])


def test_entries_are_paged_newest_first_with_the_bytes_their_hash_covers(api: Caller, grown: int) -> None:
    entries, cursor = [], ""
    while cursor is not None:
        page = api.get(f"{AUDIT}/entries?limit=3&cursor={cursor}").json()
        entries += page["items"]
        cursor = page["next_cursor"]
    assert [entry["index"] for entry in entries] == list(range(grown))[::-1]
    for entry in entries:
        assert json.loads(entry["canonical"]) == entry["leaf"]
        assert hashlib.sha256(b"\0" + entry["canonical"].encode()).hexdigest() == entry["leaf_hash"]


def test_the_checkpoint_is_signed_by_the_published_key(api: Caller, grown: int) -> None:
    found = api.get(f"{AUDIT}/checkpoint").json()
    verifiers = [note.Verifier.from_vkey(key) for key in found["verifier_keys"]]
    text = note.open_note(found["checkpoint"], verifiers)
    origin, size = text.splitlines()[:2]
    assert (origin, int(size)) == (found["origin"], grown)
    assert note.checkpoint_text(origin, grown, bytes.fromhex(found["root"])) == text


@pytest.mark.parametrize("index", [0, 3, -1])
def test_every_entry_is_proven_to_be_in_the_tree(api: Caller, grown: int, index: int) -> None:
    place = index % grown
    proof = api.get(f"{AUDIT}/proofs/inclusion?index={place}&size={grown}").json()
    assert proof == api.get(f"{AUDIT}/proofs/inclusion?index={place}").json()
    assert proof["root"] == api.get(f"{AUDIT}/checkpoint").json()["root"]
    merkle.verify_inclusion(
        bytes.fromhex(proof["leaf_hash"]),
        place,
        grown,
        [bytes.fromhex(node) for node in proof["hashes"]],
        bytes.fromhex(proof["root"]),
    )


def test_the_tree_is_proven_to_have_only_grown(api: Caller, grown: int) -> None:
    proof = api.get(f"{AUDIT}/proofs/consistency?from=2").json()
    assert (proof["from"], proof["to"]) == (2, grown)
    merkle.verify_consistency(
        2,
        grown,
        bytes.fromhex(proof["from_root"]),
        bytes.fromhex(proof["to_root"]),
        [bytes.fromhex(node) for node in proof["hashes"]],
    )


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("inclusion", "index"),
        ("inclusion?index=", "index"),
        ("inclusion?index=-1", "index"),
        ("inclusion?index=x", "index"),
        ("inclusion?index=1.5", "index"),
        ("inclusion?index=9999", "index"),
        ("inclusion?index=0&size=0", "size"),
        ("inclusion?index=0&size=9999", "size"),
        ("inclusion?index=5&size=5", "index"),
        (f"inclusion?index={2**64}", "index"),
        (f"inclusion?index={'9' * 5000}", "index"),
        ("consistency", "from"),
        ("consistency?from=0", "from"),
        ("consistency?from=3&to=2", "from"),
        ("consistency?from=1&to=9999", "to"),
        ("consistency?old=1", "from"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_proof_of_what_is_not_there_is_refused_by_name(
    api: Caller, grown: int, query: str, field: str
) -> None:
    answer = api.get(f"{AUDIT}/proofs/{query}")
    assert answer.status_code == 422
    assert field in [fault["field"] for fault in answer.json()["errors"]]


def test_each_tenant_has_its_own_log(api: Caller, stranger: Caller, grown: int, core: Core) -> None:
    ours, theirs = api.get(f"{AUDIT}/checkpoint").json(), stranger.get(f"{AUDIT}/checkpoint").json()
    assert ours["origin"] != theirs["origin"]
    assert theirs["size"] < ours["size"]
    assert len(stranger.listed(f"{AUDIT}/entries?limit=200")) == theirs["size"]
