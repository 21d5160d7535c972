"""Status callbacks (Data Rights Protocol 1.0, section 2.03): agents are told of each change, at servers that
misbehave."""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from drp_agent import Agent
from flow import HandClock, Sender, customer, drain, events
from serving import served

from dxflow.engine.core import Core
from dxflow.engine.coverer import CHORES
from dxflow.engine.desk import actions, moves, retention, settings
from dxflow.engine.erasing import erasure, plans
from dxflow.engine.errors import Conflict
from dxflow.engine.outgoing import Limits
from dxflow.engine.rights import drp, following
from dxflow.engine.rights.drp_claims import Fatal
from dxflow.engine.services.rights import privacy_agents
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps.status_callback import SCHEDULE
from dxflow.engine.store import models

from .conftest import Ask, Listener

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
STATUS = {"request_id", "status", "reason", "received_at", "expected_by", "processing_details"}
STATUS |= {"agent_request_id"}


def reject(core: Core, request: models.RightsRequest, reason: str = "no_match") -> None:
    actions.reject(core, request.tenant_id, request.id, "user:1", reason, told_otherwise="by letter")


def hold(core: Core, request: models.RightsRequest) -> None:
    actions.hold(core, request.tenant_id, request.id, "user:1", "clarification")


def states() -> list[str]:
    row = models.StatusCallback
    return [one.state for one in row.select().order_by(row.number)]


def test_the_agent_hears_of_each_change_in_the_protocols_words_and_of_nothing_else(
    able: Core, ask: Ask, listener: Listener
) -> None:
    request = ask()
    assert listener.got == []  # the answer to its request told the first status
    mine = (able, request.tenant_id, request.id, "user:1")
    for change in (
        lambda: actions.step(*mine, "collect"),  # in progress still
        lambda: hold(able, request),
        lambda: actions.resume(*mine),
        lambda: actions.extend(*mine, "many systems", "by letter"),
        lambda: reject(able, request),
    ):
        change()
        drain(able)
    assert listener.heard == ["in_progress", "in_progress", "in_progress", "denied"]
    waiting, back, extended, denied = listener.got
    assert waiting["processing_details"] == "waiting for the person"
    assert "processing_details" not in back
    assert extended["expected_by"] > back["expected_by"]
    assert denied["reason"] == "no_match"
    assert denied == following.status(able, models.RightsRequest.get_by_id(request.id))
    assert all(set(one) <= STATUS and one["agent_request_id"] == "mine-1" for one in listener.got)
    assert "canary" not in json.dumps(listener.got).lower()
    assert states() == ["delivered"] * 4


def test_that_receipt_was_confirmed_is_a_change_too(able: Core, ask: Ask, listener: Listener) -> None:
    request = ask(regime=None)  # under the GDPR the agent's word is no proof
    assert following.status(able, request)["status"] == "open"
    actions.acknowledge(able, request.tenant_id, request.id, "user:1")
    drain(able)
    assert listener.heard == ["in_progress"]


def test_who_names_no_url_is_told_nothing(able: Core, ask: Ask) -> None:
    for nothing in (None, "", "  "):
        request = ask(**{"status_callback": nothing, "agent-request-id": None})
        reject(able, request)
        models.RightsRequest.update(reference="").execute()
    drain(able)
    assert states() == []


def test_what_fails_is_said_again_later_and_as_it_stands_then(
    able: Core, ask: Ask, listener: Listener, clock: HandClock
) -> None:
    listener.answers += [
        (500, {}),
        (404, {}),
        (302, {"Location": listener.url}),
        (429, {"Retry-After": "9000"}),
    ]
    reject(able, ask())
    drain(able)
    for wait in SCHEDULE.waits[:4]:
        clock.forward(wait)
        drain(able)
    assert len(listener.got) == 4  # the last wait was less than the agent asked for
    clock.forward(9000)
    drain(able)
    assert listener.heard == ["denied"] * 5
    assert states() == ["delivered"]


