"""The dx-agent elsewhere: what the engine believes, what it refuses, and how it waits.

A real agent answers; one that stands between tells lies about it. Whatever is told, nothing that isn't proved
becomes a receipt, and the honest answer afterwards gives every activity its one leaf.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from agents import Agent, Between, Change, between, engine, items, proved_leaf, register
from wire import free_port

from dxflow.engine.agent import HttpAgent, NotBelieved, wire
from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, LogBroken, TransientError
from dxflow.engine.ledger import note
from dxflow.engine.moments import system_clock
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import agent_trust
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models


@pytest.fixture
def middle(agent: Agent) -> Iterator[tuple[Between, str]]:
    with between(agent.url) as standing:
        yield standing


@pytest.fixture
def core(store: Store, middle: tuple[Between, str]) -> Core:
    """An engine whose agent is reached through the one that stands between."""
    return engine(store, middle[1])


@pytest.fixture
def liar(middle: tuple[Between, str]) -> Between:
    return middle[0]


def _another_index(answer: dict[str, Any]) -> None:
    answer["receipts"][0]["log_index"] += 1


def _another_proof(answer: dict[str, Any]) -> None:
    answer["receipts"][1]["proof"][0] = "00" * 32


def _no_proof(answer: dict[str, Any]) -> None:
    answer["receipts"][1]["proof"] = []


def _another_order(answer: dict[str, Any]) -> None:
    answer["receipts"].reverse()


def _one_missing(answer: dict[str, Any]) -> None:
    answer["receipts"].pop()


def _one_leaf_for_two(answer: dict[str, Any]) -> None:
    first, second = answer["receipts"][:2]
    second.update({name: first[name] for name in ("log_index", "leaf", "proof")})


def _another_did(answer: dict[str, Any]) -> None:
    answer["receipts"][0]["did"] = "did:dep:" + "0" * 64


def _another_commitment(answer: dict[str, Any]) -> None:
    leaf = json.loads(answer["receipts"][0]["leaf"])
    answer["receipts"][0]["leaf"] = json.dumps({**leaf, "commitment": "0" * 64})


def _another_log(answer: dict[str, Any]) -> None:
    answer["origin"] = "elsewhere.example" + answer["origin"][answer["origin"].index("/log/") :]


def _another_tenant(answer: dict[str, Any]) -> None:
    answer["origin"] = answer["origin"][:-64] + "0" * 64


def _foreign_key(answer: dict[str, Any]) -> None:
    forger = note.SigningKey.generate(answer["origin"])
    answer["checkpoint"] = forger.sign_note(answer["checkpoint"].partition("\n\n")[0] + "\n")
    answer["vkeys"] = [forger.vkey]


def _unsigned(answer: dict[str, Any]) -> None:
    answer["checkpoint"] = answer["checkpoint"].partition("\n\n")[0] + "\n"


def _another_root(answer: dict[str, Any]) -> None:
    origin, size, _, *rest = answer["checkpoint"].split("\n")
    root = base64.b64encode(bytes(32)).decode()
    answer["checkpoint"] = "\n".join([origin, size, root, *rest])


def _a_number_for_a_text(answer: dict[str, Any]) -> None:
    answer["receipts"][0]["leaf"] = 7


def _added_nonsense(answer: dict[str, Any]) -> None:
    named = ("log_index", "leaf", "proof")
    answer["added_keys"] = [{name: answer["receipts"][0][name] for name in named}]


LIES = [
    _another_index,
    _another_proof,
    _no_proof,
    _another_order,
    _one_missing,
    _one_leaf_for_two,
    _another_did,
    _another_commitment,
    _another_log,
    _another_tenant,
    _unsigned,
    _another_root,
    _a_number_for_a_text,
    _added_nonsense,
]


@pytest.mark.parametrize("lie", LIES, ids=lambda lie: lie.__name__.strip("_"))
@pytest.mark.parametrize("first", [True, False], ids=["at first sight", "later"])
def test_a_lie_is_refused_and_the_truth_taken_afterwards(
    core: Core, tenant: NewTenant, liar: Between, agent: Agent, lie: Change, first: bool
) -> None:
    before = [] if first else register(core, tenant, items(3))
    batch = items(4)
    liar.lie = lie
    with pytest.raises(NotBelieved, match=r"^the dx-agent at .* was not believed: "):
        register(core, tenant, batch)
    assert models.Registration.select().count() == len(before)
    liar.lie = None
    receipts = register(core, tenant, batch)
    assert [proved_leaf(receipt)["commitment"] for receipt in receipts] == [one.commitment for one in batch]
    assert len(agent.registered(tenant)) == len(before) + 4


def test_a_log_that_bears_another_name_than_its_checkpoint_is_refused_at_first_sight(
    core: Core, tenant: NewTenant, liar: Between
) -> None:
    liar.lie = _another_log
    with pytest.raises(LogBroken, match="isn't signed by any of the keys"):
        register(core, tenant, items(1))
    assert models.AgentCheckpoint.select().count() == 0


def test_a_key_that_nobody_vouched_for_is_refused(core: Core, tenant: NewTenant, liar: Between) -> None:
    register(core, tenant, items(1))
    liar.lie = _foreign_key
    with pytest.raises(LogBroken, match=r"no known key signed .*trust-agent"):
        register(core, tenant, items(1))


def test_an_older_checkpoint_of_the_log_is_a_rollback(core: Core, tenant: NewTenant, liar: Between) -> None:
    register(core, tenant, items(3))
    register(core, tenant, items(3))
    old = liar.told[0]
    liar.lie = lambda answer: answer.update(old)
    with pytest.raises(LogBroken, match="rolled back from 6 entries to 3"):
        register(core, tenant, items(3))


def test_a_log_that_does_not_extend_what_was_seen_is_refused(
    core: Core, tenant: NewTenant, liar: Between
) -> None:
    register(core, tenant, items(3))
    liar.lie = lambda answer: answer["consistency"].__setitem__(0, "11" * 32)
    with pytest.raises(LogBroken, match="doesn't extend the 3 entries it had"):
        register(core, tenant, items(2))


def test_an_answer_for_another_tenant_is_refused(core: Core, tenant: NewTenant, liar: Between) -> None:
    other = tenants.create(core, "Other Shop", "FR")
    register(core, other, items(2))
    elsewhere = liar.told[0]
    liar.lie = lambda answer: answer.update(elsewhere)
    with pytest.raises(LogBroken, match="the log of another tenant"):
        register(core, tenant, items(2))


@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b"<html>", b'{"receipts": []}', b"\xff\xfe", b"[" * 9999]
)
def test_nonsense_is_no_answer(core: Core, tenant: NewTenant, liar: Between, body: bytes) -> None:
    liar.lie = lambda _: (200, {"Content-Type": "application/json"}, body)
    with pytest.raises(LogBroken, match="isn't one of dx-agent's version 1"):
        register(core, tenant, items(2))
    assert models.Registration.select().count() == 0


@pytest.mark.parametrize(
    ("status", "headers", "wait"),
    [
        (503, {"Retry-After": "17"}, 17),
        (429, {"Retry-After": "3"}, 3),
        (500, {}, None),
        (502, {"Retry-After": "soon"}, None),
        (301, {"Location": "http://elsewhere.example/"}, None),
        (404, {}, None),
        (204, {}, None),
        (418, {}, None),
    ],
)
def test_any_other_status_is_no_success(
    core: Core, tenant: NewTenant, liar: Between, status: int, headers: dict[str, str], wait: float | None
) -> None:
    batch = items(2)
    liar.lie = lambda _: (status, headers, b"")
    with pytest.raises(TransientError, match=str(status)) as caught:
        register(core, tenant, batch)
    assert caught.value.retry_after == wait
    liar.lie = None
    assert len(register(core, tenant, batch)) == 2


def test_a_date_to_wait_until_is_understood(core: Core, tenant: NewTenant, liar: Between) -> None:
    until = format_datetime(system_clock() + timedelta(seconds=90), usegmt=True)
    liar.lie = lambda _: (503, {"Retry-After": until}, b"")
    with pytest.raises(TransientError) as caught:
        register(core, tenant, items(1))
    assert caught.value.retry_after == pytest.approx(90, abs=5)


def test_nobody_there_is_told_without_the_address_s_secrets(store: Store) -> None:
    port = free_port()
    core = engine(store, f"http://127.0.0.1:{port}/secret-prefix")
    tenant = tenants.create(core, "Acme Shop", "DE")
    with pytest.raises(TransientError, match=f"^the dx-agent at 127.0.0.1:{port} can't be reached$"):
        register(core, tenant, items(1))


def test_an_agent_that_takes_the_call_and_says_nothing_is_not_waited_for_long(store: Store) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        core = engine(store, f"http://127.0.0.1:{silent.getsockname()[1]}")
        tenant = tenants.create(core, "Acme Shop", "DE")
        assert isinstance(core.agent, HttpAgent)
        caller = dataclasses.replace(core.agent.transport.caller, read_s=0.2)
        hasty = dataclasses.replace(core.agent.transport, caller=caller)
        impatient = dataclasses.replace(core.agent, transport=hasty)
        with pytest.raises(TransientError, match=r"said nothing for 0\.2 s"):
            impatient.register(tenant.controller.id, items(1), core.log.fence(tenant.controller.id))


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 that nobody but itself vouches for, and its key."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("there is no openssl to make a certificate with")
    made, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    words = ["req", "-x509", "-newkey", "ed25519", "-nodes", "-days", "2", "-subj", "/CN=agent"]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(made)]
    subprocess.run([openssl, *words], check=True, capture_output=True)
    return made, key


def _is_whole(request: bytes) -> bool:
    """Head and body of a request have come."""
    head, blank, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"content-length: *(\d+)", head.lower())
    return bool(blank) and len(body) >= (int(length[1]) if length else 0)


@contextmanager
def _behind_tls(certificate: tuple[Path, Path]) -> Iterator[int]:
    """The port of a server that answers each request with 503."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        with suppress(OSError), context.wrap_socket(listener.accept()[0], server_side=True) as connection:
            request = b""
            while not _is_whole(request):  # what is left unread when it closes would break off the answer
                request += connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n")

    thread = threading.Thread(target=answer)
    thread.start()
    with listener:
        yield int(listener.getsockname()[1])
        thread.join()


