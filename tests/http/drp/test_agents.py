"""Pair-wise key setup: a token for whoever signs for it, once; and agents that are known or not."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from drp_agent import Agent
from flow import at_once, leaves
from visitors import BOTH

from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, NotFound, Taken
from dxflow.engine.services.people import attempts
from dxflow.engine.services.rights import privacy_agents
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def test_a_token_is_given_for_a_signature_and_is_good_for_its_agent(agent: Agent, tenant: NewTenant) -> None:
    good = agent.send("GET", f"agent/{agent.name}")
    assert (good.status_code, good.json()) == (200, {})
    assert agent.send("GET", "agent/OTHER_HELP").status_code == 403
    assert agent.send("GET", f"agent/{agent.name}", token="wrong").status_code == 401
    row = models.PrivacyAgent.get()
    assert agent.token not in str(row.__data__)
    kinds = [leaf["kind"] for leaf in leaves(tenant.controller.id)]
    assert kinds[-2:] == ["privacy_agent.added", "privacy_agent.token_issued"]


def test_a_newer_token_ends_the_older(agent: Agent) -> None:
    older = agent.token
    assert agent.set_up().status_code == 200
    assert agent.token != older
    assert agent.send("GET", f"agent/{agent.name}", token=older).status_code == 401


def test_a_message_for_a_token_brings_one_token_and_an_older_one_none(agent: Agent) -> None:
    earlier = agent.signed(agent.envelope())
    message = agent.signed(agent.envelope())
    first = agent.send("POST", f"agent/{agent.name}", message, token="")
    assert first.status_code == 200
    for replayed in (message, earlier):
        again = agent.send("POST", f"agent/{agent.name}", replayed, token="")
        assert (again.status_code, again.text) == (403, "")
    assert agent.send("GET", f"agent/{agent.name}", token=first.json()["token"]).status_code == 200


@BOTH
def test_of_the_same_message_at_once_one_brings_a_token(core: Core, agent: Agent) -> None:
    message = agent.signed(agent.envelope())
    calls = [lambda: agent.send("POST", f"agent/{agent.name}", message, token="").status_code] * 4
    assert sorted(at_once(core, calls)) == [200, 403, 403, 403]  # type: ignore[type-var]


def test_whatever_is_wrong_is_answered_alike_and_without_a_word(agent: Agent, core: Core) -> None:
    stranger = Agent(core, agent.site, agent.tenant_id, agent.business)
    past, now = core.clock() - timedelta(minutes=1), core.clock()
    wrong = {
        "another key": (agent.name, stranger.signed(agent.envelope())),
        "no message": (agent.name, b""),
        "another agent's path": ("UNKNOWN", agent.signed(agent.envelope())),
        "another id inside": (agent.name, agent.signed(agent.envelope(**{"agent-id": "OTHER"}))),
        "another business": (agent.name, agent.signed(agent.envelope(**{"business-id": "OTHER"}))),
        "over": (agent.name, agent.signed(agent.envelope(**{"expires-at": past.isoformat()}))),
        "for ever, and a day old": (
            agent.name,
            agent.signed(
                agent.envelope(
                    **{
                        "issued-at": (now - timedelta(1)).isoformat(),
                        "expires-at": (now + timedelta(9)).isoformat(),
                    }
                )
            ),
        ),
        "another version": (agent.name, agent.signed(agent.envelope(drp__version="0.7"))),
    }
    for name, (path, body) in wrong.items():
        answer = agent.send("POST", f"agent/{path}", body, token="")
        assert (answer.status_code, answer.text) == (403, ""), name
    assert agent.send("GET", f"agent/{agent.name}").status_code == 200


def test_wrong_signatures_are_counted_and_right_ones_are_not(
    monkeypatch: pytest.MonkeyPatch, agent: Agent
) -> None:
    monkeypatch.setattr(attempts, "NETWORK", replace(attempts.NETWORK, free=5))
    for _ in range(7):
        assert agent.set_up().status_code == 200
    stranger = Agent(agent.core, agent.site, agent.tenant_id, agent.business)
    statuses = [
        agent.send("POST", f"agent/{agent.name}", stranger.signed(agent.envelope()), token="").status_code
        for _ in range(7)
    ]
    assert statuses[:5] == [403] * 5
    assert statuses[-1] == 429


def test_who_is_disabled_is_nobody_at_once(core: Core, tenant: NewTenant, agent: Agent) -> None:
    request_id = agent.exercise().json()["request_id"]
    privacy_agents.disable(core, tenant.controller.id, agent.name, "user:1")
    assert agent.send("GET", f"data-rights-request/{request_id}").status_code == 401
    assert agent.exercise().status_code == 401
    assert agent.set_up().status_code == 403
    assert models.RightsRequest.select().count() == 1
    disabled = [leaf for leaf in leaves(tenant.controller.id) if leaf["kind"] == "privacy_agent.disabled"]
    privacy_agents.disable(core, tenant.controller.id, agent.name, "user:1")
    assert len(disabled) == 1


def test_an_agent_is_one_of_one_tenant_with_a_key_that_means_something(
    core: Core, tenant: NewTenant, new_agent: Callable[[str], Agent]
) -> None:
    key = new_agent("CONSUMER_HELP").verify_key
    tenant_id = tenant.controller.id
    with pytest.raises(Taken):
        privacy_agents.add(core, tenant_id, "CONSUMER_HELP", "Again", key, "user:1")
    raw = (b"\0" * 33, b"\0" * 32, b"\1" + b"\0" * 31, b"\xff" * 32)  # too long, small orders, no point
    for bad in ("", "abc", key[:-4], f"{key}!", *(base64.b64encode(one).decode() for one in raw)):
        with pytest.raises(Invalid, match="verify_key"):
            privacy_agents.add(core, tenant_id, "NEW", "New", bad, "user:1")
    for name in ("", "a b", "ä", "x" * 101, "-x"):
        with pytest.raises(Invalid, match="agent"):
            privacy_agents.add(core, tenant_id, name, "New", key, "user:1")
    with pytest.raises(Invalid, match="name"):
        privacy_agents.add(core, tenant_id, "NEW", " ", key, "user:1")
    with pytest.raises(NotFound):
        privacy_agents.disable(core, tenant_id, "NOBODY", "user:1")
    assert models.PrivacyAgent.select().count() == 1


def test_an_unknown_tenant_is_not_found_in_the_protocols_shape(agent: Agent) -> None:
    agent.tenant_id = "00000000-0000-4000-8000-000000000000"
    answer = agent.exercise()
    assert (answer.status_code, answer.json()["code"]) == (404, "404")
    assert agent.send("PUT", "data-rights-request", b"x").json()["code"] == "405"
