"""The dx-agent as its callers find it: a real ``run.py agent``, asked over a socket."""

from __future__ import annotations

import base64
import json
import secrets
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agents import Agent
from server import ask, command_line
from wire import Answer, Client

from dxflow.engine.agent import signatures, wire
from dxflow.engine.agent.key import EngineKey
from dxflow.engine.ledger import merkle, note

TOKEN = "a token that both sides know"


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """One that asks new engines for a token."""
    server = Agent(tmp_path_factory.mktemp("agent") / "data", agent_token=TOKEN, max_body_bytes=65_536)
    try:
        yield server.start().ready()
    finally:
        server.close()


@pytest.fixture
def client(agent: Agent) -> Iterator[Client]:
    opened = Client(agent.port)
    yield opened
    opened.close()


class Engine:
    """Somebody with a key."""

    def __init__(self, client: Client) -> None:
        self.client, self.key = client, EngineKey(secrets.token_bytes(32))

    def signed(self, path: str, body: bytes, age: int = 0) -> dict[str, str]:
        created, nonce = int(time.time()) - age, secrets.token_urlsafe(18)
        return signatures.sign(self.key, "POST", path, body, created, nonce)

    def post(self, path: str, document: Any, age: int = 0) -> Answer:
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        return self.client.request("POST", path, body, self.signed(path, body, age))

    def enrol(self, token: str | None = TOKEN) -> Answer:
        mac = {} if token is None else {"token_mac": wire.token_mac(token, self.key.public)}
        return self.post(wire.ENGINES, {"name": "engine.example", **mac})


@pytest.fixture
def stranger(client: Client) -> Engine:
    return Engine(client)


@pytest.fixture
def engine(client: Client) -> Engine:
    one = Engine(client)
    assert one.enrol().status == 201
    return one


def _batch(tenant: str, count: int = 1, **changes: object) -> dict[str, Any]:
    entries = [
        {"activity_id": str(uuid.uuid4()), "event_id": str(uuid.uuid4()), "commitment": "ab" * 32}
        for _ in range(count)
    ]
    return {"tenant": tenant, "fence": 1, "seen": None, "items": entries, **changes}


@pytest.fixture
def tenant() -> str:
    return "did:dep:" + secrets.token_hex(32)


def _is_problem(answer: Answer, status: int, kind: str) -> None:
    assert (answer.status, answer.document["type"]) == (status, f"urn:dxflow:problem:{kind}"), answer.body
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_batch_is_answered_with_proofs_that_anybody_can_check(engine: Engine, tenant: str) -> None:
    answer = engine.post(wire.REGISTRATIONS, _batch(tenant, 5))
    assert answer.status == 200, answer.body
    told = answer.document
    verifiers = [note.Verifier.from_vkey(vkey) for vkey in told["vkeys"]]
    checkpoint = note.open_checkpoint(told["checkpoint"], verifiers)
    assert (checkpoint.origin, checkpoint.size) == (told["origin"], 5)
    for index, one in enumerate(told["receipts"]):
        leaf_hash, path = (
            merkle.leaf_hash(one["leaf"].encode()),
            [bytes.fromhex(node) for node in one["proof"]],
        )
        merkle.verify_inclusion(leaf_hash, index, 5, path, checkpoint.root)
        assert json.loads(one["leaf"])["activity"] == one["did"]


def test_its_logs_are_served_as_tiles(engine: Engine, client: Client, tenant: str) -> None:
    told = engine.post(wire.REGISTRATIONS, _batch(tenant, 3)).document
    assert client.request("GET", f"/log/{tenant}/checkpoint").body.decode() == told["checkpoint"]
    hashes = b"".join(merkle.leaf_hash(one["leaf"].encode()) for one in told["receipts"])
    assert client.request("GET", f"/log/{tenant}/tile/0/000.p/3").body == hashes
    keys = client.request("GET", f"/log/{tenant}/keys").document
    assert [key["vkey"] for key in keys["keys"] if key["active"]] == told["vkeys"]
    assert client.request("GET", "/log/checkpoint").status == 200
    assert client.request("GET", f"/log/did:dep:{'0' * 64}/checkpoint").status == 404


def test_health_readiness_and_metrics_need_no_key(client: Client) -> None:
    assert client.request("GET", "/healthz").status == 200
    assert client.request("GET", "/readyz").document["ok"] is True
    metrics = client.request("GET", "/metrics").body.decode()
    assert "dxagent_registered_total" in metrics
    assert "did:" not in metrics


def test_an_engine_enrols_once_and_is_known_from_then_on(stranger: Engine, tenant: str) -> None:
    _is_problem(stranger.post(wire.REGISTRATIONS, _batch(tenant)), 401, "not-enrolled")
    assert stranger.enrol().status == 201
    again = stranger.enrol(token=None)
    assert (again.status, again.document["public_key"]) == (200, stranger.key.public)
    assert stranger.post(wire.REGISTRATIONS, _batch(tenant)).status == 200


