"""A person who came in through every door is erased while the server runs: nothing that lasts has a byte left
by which they could be opened, found or confirmed, and whatever was handed out before still verifies."""

from __future__ import annotations

import hmac
import json
import sqlite3
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest
from callers import Caller
from canaries import CANARIES, finds, finds_in_files
from canary_bodies import CUSTOMER, GOOD
from server import SECRETS, ask, command_line
from wire import Client

from dxflow.engine.ledger import leaves

pytestmark = pytest.mark.fault

API = "/api/v1"
EMAIL, PHONE = CANARIES["email"], CANARIES["phone"]
ANOTHER = "ben.unerased@plovernest.example"
NEEDLES = (
    "SELECT key_wrapped FROM data_subjects WHERE id IN {0}",
    "SELECT profile_sealed FROM data_subjects WHERE id IN {0}",
    "SELECT link FROM data_subject_links WHERE subject_id IN {0}",
    "SELECT value_sealed FROM data_subject_links WHERE subject_id IN {0}",
    "SELECT payload_sealed FROM events WHERE subject_id IN {0}",
    "SELECT body_mac FROM events WHERE subject_id IN {0}",
    "SELECT s.salt FROM audit_salts s JOIN audit_salt_subjects c ON c.tenant_id = s.tenant_id AND c.seq = s.seq"
    " WHERE c.subject_id IN {0}",
    "SELECT s.salt FROM audit_salts s JOIN audit_entries e ON e.tenant_id = s.tenant_id AND e.seq = s.seq"
    " JOIN events v ON v.id = json_extract(e.leaf, '$.event') WHERE v.subject_id IN {0}",
    "SELECT s.salt FROM activity_salts s JOIN data_processing_activities a ON a.id = s.activity_id"
    " WHERE a.subject_id IN {0}",
    "SELECT requester_sealed FROM rights_requests WHERE subject_id IN {0}",
)


@pytest.fixture
def server(installation, make_server):
    return make_server(installation.directory, log_level="debug", log_format="json").start().ready()


@pytest.fixture
def api(server, installation) -> Caller:
    return Caller(f"http://127.0.0.1:{server.port}", installation.tenant["api_key"])


@pytest.fixture
def known(server, installation, books, api) -> list[str]:
    """The canaries' person, through every platform, the API and plain SQL: all ids they have here."""
    client = Client(server.port)
    for number, (platform, topic, body) in enumerate(GOOD):
        assert client.deliver(installation.doors[platform], topic, body, f"d{number}").status == 200
    client.close()
    books.wait_until_quiet()
    entered = api.send("POST", f"{API}/data-subjects", json={"email": EMAIL, "phone": PHONE}).json()
    about = {"activity_type": "newsletter.sent", "legal_basis": "consent", "purpose": "news"}
    made = api.send("POST", f"{API}/processing-activities", json={**about, "subject_id": entered["id"]})
    assert made.status_code == 201, made.text
    asked = {"type": "access", "subject": {"email": EMAIL}, "details": f"it is {CANARIES['name']}"}
    assert api.send("POST", f"{API}/rights-requests", json=asked).status_code == 201
    assert api.get(f"{API}/data-subjects/{entered['id']}").status_code == 200
    _by_plain_sql(books.file, installation)
    books.wait_until_quiet()
    named = {EMAIL, CANARIES["old email"], CANARIES["user email"]}
    listed = api.get(f"{API}/data-subjects?limit=200").json()["items"]
    profiles = {one["id"]: api.get(f"{API}/data-subjects/{one['id']}").json()["profile"] for one in listed}
    assert ANOTHER in {one["email"] for one in profiles.values()}
    return [
        one for one, profile in profiles.items() if profile["email"] in named or profile["phone"] == PHONE
    ]


def _by_plain_sql(file: Path, installation) -> None:
    (tenant_id,) = sqlite3.connect(file).execute("SELECT id FROM data_controllers").fetchone()
    with sqlite3.connect(file, timeout=20) as connection:
        for person in ({"email": CANARIES["old email"], "name": CANARIES["name"]}, {"email": ANOTHER}):
            connection.execute(
                "INSERT INTO data_subjects (id, tenant_id, intake) VALUES (?, ?, ?)",
                (str(uuid.uuid4()), tenant_id, json.dumps(person)),
            )


def _needles(books, ids: list[str]) -> dict[bytes, str]:
    """Every secret of theirs, as bytes and as hex, and what it is."""
    marks, found = "(" + ", ".join("?" * len(ids)) + ")", dict[bytes, str]()
    for query in NEEDLES:
        for (one,) in books.rows(query.format(marks), *ids):
            raw = one.encode() if isinstance(one, str) else bytes(one or b"")
            found |= {raw: query, raw.hex().encode(): query} if raw else {}
    return found


