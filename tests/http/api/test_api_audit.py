"""The log over HTTP, verified by what an outsider has: hashes, proofs and a verifier key."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from callers import Caller

from dxflow.engine.core import Core
from dxflow.engine.errors import Unavailable
from dxflow.engine.ledger import merkle, note, verifier
from dxflow.engine.ledger.log import TenantLog
from dxflow.engine.services import acts
from dxflow.engine.services.audit import covering
from dxflow.engine.store import models

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
    could_be = query in ("inclusion?index=9999", "inclusion?index=5&size=5", "consistency?from=3&to=2")
    assert answer.status_code == (404 if could_be or query.endswith("=9999") else 422)
    assert field in [fault["field"] for fault in answer.json()["errors"]]


def test_each_tenant_has_its_own_log(api: Caller, stranger: Caller, grown: int, core: Core) -> None:
    ours, theirs = api.get(f"{AUDIT}/checkpoint").json(), stranger.get(f"{AUDIT}/checkpoint").json()
    assert ours["origin"] != theirs["origin"]
    assert theirs["size"] < ours["size"]
    assert len(stranger.listed(f"{AUDIT}/entries?limit=200")) == theirs["size"]


def test_a_registered_activity_comes_with_a_proof_that_stands_alone(
    api: Caller, drain: Callable[[], int], tmp_path: Path
) -> None:
    body = {"activity_type": "order", "legal_basis": "contract", "purpose": "order fulfilment"}
    made = api.post("/api/v1/processing-activities", body).json()
    assert api.get(f"{AUDIT}/proofs/activity?id={made['id']}").status_code == 404
    drain()
    found = api.get(f"{AUDIT}/proofs/activity?id={made['id']}").json()
    assert found == api.get(f"{AUDIT}/proofs/activity?id={made['did']}").json()
    path = tmp_path / "one.tlog-proof"
    path.write_text(found["proof"], encoding="utf-8")
    report = verifier.check(path, [verifier.Key.read(vkey) for vkey in found["verifier_keys"]])
    assert made["did"] in report.holds[0]


def test_the_installation_s_root_covers_the_log(api: Caller, core: Core, grown: int) -> None:
    assert api.get(f"{AUDIT}/installation").status_code == 404
    covering.cover(core)
    found = api.get(f"{AUDIT}/installation").json()
    assert found["payload"]["size"] == grown
    canonical = json.dumps(found["payload"], sort_keys=True, separators=(",", ":")).encode()
    commitment = hmac.new(bytes.fromhex(found["salt"]), canonical, "sha256").hexdigest()
    assert json.loads(found["leaf"])["commitment"] == commitment
    verifiers = [note.Verifier.from_vkey(key) for key in found["verifier_keys"]]
    checkpoint = note.open_checkpoint(found["checkpoint"], verifiers)
    merkle.verify_inclusion(
        merkle.leaf_hash(found["leaf"].encode()),
        found["index"],
        checkpoint.size,
        [bytes.fromhex(node) for node in found["hashes"]],
        checkpoint.root,
    )


def test_who_read_a_person_s_data_stands_in_the_log_before_it_goes_out(api: Caller, core: Core) -> None:
    made = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()
    api.get(f"/api/v1/data-subjects/{made['id']}")
    api.post("/api/v1/data-subjects/lookup", {"email": "ada@example.com"})
    entries = api.get(f"{AUDIT}/entries").json()["items"]
    reads = [entry for entry in entries if entry["kind"] == "personal_data.read"]
    assert len(reads) == 2
    for entry in reads:
        assert entry["leaf"]["actor"].startswith("key:")
        assert (entry["leaf"]["page"], entry["leaf"]["people"]) == ("data_subject", 1)
        assert made["id"] not in entry["canonical"]
        assert made["did"] not in entry["canonical"]
        opened = acts.opened(core, models.DataController.get().id, entry["index"])
        assert opened.holds is True
        assert opened.changed is not None
        assert opened.changed["subjects"] == [made["id"]]


def test_what_cannot_be_written_down_is_not_shown(
    api: Caller, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()

    def broken(*_: object, **__: object) -> None:
        raise Unavailable("the log can't be written")

    monkeypatch.setattr(TenantLog, "append", broken)
    answer = api.get(f"/api/v1/data-subjects/{made['id']}")
    assert answer.status_code == 503
    assert "ada@example.com" not in answer.text