@pytest.mark.parametrize("token", [None, "another token of some length"])
def test_an_engine_without_the_token_is_refused(stranger: Engine, tenant: str, token: str | None) -> None:
    _is_problem(stranger.enrol(token), 403, "wrong-token")
    _is_problem(stranger.post(wire.REGISTRATIONS, _batch(tenant)), 401, "not-enrolled")


def test_what_shows_the_token_is_worth_nothing_for_another_key(stranger: Engine, client: Client) -> None:
    overheard = {"name": "x", "token_mac": wire.token_mac(TOKEN, stranger.key.public)}
    _is_problem(Engine(client).post(wire.ENGINES, overheard), 403, "wrong-token")


def test_an_unsigned_request_is_refused(client: Client, tenant: str) -> None:
    body = json.dumps(_batch(tenant)).encode()
    answer = client.request("POST", wire.REGISTRATIONS, body)
    _is_problem(answer, 401, "not-authentic")
    assert answer.headers["www-authenticate"] == "Signature"


def test_a_stale_request_is_refused(engine: Engine, tenant: str) -> None:
    for age in (301, -301):
        _is_problem(engine.post(wire.REGISTRATIONS, _batch(tenant), age), 401, "not-authentic")


def test_a_request_that_comes_again_is_refused(engine: Engine, tenant: str) -> None:
    body = json.dumps(_batch(tenant)).encode()
    headers = engine.signed(wire.REGISTRATIONS, body)
    assert engine.client.request("POST", wire.REGISTRATIONS, body, headers).status == 200
    _is_problem(engine.client.request("POST", wire.REGISTRATIONS, body, headers), 401, "not-authentic")


def test_a_body_that_was_changed_on_the_way_is_refused(engine: Engine, tenant: str) -> None:
    body = json.dumps(_batch(tenant)).encode()
    headers = engine.signed(wire.REGISTRATIONS, body)
    changed = body.replace(b'"fence": 1', b'"fence": 2')
    assert changed != body
    _is_problem(engine.client.request("POST", wire.REGISTRATIONS, changed, headers), 401, "not-authentic")
    headers["Content-Digest"] = signatures.content_digest(changed)
    _is_problem(engine.client.request("POST", wire.REGISTRATIONS, changed, headers), 401, "not-authentic")


def test_a_signature_for_another_address_is_refused(engine: Engine, tenant: str) -> None:
    body = json.dumps(_batch(tenant)).encode()
    headers = engine.signed(wire.ENGINES, body)
    _is_problem(engine.client.request("POST", wire.REGISTRATIONS, body, headers), 401, "not-authentic")


def test_another_keys_signature_is_refused(engine: Engine, stranger: Engine, tenant: str) -> None:
    body = json.dumps(_batch(tenant)).encode()
    ours, theirs = engine.signed(wire.REGISTRATIONS, body), stranger.signed(wire.REGISTRATIONS, body)
    forged = {**ours, "Signature": theirs["Signature"]}
    _is_problem(engine.client.request("POST", wire.REGISTRATIONS, body, forged), 401, "not-authentic")
    raw = base64.b64encode(bytes(64)).decode()
    answer = engine.client.request("POST", wire.REGISTRATIONS, body, {**ours, "Signature": f"dx=:{raw}:"})
    _is_problem(answer, 401, "not-authentic")


def test_a_tenant_belongs_to_the_engine_that_came_with_it(
    engine: Engine, client: Client, tenant: str
) -> None:
    assert engine.post(wire.REGISTRATIONS, _batch(tenant)).status == 200
    other = Engine(client)
    other.enrol()
    _is_problem(other.post(wire.REGISTRATIONS, _batch(tenant)), 403, "another-engine")


def test_a_fence_never_goes_back_not_even_for_what_is_known(engine: Engine, tenant: str) -> None:
    batch = _batch(tenant, 2, fence=7)
    first = engine.post(wire.REGISTRATIONS, batch).document
    assert engine.post(wire.REGISTRATIONS, batch).document["receipts"] == first["receipts"]
    for stale in (batch, _batch(tenant)):
        answer = engine.post(wire.REGISTRATIONS, {**stale, "fence": 6})
        _is_problem(answer, 409, "stale-fence")
        assert answer.document["fence"] == 7


def test_an_engine_that_has_seen_more_than_there_is_gets_nothing_appended(
    engine: Engine, tenant: str
) -> None:
    origin = engine.post(wire.REGISTRATIONS, _batch(tenant, 2)).document["origin"]
    seen = {"origin": origin, "size": 3}
    _is_problem(engine.post(wire.REGISTRATIONS, _batch(tenant, 2, seen=seen)), 409, "log-rolled-back")
    assert engine.post(wire.REGISTRATIONS, _batch(tenant)).document["receipts"][0]["log_index"] == 2


