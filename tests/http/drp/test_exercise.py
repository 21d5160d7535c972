"""The Data Rights Protocol over real HTTP: an agent asks for somebody, follows the request, takes it back."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from drp_agent import Agent
from flow import HandClock, Sender, at_once, customer, drain, leaves
from visitors import BOTH

from dxflow.engine.core import Core
from dxflow.engine.desk import actions, moves
from dxflow.engine.rights import drp, intake
from dxflow.engine.rights.types import RequestState
from dxflow.engine.services import tenants
from dxflow.engine.services.rights import privacy_agents
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def only() -> models.RightsRequest:
    (row,) = models.RightsRequest.select()
    return row


@BOTH
def test_an_agent_asks_for_somebody_follows_it_and_takes_it_back(
    core: Core, tenant: NewTenant, agent: Agent
) -> None:
    asked = agent.exercise(**{"agent-request-id": "mine-1"})
    assert asked.status_code == 200, asked.text
    row = only()
    assert asked.json() == {
        "request_id": row.id,
        "status": "in_progress",
        "received_at": asked.json()["received_at"],
        "expected_by": f"{row.due}T23:59:59Z",
        "agent_request_id": "mine-1",
    }
    assert (row.type, row.source, row.jurisdiction, row.regime) == ("erasure", "drp", "US-CA", "ccpa")
    assert (row.state, row.verified_by) == ("identity_verified", "agent")
    assert row.verified_at is not None
    assert agent.send("GET", f"data-rights-request/{row.id}").json() == asked.json()

    taken_back = agent.send(
        "DELETE", f"data-rights-request/{row.id}", agent.signed({"reason": "changed my mind"})
    )
    assert (taken_back.status_code, taken_back.json()["status"]) == (200, "revoked")
    assert only().state == "cancelled"
    again = agent.send("DELETE", f"data-rights-request/{row.id}", agent.signed({}))
    assert again.json()["status"] == "revoked"
    actors = {leaf["actor"] for leaf in leaves(tenant.controller.id) if leaf.get("request") == row.id}
    assert actors == {f"agent:{models.PrivacyAgent.get().id}", "system"}
    assert "canary" not in json.dumps(leaves(tenant.controller.id))
    assert "changed my mind" not in json.dumps(leaves(tenant.controller.id))


@pytest.mark.parametrize(("right", "type"), sorted(drp.EXERCISES.items()))
def test_every_right_of_the_protocol_has_a_type_here(agent: Agent, right: str, type: str) -> None:
    assert agent.exercise(exercise=right).status_code == 200
    assert only().type == type


def test_without_a_regime_the_data_controllers_own_counts_and_what_it_asks_of_proof(agent: Agent) -> None:
    assert agent.exercise(regime=None).json()["status"] == "open"
    assert (only().jurisdiction, only().regime, only().verified_at) == ("DE", "gdpr", None)


def test_claims_that_the_agent_has_not_verified_prove_nothing(core: Core, agent: Agent) -> None:
    for claimed in (False, None, "true", 1):
        models.RightsRequest.delete().execute()
        answer = agent.exercise(email_verified=claimed)
        assert answer.json()["status"] == "open", claimed
        assert (only().state, only().verified_by) == ("received", None)


def test_nobody_is_found_by_what_the_agent_has_not_verified(
    core: Core, tenant: NewTenant, agent: Agent
) -> None:
    shop = Sender(core, tenant.controller.id)
    shop.send("customers/create", customer(1, email="victim@person.example", phone="+4930123456"))
    drain(core)
    answer = agent.exercise(
        email="agents.own@person.example", phone_number="+4930123456", phone_number_verified=False
    )
    assert answer.json()["status"] == "in_progress"
    row = only()
    assert row.subject_id is None
    who = intake.requester(core, row)
    assert who["email"] == "agents.own@person.example"
    assert "phone" not in who
    assert who["unverified_phone_number"] == "+4930123456"


def test_what_else_the_agent_says_is_kept_sealed_with_who_asks(core: Core, agent: Agent) -> None:
    address = {"street_address": "1 Canary Street", "region": "CA"}
    agent.exercise(address=address, power_of_attorney="ref-1")
    who = intake.requester(core, only())
    assert (who["address"], who["power_of_attorney"], who["relationships"]) == (
        address,
        "ref-1",
        ["customer"],
    )


def test_the_same_message_and_the_same_id_make_one_request(agent: Agent) -> None:
    message = agent.signed(agent.wish())
    first = agent.send("POST", "data-rights-request", message)
    assert agent.send("POST", "data-rights-request", message).json() == first.json()
    named = [agent.exercise(**{"agent-request-id": "mine-1"}).json()["request_id"] for _ in range(2)]
    assert len(set(named)) == 1
    assert models.RightsRequest.select().count() == 2
    other = agent.exercise(**{"agent-request-id": "mine-1", "email": "else@person.example"})
    assert (other.status_code, other.json()["code"]) == (409, "409")


@BOTH
def test_of_the_same_message_at_once_one_makes_the_request(core: Core, agent: Agent) -> None:
    message = agent.signed(agent.wish())
    answers = at_once(core, [lambda: agent.send("POST", "data-rights-request", message).json()] * 4)
    assert len({json.dumps(one) for one in answers}) == 1, answers
    assert models.RightsRequest.select().count() == 1


def test_another_agents_request_and_no_request_are_forbidden_alike(
    agent: Agent, new_agent: Callable[[str], Agent]
) -> None:
    request_id = agent.exercise().json()["request_id"]
    other = new_agent("OTHER_HELP")
    told = set()
    for path in (request_id, "00000000-0000-4000-8000-000000000000", "nothing"):
        for answer in (
            other.send("GET", f"data-rights-request/{path}"),
            other.send("DELETE", f"data-rights-request/{path}", other.signed({})),
        ):
            assert answer.status_code == 403
            told.add(answer.text)
    assert len(told) == 1
    assert only().state == "identity_verified"


def test_every_state_of_the_desk_has_a_status_of_the_protocol() -> None:
    allowed = {"open", "in_progress", "fulfilled", "revoked", "denied", "expired"}
    reasons = {
        "suspected_fraud",
        "insuf_verification",
        "no_match",
        "claim_not_covered",
        "outside_jurisdiction",
    }
    reasons |= {"too_many_requests", "other"}
    for state in RequestState:
        status, reason = drp.status_of(state, None, None)
        assert status in allowed
        assert (reason in reasons) == (status == "denied")
    for reason in reasons:
        assert drp.status_of("rejected", None, reason) == ("denied", reason)
    assert drp.status_of("rejected", None, "unheard of") == ("denied", "other")
    assert drp.status_of("response_sent", "denied", "no_match") == ("denied", "no_match")
    assert drp.status_of("completed", "fulfilled", None) == ("fulfilled", None)


def test_a_denial_and_an_extension_are_told_in_the_protocols_words(
    core: Core, tenant: NewTenant, agent: Agent
) -> None:
    request_id = agent.exercise().json()["request_id"]
    before = agent.send("GET", f"data-rights-request/{request_id}").json()["expected_by"]
    actions.extend(core, tenant.controller.id, request_id, "user:1", "many systems to ask")
    extended = agent.send("GET", f"data-rights-request/{request_id}").json()
    assert extended["expected_by"] > before
    assert "extended" in extended["processing_details"]
    moves.move(core, tenant.controller.id, request_id, "reject", "user:1", denial_reason="no_match")
    denied = agent.send("GET", f"data-rights-request/{request_id}").json()
    assert (denied["status"], denied["reason"]) == ("denied", "no_match")
    assert denied["processing_details"]
    late = agent.send("DELETE", f"data-rights-request/{request_id}", agent.signed({}))
    assert late.status_code == 409


def tampered(agent: Agent) -> dict[str, tuple[bytes, int, bool]]:
    """Messages that aren't as they should be, the status each gets, and whether trying again is useless."""
    now, stranger = agent.core.clock(), Agent(agent.core, agent.site, agent.tenant_id, agent.business)
    good = agent.signed(agent.wish())
    raw = base64.b64decode(good)
    later = (now + timedelta(hours=1)).isoformat()
    flipped = bytes([raw[0] ^ 1]) + raw[1:]
    changed = raw.replace(b"canary@person", b"victim@person")
    return {
        "nothing": (b"", 400, False),
        "no base64": (b"{}{}{}", 400, False),
        "plain JSON": (json.dumps(agent.wish()).encode(), 400, False),
        "base64 of JSON alone": (base64.b64encode(json.dumps(agent.wish()).encode()), 403, False),
        "only a signature": (base64.b64encode(raw[:64]), 400, False),
        "half a signature": (base64.b64encode(raw[:32]), 400, False),
        "cut short": (base64.b64encode(raw[:-1]), 403, False),
        "something added": (base64.b64encode(raw + b" "), 403, False),
        "a bit of the signature": (base64.b64encode(flipped), 403, False),
        "another person": (base64.b64encode(changed), 403, False),
        "another key": (stranger.signed(agent.wish()), 403, False),
        "another agent's id": (agent.signed(agent.wish(**{"agent-id": "OTHER"})), 403, False),
        "no agent's id": (agent.signed(agent.wish(**{"agent-id": None})), 400, False),
        "another business": (agent.signed(agent.wish(**{"business-id": "OTHER"})), 403, False),
        "no business": (agent.signed(agent.wish(**{"business-id": None})), 400, False),
        "a list of businesses": (agent.signed(agent.wish(**{"business-id": ["ACME_SHOP"]})), 403, False),
        "from the future": (
            agent.signed(agent.wish(**{"issued-at": later, "expires-at": later})), 400, False,
        ),
        "over": (agent.signed(agent.wish(**{"expires-at": now.isoformat()})), 400, True),
        "for ever, and a day old": (
            agent.signed(agent.wish(**{
                "issued-at": (now - timedelta(days=1)).isoformat(),
                "expires-at": (now + timedelta(days=45)).isoformat(),
            })), 400, True,
        ),
        "no end": (agent.signed(agent.wish(**{"expires-at": None})), 400, False),
        "no time": (agent.signed(agent.wish(**{"issued-at": "yesterday"})), 400, False),
        "a time without a zone": (agent.signed(agent.wish(**{"issued-at": "2099-03-02T09:00:00"})), 400, False),
        "another version": (agent.signed(agent.wish(drp__version="0.7")), 400, True),
        "no version": (agent.signed(agent.wish(drp__version=None)), 400, True),
        "another right": (agent.signed(agent.wish(exercise="everything")), 400, True),
        "a list of rights": (agent.signed(agent.wish(exercise=["access"])), 400, True),
        "another regime": (agent.signed(agent.wish(regime="lex_mercatoria")), 400, True),
        "nobody": (agent.signed(agent.wish(email=None, name=None)), 400, True),
        "no address": (agent.signed(agent.wish(email="nonsense")), 400, True),
        "an address with a break": (agent.signed(agent.wish(name="a\nb")), 400, True),
        "an endless name": (agent.signed(agent.wish(name="x" * 1001)), 400, True),
        "a list": (agent.signed([agent.wish()]), 400, False),
        "a member twice": (agent.signed(b'{"agent-id": "A", "agent-id": "B"}'), 400, False),
        "no JSON": (agent.signed(b"not json at all"), 400, False),
        "NaN": (agent.signed(b'{"agent-id": NaN}'), 400, False),
        "deep": (agent.signed(b"[" * 20_000), 400, False),
        "another charset": (agent.signed('{"name": "ä"}'.encode("latin-1")), 400, False),
    }  # fmt: skip


