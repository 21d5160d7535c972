"""The dx-agent elsewhere, under faults: killed, cut off, away, restored from a copy.

Whatever happens, every activity ends with exactly one leaf in its tenant's log at the agent, at the place its
engine knows, and a history that was rewritten is noticed.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from agents import Agent, cut_off, engine, items, proved_leaf, register
from books import Books
from clusters import stopped
from server import Installation, Server, ask, command_line
from traffic import Crowd, shipments

from dxflow.engine.core import Core
from dxflow.engine.errors import LogBroken, TransientError
from dxflow.engine.ledger import note, proofs
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models
from waiting import wait_until

pytestmark = pytest.mark.fault

MakeServer = Callable[..., Server]
QUICK = {"retry_min_backoff_ms": 50, "retry_max_backoff_ms": 500, "retry_max_attempts": 100}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """Made, not started."""
    server = Agent(tmp_path / "agent")
    yield server
    server.close()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(f"sqlite:///{tmp_path / 'engine.db'}") as opened:
        opened.migrate()
        yield opened


def _shop(core: Core) -> NewTenant:
    return tenants.create(core, "Acme Shop", "DE")


def _leaves(agent: Agent) -> dict[str, int]:
    """DID → index, of all activities at the agent; no activity has two leaves."""
    with closing(sqlite3.connect(agent.file, timeout=20)) as connection:
        rows = connection.execute(
            "SELECT seq, leaf FROM audit_entries WHERE kind = 'activity.registered'"
        ).fetchall()
    found = {json.loads(leaf)["activity"]: seq for seq, leaf in rows}
    assert len(found) == len(rows), "an activity with two leaves"
    return found


def _check_registered(books: Books, agent: Agent, count: int) -> None:
    """Every activity is registered at the place where its one leaf stands, and its proof holds by itself."""
    activities = books.rows("SELECT did, log_index, registration_state FROM data_processing_activities")
    assert {row[2] for row in activities} == {"registered"}
    assert len(activities) == count
    assert {row[0]: row[1] for row in activities} == _leaves(agent)
    ((vkeys,),) = books.rows("SELECT vkeys FROM agent_checkpoints")
    verifiers = [note.Verifier.from_vkey(vkey) for vkey in json.loads(vkeys)]
    receipts = books.rows("SELECT did, origin, log_index, proof FROM registrations")
    assert len(receipts) == count
    for did, origin, index, text in receipts:
        proof = proofs.parse(text)
        assert (proof.verify(verifiers).origin, proof.index) == (origin, index)
        assert json.loads(proof.leaf)["activity"] == did


def test_webhooks_are_registered_with_an_agent_elsewhere(
    installation: Installation, books: Books, make_server: MakeServer, agent: Agent
) -> None:
    agent.start().ready()
    server = make_server(installation.directory, agent_url=agent.url).start().ready()
    crowd = Crowd(server.port, installation.doors)
    crowd.send(shipments(80))
    books.wait_until_quiet()
    assert server.stop() == 0
    assert agent.stop() == 0
    _check_registered(books, agent, 80)
    installation.verify_log()
    bundle = installation.directory.parent / "bundle"
    ask(installation.directory, "audit", "export", "--out", str(bundle))
    checked = command_line(installation.directory, "audit", "check", str(bundle))
    assert (
        "80 processing activities registered in the log of a dx-agent, each with its proof" in checked.stdout
    )


def test_what_comes_in_while_the_agent_is_away_is_registered_afterwards(
    installation: Installation, books: Books, make_server: MakeServer, agent: Agent
) -> None:
    server = make_server(installation.directory, agent_url=agent.url, **QUICK).start().ready()
    crowd = Crowd(server.port, installation.doors)
    crowd.send(shipments(40))
    assert crowd.statuses() == {(200, "accepted")}
    waits = "SELECT count(*) FROM events WHERE state = 'retrying' AND error LIKE '%can''t be reached'"
    wait_until(lambda: books.number(waits) > 0, timeout=30, what="events that wait for the agent")
    agent.start().ready()
    books.wait_until_quiet()
    _check_registered(books, agent, 40)


def test_an_agent_that_is_killed_under_load_registers_everything_once(
    installation: Installation, books: Books, make_server: MakeServer, agent: Agent
) -> None:
    agent.start().ready()
    server = make_server(installation.directory, agent_url=agent.url, **QUICK).start().ready()
    crowd, random = Crowd(server.port, installation.doors), Random(20261124)

    def kill_again_and_again() -> None:
        for _ in range(6):
            aim = len(_leaves(agent)) + random.randrange(1, 25)
            wait_until(lambda aim=aim: len(_leaves(agent)) >= aim, timeout=60, what=f"{aim} leaves")
            agent.kill()
            agent.start()
            agent.ready()

    crowd.send(shipments(300), kill_again_and_again)
    books.wait_until_quiet()
    assert crowd.statuses() == {(200, "accepted")}
    _check_registered(books, agent, 300)
    assert server.stop() == 0
    installation.verify_log()


def test_an_agent_that_hangs_is_waited_for(
    installation: Installation, books: Books, make_server: MakeServer, agent: Agent
) -> None:
    agent.start().ready()
    server = make_server(installation.directory, agent_url=agent.url, **QUICK).start().ready()
    crowd = Crowd(server.port, installation.doors)
    (worker,) = agent.family()[1:]
    with stopped(worker.pid):
        crowd.send(shipments(20))
        gave_up = "SELECT count(*) FROM events WHERE error LIKE '%said nothing for 15 s'"
        wait_until(lambda: books.number(gave_up) > 0, timeout=60, what="an event that waited in vain")
    books.wait_until_quiet()
    _check_registered(books, agent, 20)


def test_killed_between_write_and_answer_it_gives_the_same_places(store: Store, agent: Agent) -> None:
    agent.start().ready()
    core = engine(store, agent.url)
    tenant, batch = _shop(core), items(64)
    register(core, tenant, items(3))
    with cut_off(agent) as url:
        with pytest.raises(TransientError, match="broke off"):
            register(engine(store, url), tenant, batch)
        written = agent.registered(tenant)
        assert len(written) == 67, "the test is void: the agent hadn't written"
        assert models.Registration.select().count() == 3
        agent.kill()
    agent.start().ready()
    receipts = register(core, tenant, batch)
    assert agent.registered(tenant) == written
    places = {leaf["activity"]: leaf["seq"] for leaf in written}
    assert all(places[receipt.did] == receipt.log_index for receipt in receipts)
    assert [proved_leaf(receipt)["commitment"] for receipt in receipts] == [one.commitment for one in batch]


def _restore(agent: Agent, copy: Path) -> None:
    agent.stop()
    for file in agent.data_dir.glob("agent.db*"):
        file.unlink()
    shutil.copy(copy, agent.file)
    agent.start().ready()


def _copy(agent: Agent, to: Path) -> Path:
    with closing(sqlite3.connect(agent.file)) as source, closing(sqlite3.connect(to)) as target:
        source.backup(target)
    return to


def test_an_agent_restored_from_yesterdays_copy_is_noticed_and_gets_nothing_more(
    store: Store, agent: Agent, tmp_path: Path
) -> None:
    agent.start().ready()
    core = engine(store, agent.url)
    tenant = _shop(core)
    register(core, tenant, items(3))
    yesterday = _copy(agent, tmp_path / "yesterday.db")
    register(core, tenant, items(3))
    _restore(agent, yesterday)
    with pytest.raises(LogBroken, match="its log is shorter than it was"):
        register(core, tenant, items(2))
    assert len(agent.registered(tenant)) == 3


def test_after_a_lost_log_a_tenant_goes_on_in_another_one(store: Store, agent: Agent) -> None:
    agent.start().ready()
    core = engine(store, agent.url)
    tenant, batch = _shop(core), items(2)
    before = register(core, tenant, items(3))
    agent.stop()
    for file in agent.data_dir.glob("agent.db*"):
        file.unlink()
    agent.settings["public_url"] = "http://second.example"
    agent.start().ready()
    with pytest.raises(LogBroken, match=r"its log is second\.example/log/.*trust-agent"):
        register(core, tenant, batch)
    assert core.agent.trust(tenant.controller.id).origin.startswith("second.example/log/")
    receipts = register(core, tenant, batch)
    assert [receipt.log_index for receipt in receipts] == [0, 1]
    for receipt in (*before, *receipts):
        assert proved_leaf(receipt)["activity"] == receipt.did


def test_a_history_that_went_another_way_is_noticed(store: Store, agent: Agent, tmp_path: Path) -> None:
    agent.start().ready()
    core = engine(store, agent.url)
    tenant = _shop(core)
    register(core, tenant, items(3))
    yesterday = _copy(agent, tmp_path / "yesterday.db")
    remembered = models.AgentCheckpoint.get()
    register(core, tenant, items(3))
    seen = models.AgentCheckpoint.get()
    _restore(agent, yesterday)
    remembered.save()  # as if the database were a copy too
    with pytest.raises(LogBroken, match="places in its log that other activities have had"):
        register(core, tenant, items(1))
    models.Registration.delete().where(models.Registration.log_index >= 3).execute()
    register(core, tenant, items(5))
    seen.save()
    with pytest.raises(LogBroken, match="doesn't extend the 6 entries it had"):
        register(core, tenant, items(2))


def test_an_agent_whose_keys_rotated_is_trusted_as_its_log_says(store: Store, agent: Agent) -> None:
    agent.start().ready()
    core = engine(store, agent.url)
    tenant = _shop(core)
    first = register(core, tenant, items(2))
    before = list(models.AgentCheckpoint.get().vkeys)
    rotated = ask(agent.data_dir, "engine", "rotate-key")
    wait_until(lambda: _keys_at(core, tenant) == 2, what="the agent to sign with both keys")
    register(core, tenant, items(2))
    assert len(models.AgentCheckpoint.get().vkeys) == 2
    ask(agent.data_dir, "engine", "retire-key")
    wait_until(lambda: _keys_at(core, tenant) == 1, what="the agent to sign with the new key alone")
    receipts = register(core, tenant, items(2))
    vkeys = models.AgentCheckpoint.get().vkeys
    assert vkeys[0] == before[0]
    assert rotated["added"] == note.Verifier.from_vkey(vkeys[1]).public_key.hex()
    for receipt in (*first, *receipts):
        assert proved_leaf(receipt)["activity"] == receipt.did


def _keys_at(core: Core, tenant: NewTenant) -> int:
    """How many keys sign a checkpoint that the agent makes now."""
    register(core, tenant, items(1))
    checkpoint: str = models.AgentCheckpoint.get().checkpoint
    return checkpoint.rpartition("\n\n")[2].count("\n")


def test_an_agent_that_is_not_believed_is_told_at_once_and_once(
    installation: Installation, books: Books, make_server: MakeServer, agent: Agent, tmp_path: Path
) -> None:
    agent.start().ready()
    yesterday = _copy(agent, tmp_path / "yesterday.db")
    server = make_server(installation.directory, agent_url=agent.url, **QUICK).start().ready()
    crowd = Crowd(server.port, installation.doors)
    crowd.send(shipments(10))
    books.wait_until_quiet()
    _restore(agent, yesterday)
    crowd.send(shipments(20)[10:])
    refused = "SELECT count(*) FROM events WHERE state = 'retrying' AND error LIKE '%restored from a copy%'"
    wait_until(lambda: books.number(refused) > 0, timeout=30, what="events that wait")
    query = "SELECT body FROM notifications WHERE kind = 'agent.not_believed'"
    ((body,),) = wait_until(lambda: books.rows(query), what="the notice")
    assert "its log is shorter than it was" in body
    attempts = "SELECT max(attempts) FROM events"
    wait_until(lambda: books.number(attempts) > 3, timeout=30, what="more attempts")
    assert len(books.rows(query)) == 1
    assert books.number("SELECT count(*) FROM registrations") == 10