def _payload(books, activity_id: str) -> dict[str, Any]:
    columns = ("id", "subject_id", "activity_type", "legal_basis", "purpose", "fields", "occurred_at")
    (row,) = books.rows(
        f"SELECT {', '.join(columns)} FROM data_processing_activities WHERE id = ?", activity_id
    )
    told = dict(zip(columns, row, strict=True))
    return {**told, "fields": json.loads(told["fields"])}


def test_nothing_is_left_of_a_person_who_was_erased_and_every_proof_holds(
    server, installation, books, api, known, tmp_path
):
    assert known
    home, kept = installation.directory, tmp_path / "kept"
    kept.mkdir()
    marks = ", ".join("?" * len(known))
    (activity_id, committed) = books.rows(
        "SELECT a.id, r.commitment FROM data_processing_activities a"
        f" JOIN registrations r ON r.activity_id = a.id WHERE a.subject_id IN ({marks})",
        *known,
    )[0]
    payload = _payload(books, activity_id)
    (salt,) = books.rows("SELECT salt FROM activity_salts WHERE activity_id = ?", activity_id)[0]
    assert leaves.commit(bytes(salt), payload) == committed, "before, whoever has the salt can confirm it"
    ask(home, "audit", "export", "--out", str(kept / "before.zip"))
    ask(home, "audit", "export", "--activity", activity_id, "--out", str(kept / "before.tlog-proof"))
    needles = _needles(books, known)
    assert len(needles) > 100

    for number, subject_id in enumerate(known):
        receipt = ("--receipt", str(kept / f"receipt-{number}"))
        words = ("subject", "erase", subject_id, "--with-account", "--alone", *receipt)
        assert ask(home, *words, "--yes")["clean"]
    books.wait_until_quiet()
    _still_answers(api, known)

    ask(home, "audit", "export", "--out", str(kept / "after.zip"))
    installation.verify_log()
    vkey = ask(home, "audit", "checkpoint")["vkey"]
    for file in ("before.zip", "before.tlog-proof", "after.zip"):
        checked = command_line(home, "audit", "check", str(kept / file), "--key", vkey)
        assert checked.returncode == 0, (file, checked.stdout, checked.stderr)
    assert server.stop() == 0
    _nothing_in(home, needles, server.log())
    for bundle in ("before.zip", "after.zip"):
        with zipfile.ZipFile(kept / bundle) as archive:
            members = [archive.read(name) for name in archive.namelist()]
        assert not [needle for needle in needles for member in members if needle in member], bundle
        assert [line for member in members for line in finds(bundle, member, CANARIES)] == []
    _cannot_be_confirmed(home, payload, committed)


def _still_answers(api: Caller, known: list[str]) -> None:
    for subject_id in known:
        shown = api.get(f"{API}/data-subjects/{subject_id}").json()
        assert (shown["state"], shown["links"], shown["profile"]["email"]) == ("erased", [], None)
        assert api.get(f"{API}/data-subjects/{subject_id}/timeline").status_code == 200
    for identifier in ({"email": EMAIL}, {"phone": PHONE}, {"external_id": {"shopify": str(CUSTOMER["id"])}}):
        assert api.send("POST", f"{API}/data-subjects/lookup", json=identifier).status_code == 404
    assert api.send("POST", f"{API}/data-subjects/lookup", json={"email": ANOTHER}).status_code == 200


def _nothing_in(home: Path, needles: dict[bytes, str], log: str) -> None:
    """Database, write-ahead log, Valkey's files, keys, memories, the process's log."""
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {"dxflow.db"} <= {path.name for path in files}
    contents = [(path.name, path.read_bytes()) for path in files] + [("the log", log.encode())]
    left = [
        (name, what) for name, content in contents for needle, what in needles.items() if needle in content
    ]
    assert left == []
    assert finds_in_files(home, CANARIES | SECRETS) == []
    assert finds("the log", log.encode(), CANARIES) == []


def _cannot_be_confirmed(home: Path, payload: dict[str, Any], committed: str) -> None:
    """Whoever has all files and knows exactly what was committed to: no 32 bytes in a row are its salt."""
    said, wanted = leaves.canonical(payload), bytes.fromhex(committed)
    stored = (home / "dxflow.db").read_bytes()
    tried = {stored[at : at + 32] for at in range(len(stored) - 31)}
    assert len(tried) > 100_000
    assert not any(hmac.digest(salt, said, "sha256") == wanted for salt in tried)