def test_a_message_that_was_tampered_with_makes_no_request_and_says_so_in_the_protocols_shape(
    agent: Agent,
) -> None:
    for name, (body, status, fatal) in tampered(agent).items():
        answer = agent.send("POST", "data-rights-request", body)
        assert answer.status_code == status, (name, answer.text)
        assert answer.headers["Content-Type"].startswith("application/json"), name
        told = answer.json()
        assert told["code"] == str(status), name
        assert told.get("fatal", False) is fatal, name
        assert told["message"], name
        assert "canary" not in answer.text, name
    assert models.RightsRequest.select().count() == 0
    assert agent.exercise().status_code == 200


def test_a_token_alone_and_a_signature_alone_are_not_enough(agent: Agent) -> None:
    body = agent.signed(agent.wish())
    for token in ("", "wrong", agent.token[:-1]):
        agent_token, agent.token = agent.token, ""
        answer = agent.send("POST", "data-rights-request", body, token=token)
        agent.token = agent_token
        assert answer.status_code == 401
        said = ', error="invalid_token"' if token else ""
        assert answer.headers["WWW-Authenticate"] == f'Bearer realm="drp"{said}'
        assert answer.json()["code"] == "401"
    assert models.RightsRequest.select().count() == 0


def test_an_agent_with_anothers_token_is_refused(agent: Agent, new_agent: Callable[[str], Agent]) -> None:
    other = new_agent("OTHER_HELP")
    assert (
        agent.send("POST", "data-rights-request", agent.signed(agent.wish()), token=other.token).status_code
        == 403
    )
    forged = agent.signed(agent.wish(**{"agent-id": "OTHER_HELP"}))
    assert agent.send("POST", "data-rights-request", forged, token=other.token).status_code == 403
    assert models.RightsRequest.select().count() == 0


