"""An erasure ends the person's requests, all of them, and nobody else's."""

from __future__ import annotations

import pytest
from flow import HandClock, at_once, drain

from dxflow.engine.core import Core
from dxflow.engine.desk import actions, answering, matching
from dxflow.engine.erasing import erasure, orders, people, plans
from dxflow.engine.errors import Conflict
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.mail import queue
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights import intake
from dxflow.engine.services.subjects import subjects
from dxflow.engine.store import models

from .conftest import EMAIL, PHONE, SHOPIFY_ID, Everywhere, Team

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
BEN, OFFICER = "ben@shop.example", "user:1"


def asked(core: Core, ada: Everywhere, kind: str = "erasure") -> models.RightsRequest:
    """Ada asks, and an officer is satisfied that it is she."""
    request = intake.create(core, ada.tenant_id, kind, Person(EMAIL))
    return actions.verify(core, ada.tenant_id, request.id, OFFICER, "known by her voice")


def now(request: models.RightsRequest) -> models.RightsRequest:
    found: models.RightsRequest = models.RightsRequest.get_by_id(request.id)
    return found


def taken_up_again(core: Core, request: models.RightsRequest) -> None:
    """It was answered in part, and is worked on once more."""
    for act in ("collect", "review"):
        actions.step(core, request.tenant_id, request.id, OFFICER, act)
    answering.respond(core, request.tenant_id, request.id, OFFICER, "partly", "the rest follows")
    actions.step(core, request.tenant_id, request.id, OFFICER, "collect")


@SQLITE
def test_a_request_that_was_taken_up_again_is_answered_by_its_erasure(
    core: Core, ada: Everywhere, team: Team
) -> None:
    request = asked(core, ada)
    taken_up_again(core, request)
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    assert (now(request).state, now(request).decision) == ("response_sent", "fulfilled")


@SQLITE
def test_so_is_one_that_the_erasure_only_ends(core: Core, ada: Everywhere) -> None:
    request = asked(core, ada)
    taken_up_again(core, request)
    erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="request")
    assert (now(request).state, now(request).decision) == ("completed", "fulfilled")


@SQLITE
def test_nobody_is_erased_for_a_request_that_is_somebody_elses_by_now(
    core: Core, ada: Everywhere, team: Team
) -> None:
    """An order was made while the request was matched to Ben."""
    request = asked(core, ada)
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    ben, _ = subjects.enter(core, ada.tenant_id, Person(BEN), "system")
    models.RightsRequest.update(subject_id=ben.id).where(models.RightsRequest.id == request.id).execute()
    with pytest.raises(Conflict, match="somebody else"):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    assert ada.known()
    made = plans.plan(core, ada.tenant_id, ada.subject.id, request_id=request.id)
    assert [one["code"] for one in made["blocked"]] == ["request_of_another"]


def test_a_match_and_a_proposal_at_the_same_moment_are_about_one_person(
    core: Core, ada: Everywhere, team: Team
) -> None:
    request, whom = asked(core, ada), ada.subject.id
    ben, _ = subjects.enter(core, ada.tenant_id, Person(BEN), "system")
    at_once(
        core,
        [
            lambda: orders.propose(core, ada.tenant_id, team.first, request_id=request.id),
            lambda: matching.match(core, ada.tenant_id, request.id, OFFICER, ben.id),
        ],
    )
    ordered = {one.subject_id for one in models.ErasureOrder.select()}
    assert (now(request).subject_id, ordered) in ((whom, {whom}), (ben.id, set()), (ben.id, {ben.id}))


@SQLITE
def test_a_request_of_a_record_that_was_merged_is_of_the_person_who_stands(
    core: Core, ada: Everywhere, team: Team
) -> None:
    other, _ = subjects.enter(core, ada.tenant_id, Person("ada@else.example"), "system")
    request = intake.create(core, ada.tenant_id, "erasure", Person("ada@else.example"))
    with core.store.transaction():
        core.subjects.merge(Origin(ada.tenant_id, "test", None, None), ada.subject, other)
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    assert (order.subject_id, [one["code"] for one in order.plan["blocked"]]) == (
        ada.subject.id,
        ["identity"],
    )


@SQLITE
def test_a_platforms_word_about_one_person_proves_nothing_of_another(
    core: Core, ada: Everywhere, team: Team
) -> None:
    """Shopify vouched for Ben; an officer says that the request is about Ada."""
    ben = {"id": SHOPIFY_ID + 1, "email": BEN}
    told = {"shop_id": 1, "shop_domain": "acme.myshopify.com", "customer": ben, "orders_to_redact": []}
    ada.senders["shopify"].send("customers/redact", told)
    drain(core)
    request = models.RightsRequest.get(source="shopify")
    matching.match(core, ada.tenant_id, request.id, OFFICER, ada.subject.id)
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    assert [one["code"] for one in order.plan["blocked"]] == ["identity"]
    with pytest.raises(Conflict, match="proven"):
        orders.approve(core, ada.tenant_id, order.id, team.second)


@SQLITE
def test_a_shared_telephone_makes_nobodys_request_the_erased_persons(core: Core, ada: Everywhere) -> None:
    bens = intake.create(core, ada.tenant_id, "access", Person(BEN, PHONE, "Ben"))
    assert bens.subject_id is None, "matching knows it"
    adas = intake.create(core, ada.tenant_id, "access", Person("", PHONE, "A."))
    models.RightsRequest.update(subject_id=None).where(models.RightsRequest.id == adas.id).execute()
    erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="request")
    assert now(bens).state == "received"
    assert intake.requester(core, now(bens))["email"] == BEN
    assert (now(adas).state, intake.requester(core, now(adas))) == ("cancelled", {})


@SQLITE
def test_the_answer_goes_to_no_address_that_came_after_the_request(
    core: Core, ada: Everywhere, team: Team, clock: HandClock
) -> None:
    """Whoever took over her account at a shop put their own address there, and asks."""
    clock.forward(60)
    request = asked(core, ada)
    clock.forward(60)
    ada.speak("shopify", email="mallory@evil.example", updated_at="2099-01-01T00:00:00Z")
    assert len(people.identifiers(core, [ada.subject]).emails) == 2
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    letters = [
        queue.letter(core, one) for one in models.Message.select().where(models.Message.kind == "erased")
    ]
    assert [one.to for one in letters if one is not None] == [EMAIL]


@SQLITE
def test_who_came_on_file_only_afterwards_is_answered_there(core: Core, ada: Everywhere, team: Team) -> None:
    request = asked(core, ada)
    models.DataSubjectLink.update(created_at=core.clock()).execute()
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    assert models.Message.select().where(models.Message.kind == "erased").count() == 1
