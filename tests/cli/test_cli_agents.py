"""The command line of a dx-agent, and of an engine about its dx-agent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from agents import Agent, items
from commands import Home
from wire import free_port

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.core import Core


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    server = Agent(tmp_path / "agent")
    try:
        yield server.start().ready()
    finally:
        server.close()


@pytest.fixture
def core(shop: Home, agent: Agent, monkeypatch: pytest.MonkeyPatch) -> Core:
    """The shop's installation, whose activities the agent registers."""
    monkeypatch.setenv("DXFLOW_AGENT_URL", agent.url)
    return wiring.core_for(Settings.load(data_dir=str(shop.directory)))


def _register(core: Core, shop: Home, count: int) -> None:
    (tenant,) = shop.ask("tenant", "list")
    core.agent.register(tenant["id"], items(count), core.log.fence(tenant["id"]))


def _check(shop: Home, **settings: object) -> tuple[bool, str]:
    checks = shop.run("doctor", "--json", port=free_port(), **settings).document["checks"]
    (found,) = [(check["ok"], check["detail"]) for check in checks if check["name"] == "dx-agent"]
    return found


def test_doctor_tells_which_agent_is_in_use_and_the_key_it_must_know(
    shop: Home, core: Core, agent: Agent
) -> None:
    assert _check(shop, agent_url=f"http://127.0.0.1:{free_port()}")[0] is False
    assert _check(shop) == (True, "the embedded one")
    assert "made with the first registration" in _check(shop, agent_url=agent.url)[1]
    _register(core, shop, 1)
    (enrolled,) = Home(agent.data_dir).ask("engine", "list")
    assert enrolled["public_key"] in _check(shop, agent_url=agent.url)[1]


def test_an_agents_engines_are_listed_and_revoked(shop: Home, core: Core, agent: Agent) -> None:
    _register(core, shop, 1)
    home = Home(agent.data_dir)
    (enrolled,) = home.ask("engine", "list")
    assert enrolled["revoked_at"] is None
    home.run("engine", "revoke", "no-such-engine").refused("no such engine")
    revoked = home.ask("engine", "revoke", enrolled["id"])
    assert home.ask("engine", "revoke", enrolled["id"]) == revoked
    assert home.ask("engine", "list") == [revoked]


def test_an_agents_logs_are_verified_as_an_engines_are(shop: Home, core: Core, agent: Agent) -> None:
    _register(core, shop, 5)
    home = Home(agent.data_dir)
    found = home.ask("engine", "verify")
    assert (found["ok"], found["tenants"], found["problems"]) == (True, 1, [])
    assert found["entries"] >= 5
    with closing(sqlite3.connect(agent.file)) as connection:
        (trigger,) = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entries' "
            "AND sql LIKE '%BEFORE UPDATE%'"
        ).fetchone()
        connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("UPDATE audit_entries SET leaf = replace(leaf, 'actor', 'actOr') WHERE seq = 2")
        connection.commit()
    ended = home.run("engine", "verify", "--fresh", "--json")
    assert (ended.code, ended.document["ok"]) == (1, False)


def test_trusting_an_agent_pins_what_its_log_names(shop: Home, core: Core, agent: Agent) -> None:
    _register(core, shop, 3)
    trusted = shop.run("audit", "trust-agent", "--json", agent_url=agent.url).document
    assert trusted["origin"].startswith(f"127.0.0.1:{agent.port}/log/did:dep:")
    assert (trusted["size"], len(trusted["vkeys"])) == (3, 1)


def test_there_is_nobody_to_trust_but_an_agent_elsewhere(shop: Home, agent: Agent) -> None:
    shop.run("audit", "trust-agent").refused("DXFLOW_AGENT_URL isn't set")
    shop.run("audit", "trust-agent", agent_url=agent.url).refused("has no log of this tenant yet")
    shop.run("audit", "trust-agent", agent_url=f"http://127.0.0.1:{free_port()}").refused("can't be reached")


def test_the_token_is_no_flag(home: Home) -> None:
    home.run("agent", "--agent-token", "a token of some length").misused("No such option")
    home.run("tenant", "list", agent_token="short").refused("DXFLOW_AGENT_TOKEN: too short")