def test_growth_is_proved_from_what_was_seen(engine: Engine, tenant: str) -> None:
    old = engine.post(wire.REGISTRATIONS, _batch(tenant, 3)).document
    seen = {"origin": old["origin"], "size": 3}
    new = engine.post(wire.REGISTRATIONS, _batch(tenant, 4, seen=seen)).document
    verifiers = [note.Verifier.from_vkey(vkey) for vkey in new["vkeys"]]
    before, after = (note.open_checkpoint(one["checkpoint"], verifiers) for one in (old, new))
    path = [bytes.fromhex(node) for node in new["consistency"]]
    merkle.verify_consistency(3, 7, before.root, after.root, path)


@pytest.mark.parametrize(
    "changes",
    [
        {"tenant": "did:web:example.com"},
        {"tenant": "did:dep:" + "A" * 64},
        {"tenant": None},
        {"fence": -1},
        {"fence": "1"},
        {"fence": 2**53},
        {"fence": 1.5},
        {"seen": 0},
        {"seen": {"origin": "x", "size": -1}},
        {"seen": {"size": 1}},
        {"items": []},
        {"items": None},
        {"unknown": 1},
        {"items": [{"activity_id": "x", "event_id": str(uuid.uuid4()), "commitment": "ab" * 32}]},
        {"items": [{"activity_id": str(uuid.uuid4()), "event_id": "", "commitment": "ab" * 32}]},
        {"items": [{"activity_id": str(uuid.uuid4()), "event_id": str(uuid.uuid4()), "commitment": "ab"}]},
        {"items": [{"activity_id": str(uuid.uuid4()), "event_id": str(uuid.uuid4())}]},
    ],
)
def test_another_question_is_refused_and_nothing_registered(
    engine: Engine, client: Client, tenant: str, changes: dict[str, object]
) -> None:
    _is_problem(engine.post(wire.REGISTRATIONS, _batch(tenant) | changes), 422, "invalid")
    assert client.request("GET", f"/log/{tenant}/checkpoint").status == 404


def test_more_items_than_a_call_may_have_are_refused(engine: Engine, tenant: str) -> None:
    _is_problem(engine.post(wire.REGISTRATIONS, _batch(tenant, wire.MOST_ITEMS + 1)), 422, "invalid")
    assert engine.post(wire.REGISTRATIONS, _batch(tenant, wire.MOST_ITEMS)).status == 200


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [(b"", 400, "malformed"), (b"{", 400, "malformed"), (b"[]", 422, "invalid"), (b"7", 422, "invalid")],
)
def test_what_is_no_question_is_refused(engine: Engine, body: bytes, status: int, kind: str) -> None:
    _is_problem(engine.post(wire.REGISTRATIONS, body), status, kind)


def test_a_body_that_is_too_large_is_refused(engine: Engine) -> None:
    _is_problem(engine.post(wire.REGISTRATIONS, b" " * 65_537), 413, "too-large")


def test_a_revoked_engine_registers_nothing_more(engine: Engine, agent: Agent, tenant: str) -> None:
    listed = ask(agent.data_dir, "engine", "list")
    (mine,) = [row for row in listed if row["public_key"] == engine.key.public]
    assert mine["revoked_at"] is None
    assert ask(agent.data_dir, "engine", "revoke", mine["id"])["revoked_at"]
    _is_problem(engine.post(wire.REGISTRATIONS, _batch(tenant)), 403, "revoked")
    _is_problem(engine.enrol(), 403, "revoked")


def test_the_name_of_an_engine_is_one_line(client: Client, agent: Agent) -> None:
    one = Engine(client)
    mac = wire.token_mac(TOKEN, one.key.public)
    assert (
        one.post(wire.ENGINES, {"name": "a\nb\x1b[31m  c", "token_mac": mac}).document["name"] == "a b [31m c"
    )


def test_it_does_not_start_where_others_could_enrol(tmp_path: Path) -> None:
    ended = command_line(tmp_path / "data", "agent", host="0.0.0.0")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(
        "dxflow: DXFLOW_AGENT_TOKEN: isn't set, and 0.0.0.0 can be reached by others"
    )
    assert ended.stderr.count("\n") == 1
    assert not (tmp_path / "data").exists()


def test_its_database_and_an_engines_are_never_mixed(tmp_path: Path) -> None:
    made = ask(tmp_path / "data", "tenant", "create", "--name", "Acme")
    assert made["did"]
    for database, words in (("dxflow.db", ("engine", "list")), ("agent.db", ("tenant", "list"))):
        if database == "agent.db":
            assert ask(tmp_path / "data", "engine", "list") == []
        url = f"sqlite:///{tmp_path / 'data' / database}"
        ended = command_line(tmp_path / "data", *words, database_url=url)
        assert (ended.returncode, ended.stdout) == (1, "")
        assert "DXFLOW_DATABASE_URL: this database belongs to" in ended.stderr
        assert ended.stderr.count("\n") == 1