def test_an_agent_that_says_nothing_is_asked_again(
    able: Core, ask: Ask, listener: Listener, clock: HandClock
) -> None:
    hasty = replace(able, outgoing=replace(able.outgoing, limits=Limits(0.2, 0.4, 1 << 20)))
    ended = threading.Event()
    listener.during = lambda: ended.wait(30)
    reject(hasty, ask())
    drain(hasty)
    ended.set()
    assert states() == ["pending"]
    clock.forward(SCHEDULE.waits[0])
    drain(able)
    assert (states(), listener.heard[-1]) == (["delivered"], "denied")


def test_a_newer_word_takes_the_place_of_an_older_one(
    able: Core, ask: Ask, listener: Listener, clock: HandClock
) -> None:
    listener.answers += [(503, {})]
    request = ask()
    hold(able, request)
    drain(able)
    reject(able, request)
    drain(able)
    clock.forward(SCHEDULE.waits[0])
    drain(able)
    assert listener.heard == ["in_progress", "denied"]
    assert states() == ["superseded", "delivered"]


def test_410_and_a_disabled_agent_are_told_no_more(able: Core, ask: Ask, listener: Listener) -> None:
    listener.answers += [(410, {})]
    request = ask()
    hold(able, request)
    drain(able)
    assert states() == ["withdrawn"]
    privacy_agents.disable(able, request.tenant_id, "CONSUMER_HELP", "user:1")
    reject(able, request)
    drain(able)
    assert states() == ["withdrawn", "withdrawn"]
    assert len(listener.got) == 1


def test_after_the_last_attempt_people_hear_of_it_but_not_of_the_address(
    able: Core, ask: Ask, listener: Listener, clock: HandClock
) -> None:
    listener.answers += [(503, {})] * 50
    reject(able, ask())
    drain(able)
    for wait in SCHEDULE.waits:
        clock.forward(wait)
        drain(able)
    assert len(listener.got) == SCHEDULE.max_attempts
    assert states() == ["failed"]
    notice = models.Notification.get(models.Notification.kind == "event.failed")
    assert "HTTP 503" in notice.body
    listener.answers.clear()
    (failed,) = [one for one in events("status_callback") if one.state == "failed"]
    models.Event.update(state="received", due_at=clock.now).where(models.Event.id == failed.id).execute()
    drain(able)
    assert states() == ["delivered"]  # replayed by hand


@pytest.mark.parametrize("address", ["https://127.0.0.1:9/x", "https://[::1]/x", "https://localhost:9/x"])
def test_no_agent_reaches_into_the_house_by_a_callback(
    core: Core, ask: Ask, agent: Agent, address: str
) -> None:
    request = ask(status_callback=address)
    reject(core, request)
    drain(core)  # without the setting
    assert states() == ["failed"]
    (failed,) = [one for one in events("status_callback") if one.state == "failed"]
    assert "DXFLOW_ALLOWED_NETWORKS" in str(failed.error)
    assert failed.attempts == 1
    said = str(failed.error) + "".join(one.body for one in models.Notification.select())
    assert not any(part in said for part in ("127.0.0.1", "::1", "localhost", ":9"))


def test_nothing_that_is_written_down_names_an_address_that_is_not_there(
    able: Core, ask: Ask, clock: HandClock
) -> None:
    with served(lambda environ, start: [b""]) as url:
        pass
    reject(able, ask(status_callback=f"{url}/canary"))
    drain(able)
    (tried,) = [one for one in events("status_callback") if one.state == "retrying"]
    assert tried.error == "the agent can't be reached"


@pytest.mark.parametrize(
    "url",
    [
        "http://agent.example/x",
        "ftp://agent.example/x",
        "agent.example/x",
        "https:///x",
        "https://user:secret@agent.example/x",
        "https://agent.example/x#part",
        "https://agent.example/a b",
        "https://agent.example:port/x",
        "https://ägent.example/x",
        "https://agent.example/" + "x" * 1000,
        "https://agent.example/\n",
        ["https://agent.example/x"],
        True,
    ],
)
def test_a_url_that_cannot_be_told_is_refused_and_not_repeated(agent: Agent, url: object) -> None:
    with pytest.raises(Fatal, match=r"^status_callback: ") as refused:
        drp.exercise(agent.wish(status_callback=url))
    assert "agent.example" not in str(refused.value)