@pytest.mark.parametrize(
    ("trusted", "told"), [(False, "its TLS certificate isn't for its name"), (True, "answered 503")]
)
def test_a_certificate_is_verified(
    store: Store,
    certificate: tuple[Path, Path],
    monkeypatch: pytest.MonkeyPatch,
    trusted: bool,
    told: str,
) -> None:
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
    with _behind_tls(certificate) as port:
        core = engine(store, f"https://127.0.0.1:{port}")
        with pytest.raises(TransientError, match=told):
            register(core, tenants.create(core, "Acme Shop", "DE"), items(1))


def test_an_engine_that_lost_the_answer_gets_the_same_places(
    core: Core, tenant: NewTenant, liar: Between, agent: Agent
) -> None:
    batch = items(3)
    liar.lie = lambda _: (502, {}, b"")
    with pytest.raises(TransientError):
        register(core, tenant, batch)
    liar.lie = None
    receipts = register(core, tenant, batch)
    told = [(one["activity_id"], one["did"], one["log_index"]) for one in liar.told[0]["receipts"]]
    assert [(one.activity_id, one.did, one.log_index) for one in receipts] == told
    assert len(agent.registered(tenant)) == 3


def test_a_database_restored_from_a_copy_counts_on_from_the_agents_fence(
    core: Core, tenant: NewTenant, agent: Agent
) -> None:
    batch = items(2)
    for _ in range(5):
        register(core, tenant, items(1))
    head = models.AuditHead
    head.update(fence=1).where(head.tenant_id == tenant.controller.id).execute()
    with pytest.raises(TransientError, match=r"has seen fence 5 .* restored from a copy"):
        register(core, tenant, batch)
    assert len(register(core, tenant, batch)) == 2
    assert len(agent.registered(tenant)) == 7


