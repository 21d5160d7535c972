"""What was said while two were one: whose word is known keeps it, and of anybody else's a no holds for both."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from bodies import ahead, email_consent, shopify_id
from flow import HandClock, Sender, check_invariants, leaves

from dxflow.engine.core import Core
from dxflow.engine.fulfilment import limiting
from dxflow.engine.merging import merges, undoing
from dxflow.engine.platforms.activities import DIRECT_MARKETING
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights.limits import KINDS, OBJECTION
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import consents, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ACTOR, REASON = "user:1", "a reason"

KEPT, GONE, BOTH = {"kept"}, {"gone"}, {"kept", "gone"}


class Two:
    """Two customers of one shop who both agreed to be written to, merged and taken apart again."""

    def __init__(self, core: Core, tenant_id: str, clock: HandClock, drain: Callable[[], int]) -> None:
        self.core, self.tenant_id, self.clock, self.drain = core, tenant_id, clock, drain
        self.shop = Sender(core, tenant_id)
        self.ids = dict(zip(("kept", "gone"), (self._known(one) for one in (1, 2)), strict=True))
        self.merge_id = ""

    def _known(self, number: int) -> str:
        ids = (("shopify", str(shopify_id(number))),)
        person = Person(f"person{number}@shop.example", external_ids=ids)
        subject, _ = subjects.enter(self.core, self.tenant_id, person, ACTOR)
        consents.state(
            self.core, self.tenant_id, subject.id, DIRECT_MARKETING, "email", "granted", actor=ACTOR
        )
        return str(subject.id)

    def merge(self) -> None:
        self.merge_id = merges.merge(
            self.core, self.tenant_id, self.ids["kept"], self.ids["gone"], REASON, ACTOR
        ).id
        self.drain()
        self.clock.forward(60)

    def unmerge(self) -> None:
        self.clock.forward(60)
        undoing.unmerge(self.core, self.tenant_id, self.merge_id, REASON, ACTOR)
        self.drain()
        check_invariants(self.core)

    def say(self, state: str) -> None:
        """Somebody says it at the desk about whoever stayed."""
        self.clock.forward(60)
        consents.state(
            self.core, self.tenant_id, self.ids["kept"], DIRECT_MARKETING, "email", state, actor=ACTOR
        )

    def deliver(self, state: str, id_of: int, email_of: int) -> None:
        """The shop says it of a customer."""
        self.clock.forward(60)
        body = email_consent(state, ahead(self.clock, 0), id_of)
        body["email_address"] = f"person{email_of}@shop.example"
        self.shop.send("customers_email_marketing_consent/update", body)

        self.drain()

    def limit(self, kind: str, request_id: str | None = None) -> None:
        limiting.put(self.core, self.tenant_id, self.ids["kept"], kind, "", request_id, ACTOR)

    def refused(self) -> set[str]:
        """Who says no to e-mail now."""
        row = models.ConsentCurrent
        held = {one.subject_id: one.state for one in row.select().where(row.channel == "email")}
        return {name for name, one in self.ids.items() if held[one] in ("withdrawn", "denied")}

    def limited(self, kind: str) -> set[str]:
        """For whom this limit is in force, as rows say it and as whoever has the subject sees it."""
        row = models.SubjectLimit
        held = {one.subject_id for one in row.select().where(row.kind == kind, row.lifted_at.is_null())}
        names = {name for name, one in self.ids.items() if one in held}
        flagged = {name for name, one in self.ids.items() if models.DataSubject.get_by_id(one).limited}
        assert names <= flagged
        return names


@pytest.fixture
def two(core: Core, tenant: NewTenant, clock: HandClock, drain: Callable[[], int]) -> Two:
    return Two(core, tenant.controller.id, clock, drain)


def test_a_consent_withdrawn_while_they_were_one_holds_for_both(two: Two) -> None:
    two.merge()
    two.say("withdrawn")
    two.unmerge()
    assert two.refused() == BOTH
    [leaf] = leaves(two.tenant_id, undoing.KIND)
    assert (leaf["consents"], leaf["limits"]) == (1, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_put_while_they_were_one_holds_for_both(two: Two, kind: str) -> None:
    two.merge()
    two.limit(kind)
    two.unmerge()
    assert two.limited(kind) == BOTH
    assert two.refused() == (BOTH if kind == OBJECTION else set())
    assert len(leaves(two.tenant_id, "limit.placed")) == 2, "each is in the log"


@pytest.mark.parametrize(
    ("id_of", "email_of", "whose"), [(1, 1, KEPT), (2, 2, GONE), (1, 2, BOTH), (2, 1, BOTH)]
)
def test_a_delivery_tells_whose_word_it_was_where_all_its_identifiers_are_of_one(
    two: Two, id_of: int, email_of: int, whose: set[str]
) -> None:
    two.merge()
    two.deliver("unsubscribed", id_of, email_of)
    two.unmerge()
    assert two.refused() == whose


def test_an_identifier_that_turned_up_while_they_were_one_tells_nothing(two: Two) -> None:
    two.merge()
    two.deliver("unsubscribed", 1, 3)
    two.unmerge()
    assert two.refused() == BOTH


def test_a_yes_of_the_other_isnt_the_survivors(two: Two) -> None:
    for name in two.ids.values():
        consents.state(two.core, two.tenant_id, name, DIRECT_MARKETING, "email", "withdrawn", actor=ACTOR)
    two.merge()
    two.deliver("subscribed", 2, 2)
    two.unmerge()
    assert two.refused() == KEPT


def test_a_no_of_nobody_knows_whom_outlives_a_yes_that_came_after_it(two: Two) -> None:
    two.merge()
    two.say("withdrawn")
    two.say("granted")
    two.unmerge()
    assert two.refused() == BOTH


@pytest.mark.parametrize("whose", ["kept", "gone"])
def test_a_request_that_came_before_tells_whose_limit_it_is(two: Two, whose: str) -> None:
    number = {"kept": 1, "gone": 2}[whose]
    person = Person(f"person{number}@shop.example")
    asked = requests.create(two.core, two.tenant_id, ACTOR, "objection", person)
    two.drain()
    assert models.RightsRequest.get_by_id(asked.id).subject_id == two.ids[whose]
    two.merge()
    two.limit(OBJECTION, asked.id)
    two.unmerge()
    assert (two.limited(OBJECTION), two.refused()) == ({whose}, {whose})


def test_a_request_that_came_while_they_were_one_tells_nothing(two: Two) -> None:
    two.merge()
    asked = requests.create(two.core, two.tenant_id, ACTOR, "sale_opt_out", Person("person2@shop.example"))
    two.drain()
    two.limit("sale_opt_out", asked.id)
    two.unmerge()
    assert two.limited("sale_opt_out") == BOTH


def test_the_same_limit_that_came_along_doesnt_stand_for_the_survivors_own(two: Two) -> None:
    limiting.put(two.core, two.tenant_id, two.ids["gone"], OBJECTION, "", None, ACTOR)
    two.merge()
    two.limit(OBJECTION)
    two.limit(OBJECTION)
    two.unmerge()
    assert two.limited(OBJECTION) == two.refused() == BOTH
    assert models.SubjectLimit.select().count() == 2


def test_a_limit_that_only_came_along_goes_back_with_its_owner(two: Two) -> None:
    limiting.put(two.core, two.tenant_id, two.ids["gone"], OBJECTION, "", None, ACTOR)
    for _ in range(2):
        two.merge()
        two.unmerge()
        assert two.limited(OBJECTION) == two.refused() == GONE
    assert {one.carried_from for one in models.SubjectLimit.select()} == {None}


def test_a_limit_of_the_other_that_was_lifted_meanwhile_is_in_force_again(two: Two) -> None:
    for one in two.ids.values():
        limiting.put(two.core, two.tenant_id, one, "sale_opt_out", "", None, ACTOR)
    two.merge()
    assert two.limited("sale_opt_out") == KEPT
    limiting.lift(two.core, two.tenant_id, two.ids["kept"], "sale_opt_out", "", ACTOR)
    assert two.limited("sale_opt_out") == set()
    two.unmerge()
    assert two.limited("sale_opt_out") == GONE


def test_who_withdraws_while_a_merge_says_it_too_stays_withdrawn(two: Two) -> None:
    """The other withdrew from all channels already: the survivor's own withdrawal is written all the same."""
    limiting.put(two.core, two.tenant_id, two.ids["gone"], OBJECTION, "", None, ACTOR)
    two.merge()
    asked = requests.create(
        two.core, two.tenant_id, ACTOR, "consent_withdrawal", Person("person1@shop.example")
    )
    two.drain()
    row = models.RightsRequest
    proven = {"state": "data_collection", "verified_at": two.clock(), "verified_by": "manual"}
    row.update(**proven).where(row.id == asked.id).execute()
    limiting.fulfil(two.core, two.tenant_id, asked.id, ACTOR)
    two.unmerge()
    assert two.refused() == BOTH


def test_a_chain_hands_a_no_down_to_everybody_it_may_have_come_from(two: Two) -> None:
    two.merge()
    third, _ = subjects.enter(two.core, two.tenant_id, Person("third@shop.example"), ACTOR)
    last = merges.merge(two.core, two.tenant_id, third.id, two.ids["kept"], REASON, ACTOR)
    two.clock.forward(60)
    consents.state(two.core, two.tenant_id, third.id, DIRECT_MARKETING, "email", "withdrawn", actor=ACTOR)
    limiting.put(two.core, two.tenant_id, third.id, "sale_opt_out", "", None, ACTOR)
    undoing.unmerge(two.core, two.tenant_id, last.id, REASON, ACTOR)
    assert (two.refused(), two.limited("sale_opt_out")) == (KEPT, KEPT)
    two.unmerge()
    assert (two.refused(), two.limited("sale_opt_out")) == (BOTH, BOTH)