def test_plain_http_takes_the_setting(agent: Agent) -> None:
    url = "http://agent.example/x"
    assert drp.exercise(agent.wish(status_callback=url), plain_http=True).callback == url


def test_the_same_id_with_another_url_is_another_request(able: Core, ask: Ask, listener: Listener) -> None:
    assert ask().id == ask().id
    with pytest.raises(Conflict):
        ask(status_callback=f"{listener.url}/else")


def test_the_agent_hears_of_what_plain_sql_and_another_zone_change(
    able: Core, ask: Ask, listener: Listener
) -> None:
    request = ask()
    settings.change(able, request.tenant_id, "user:1", {"zone": "Pacific/Auckland"})
    drain(able)
    assert [one["expected_by"][10:] for one in listener.got] == ["T11:59:59Z"]
    models.RightsRequest.update(state="completed", decision="fulfilled").execute()
    drain(able)
    assert listener.heard == ["in_progress", "fulfilled"]


def test_of_a_state_that_there_is_not_nothing_is_told(able: Core, ask: Ask, listener: Listener) -> None:
    request = ask()
    models.RightsRequest.update(state="nonsense").execute()
    settings.change(able, request.tenant_id, "user:1", {"zone": "Pacific/Auckland"})
    drain(able)
    assert listener.got == []


@pytest.fixture
def known(able: Core, tenant: NewTenant) -> str:
    """The person whom the agent asks for is on file."""
    Sender(able, tenant.controller.id).send("customers/create", customer(1, email="canary@person.example"))
    drain(able)
    return str(models.DataSubject.get().id)


def test_that_somebody_was_erased_is_told_and_after_sixty_days_nothing_leads_to_the_agent(
    able: Core, ask: Ask, listener: Listener, known: str, clock: HandClock
) -> None:
    request = ask()
    remaining = plans.plan(able, request.tenant_id, known)["remains"]
    assert [one["until"] for one in remaining if "agent" in one["what"]] == ["60 days after the answer"]
    erasure.erase(able, request.tenant_id, known, reason="request", actor="system")
    drain(able)
    row = models.RightsRequest.get_by_id(request.id)
    assert (row.requester_sealed, row.agent_sealed is None) == (None, False)
    assert listener.heard[-1] in ("fulfilled", "revoked")
    assert listener.got[-1]["agent_request_id"] == "mine-1"
    clock.forward(timedelta(days=59).total_seconds())
    assert retention.forget_agents(able) == 0
    clock.forward(timedelta(days=2).total_seconds())
    assert retention.forget_agents(able) == 1
    assert retention.forget_agents in CHORES
    row = models.RightsRequest.get_by_id(request.id)
    assert (row.agent_sealed, row.agent_told) == (None, None)
    assert "agent_request_id" not in following.status(able, row)


@pytest.mark.parametrize("how", ["?for=canary%40person.example", "/canary@person.example"])
def test_a_url_that_names_the_person_goes_with_them(
    able: Core, ask: Ask, listener: Listener, known: str, how: str
) -> None:
    request = ask(status_callback=listener.url + how)
    erasure.erase(able, request.tenant_id, known, reason="request", actor="system")
    drain(able)
    assert models.RightsRequest.get_by_id(request.id).agent_sealed is None
    assert listener.got == []


def test_an_open_request_is_followed_however_old_it_is(able: Core, ask: Ask, clock: HandClock) -> None:
    ask()
    clock.forward(timedelta(days=800).total_seconds())
    assert retention.forget_agents(able) == 0


def test_who_taps_the_machine_cannot_read_the_address(able: Core, ask: Ask, listener: Listener) -> None:
    request = moves.locked(able, ask().tenant_id, models.RightsRequest.get().id)
    assert listener.url.encode() not in bytes(request.agent_sealed)
    assert following.followed(able, request) == ("mine-1", listener.url)