def test_two_engines_share_an_agent_and_no_tenant(core: Core, tenant: NewTenant, agent: Agent) -> None:
    register(core, tenant, items(2))
    models.Installation.delete().where(models.Installation.name == "engine_key").execute()
    other = engine(core.store, agent.url)  # on a copy of the database, but for the key
    shop = tenants.create(other, "Other Shop", "FR")
    assert [receipt.log_index for receipt in register(other, shop, items(2))] == [0, 1]
    with pytest.raises(TransientError, match="has this tenant from another engine"):
        register(other, tenant, items(1))
    assert len(agent.registered(tenant)) == 2


def test_an_activity_of_another_engine_is_refused(core: Core, tenant: NewTenant, agent: Agent) -> None:
    (taken,) = items(1)
    register(core, tenant, [taken])
    models.Registration.delete().execute()
    other = tenants.create(core, "Other Shop", "FR")
    with pytest.raises(TransientError, match="answered 409"):
        register(core, other, [*items(1), taken])
    assert agent.registered(other) == []


def test_a_log_with_the_name_of_the_tenants_own_is_refused(store: Store, agent: Agent) -> None:
    core = engine(store, agent.url, host=f"127.0.0.1:{agent.port}")
    tenant = tenants.create(core, "Acme Shop", "DE")
    with pytest.raises(LogBroken, match="DXFLOW_PUBLIC_URL"):
        register(core, tenant, items(1))


def test_an_agent_behind_a_proxy_that_takes_a_prefix_away(store: Store, tmp_path: Path) -> None:
    agent = Agent(tmp_path / "agent", public_url="https://agent.example/registry")
    try:
        agent.start().ready()
        with between(agent.url) as (middle, url):
            middle.prefix = "/registry"
            core = engine(store, f"{url}/registry")
            tenant = tenants.create(core, "Acme Shop", "DE")
            (receipt,) = register(core, tenant, items(1))
            assert receipt.origin == f"agent.example/log/{tenant.controller.did}"
            middle.prefix = "/another"
            with pytest.raises(TransientError, match="answered 404"):
                register(core, tenant, items(1))
    finally:
        agent.close()


def test_more_than_a_call_may_have_is_refused_before_it_is_made(core: Core, tenant: NewTenant) -> None:
    with pytest.raises(Invalid):
        register(core, tenant, items(wire.MOST_ITEMS + 1))


def test_trusting_again_keeps_what_was_seen(core: Core, tenant: NewTenant, liar: Between) -> None:
    register(core, tenant, items(3))
    model = models.AgentCheckpoint
    kept = model.get(model.tenant_id == tenant.controller.id)
    forger = note.SigningKey.generate(kept.origin)
    model.update(vkeys=[forger.vkey]).execute()  # as if the agent's key had changed while we were away
    with pytest.raises(LogBroken, match="trust-agent"):
        register(core, tenant, items(1))
    found = agent_trust.trust(core, tenant.controller.id)
    assert (found["origin"], found["size"]) == (kept.origin, 3)
    assert set(kept.vkeys) < set(found["vkeys"])