def test_a_token_opens_one_tenant_and_no_other(core: Core, agent: Agent) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller.id
    agent.tenant_id = other
    assert agent.exercise().status_code == 401
    privacy_agents.add(core, other, agent.name, "Consumer Help", agent.verify_key, "user:1", "ACME_SHOP")
    assert agent.exercise().status_code == 401
    assert models.RightsRequest.select().count() == 0


def test_a_revocation_needs_the_agents_own_signature(agent: Agent) -> None:
    request_id = agent.exercise().json()["request_id"]
    stranger = Agent(agent.core, agent.site, agent.tenant_id, agent.business)
    over = agent.envelope(**{"expires-at": "2099-01-01T00:00:00Z"})
    for body, status in (
        (stranger.signed({"reason": "x"}), 403),
        (b"{}", 400),
        (agent.signed({"business-id": "OTHER"}), 403),
        (agent.signed(over), 400),
    ):
        assert agent.send("DELETE", f"data-rights-request/{request_id}", body).status_code == status
    assert only().state == "identity_verified"


def test_a_clock_moves_on_and_old_messages_with_it(agent: Agent, clock: HandClock) -> None:
    body = agent.signed(agent.wish())
    clock.forward(601)
    assert agent.send("POST", "data-rights-request", body).status_code == 400
    assert models.RightsRequest.select().count() == 0
