"""Links through the webhooks: shared telephones, conflicts, changed addresses, merged customers."""

from __future__ import annotations

from collections.abc import Callable

import bodies
import pytest
from flow import Sender, at_once, check_invariants, customer, drain, events, run, settle
from flow import advance as advanced

from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Connect = Callable[..., Sender]
TELEPHONE = "+4930123456"


def _owner(core: Core, tenant: NewTenant, **person: object) -> str | None:
    found = core.subjects.find(tenant.controller.id, Person(**person))  # type: ignore[arg-type]
    return None if found is None else found.id


def _outcome(event: models.Event) -> str:
    return next(entry["outcome"] for entry in event.history if entry["step"] == "match")


def _upemail(old: str, new: str, member: str, at: str) -> bytes:
    return bodies.mailchimp("upemail", at, new_id=member, new_email=new, old_email=old)


def test_platforms_meet_in_one_subject_by_e_mail(core: Core, connect: Connect) -> None:
    connect("shopify").send("customers/create", customer(email="Person1@Shop.Example"))
    connect("stripe").send("", bodies.stripe("customer.created", bodies.stripe_customer()))
    connect("mailchimp").send("subscribe", bodies.mailchimp("subscribe", **bodies.member()))
    connect("woocommerce").send("order.created", bodies.woo_order())
    settle(core)
    subject = models.DataSubject.get()
    assert {event.subject_id for event in events("webhook")} == {subject.id}
    assert models.DataSubjectLink.select().where(models.DataSubjectLink.field == "external_id").count() == 3


def test_two_people_with_one_telephone_stay_two(core: Core, shopify: Sender, tenant: NewTenant) -> None:
    for number in (1, 2):
        shopify.send("customers/create", customer(number, phone=TELEPHONE))
        settle(core)
    first, second = events("webhook")
    assert models.DataSubject.select().count() == 2
    assert _owner(core, tenant, phone=TELEPHONE) == first.subject_id
    assert _outcome(second) == "conflict"
    conflict = models.LinkConflict.get()
    assert (conflict.subject_id, conflict.other_subject_id) == (second.subject_id, first.subject_id)
    assert (conflict.field, conflict.state) == ("phone", "open")


def test_identifiers_of_two_subjects_in_one_body_are_a_conflict_and_no_merge(
    core: Core, shopify: Sender, tenant: NewTenant
) -> None:
    shopify.send("customers/create", customer(1))
    shopify.send("customers/create", customer(2))
    settle(core)
    one, two = (event.subject_id for event in events("webhook"))
    shopify.send("customers/update", customer(1, email="person2@shop.example", verified_email=False))
    settle(core)
    event = events("webhook")[-1]
    assert (_outcome(event), event.subject_id) == ("conflict", one), "the platform's id is stronger"
    assert _owner(core, tenant, email="person2@shop.example") == two
    assert models.DataSubject.select().where(models.DataSubject.state == "active").count() == 2
    notice = models.Notification.get(models.Notification.kind == "link.conflict")
    assert "email" in notice.body
    assert "person2" not in notice.title + notice.body
    assert models.LinkConflict.get().event_id == event.id


def test_a_changed_address_moves_with_its_owner_and_leaves_its_history(
    core: Core, connect: Connect, tenant: NewTenant
) -> None:
    mailchimp = connect("mailchimp")
    mailchimp.send("subscribe", bodies.mailchimp("subscribe", **bodies.member()))
    mailchimp.send(
        "upemail", _upemail("person1@shop.example", "new@shop.example", "m9", "2026-03-01 11:00:00")
    )
    settle(core)
    subject = models.DataSubject.get()
    assert _outcome(events("webhook")[-1]) == "moved"
    assert _owner(core, tenant, email="new@shop.example") == subject.id
    assert _owner(core, tenant, email="person1@shop.example") is None
    assert core.subjects.profile(subject)["email"] == "new@shop.example"
    (move,) = models.LinkHistory.select()
    assert (move.field, move.from_subject_id, move.to_subject_id) == ("email", subject.id, None)
    assert move.event_id == events("webhook")[-1].id


def test_a_profile_from_before_the_change_does_not_bring_the_old_address_back(
    core: Core, connect: Connect, tenant: NewTenant
) -> None:
    mailchimp = connect("mailchimp")
    mailchimp.send("subscribe", bodies.mailchimp("subscribe", "2026-03-01 09:00:00", **bodies.member()))
    mailchimp.send(
        "upemail", _upemail("person1@shop.example", "new@shop.example", "m9", "2026-03-01 11:00:00")
    )
    settle(core)
    mailchimp.send("profile", bodies.mailchimp("profile", "2026-03-01 10:00:00", **bodies.member()))
    settle(core)
    assert _outcome(events("webhook")[-1]) == "stale"
    assert _owner(core, tenant, email="person1@shop.example") is None
    assert core.subjects.profile(models.DataSubject.get())["email"] == "new@shop.example"


def test_an_address_change_from_before_a_newer_profile_moves_nothing(
    core: Core, connect: Connect, tenant: NewTenant
) -> None:
    mailchimp = connect("mailchimp")
    mailchimp.send("profile", bodies.mailchimp("profile", "2026-03-01 12:00:00", **bodies.member()))
    mailchimp.send(
        "upemail", _upemail("person1@shop.example", "old@shop.example", "m9", "2026-03-01 11:00:00")
    )
    settle(core)
    assert _outcome(events("webhook")[-1]) == "stale"
    assert _owner(core, tenant, email="person1@shop.example") is not None


def test_an_address_change_to_somebody_elses_address_is_a_conflict(
    core: Core, connect: Connect, tenant: NewTenant
) -> None:
    mailchimp = connect("mailchimp")
    for number in (1, 2):
        mailchimp.send("subscribe", bodies.mailchimp("subscribe", **bodies.member(number)))
    settle(core)
    one, two = (event.subject_id for event in events("webhook"))
    change = _upemail("person1@shop.example", "person2@shop.example", "m9", "2026-03-01 11:00:00")
    mailchimp.send("upemail", change)
    settle(core)
    assert _outcome(events("webhook")[-1]) == "conflict"
    assert _owner(core, tenant, email="person1@shop.example") == one
    assert _owner(core, tenant, email="person2@shop.example") == two
    assert models.LinkHistory.select().count() == 0
    assert models.Notification.select().where(models.Notification.kind == "link.conflict").count() == 1


def test_an_address_change_of_somebody_unknown_makes_them_known(
    core: Core, connect: Connect, tenant: NewTenant
) -> None:
    change = _upemail("a@shop.example", "b@shop.example", "m1", "2026-03-01 11:00:00")
    connect("mailchimp").send("upemail", change)
    settle(core)
    assert _outcome(events("webhook")[-1]) == "created"
    assert _owner(core, tenant, email="b@shop.example") == models.DataSubject.get().id
    assert _owner(core, tenant, email="a@shop.example") is None


def test_merged_customers_share_links_consents_and_a_history(
    core: Core, shopify: Sender, tenant: NewTenant
) -> None:
    shopify.send("customers/create", customer(1))
    shopify.send("customers/create", customer(2, phone=TELEPHONE))
    shopify.send(
        "customers_email_marketing_consent/update",
        bodies.email_consent("unsubscribed", "2026-03-01T09:00:00Z", 2),
    )
    settle(core)
    kept, gone, _ = (event.subject_id for event in events("webhook"))
    shopify.send("customers/merge", bodies.merge(1, 2))
    settle(core)
    assert _outcome(events("webhook")[-1]) == "merged"
    merged = models.DataSubject.get_by_id(gone)
    assert (merged.state, merged.merged_into) == ("merged", kept)
    ended = {row.entity_id: row.deactivated_at is not None for row in models.Did.select()}
    assert (ended[gone], ended[kept]) == (True, False)
    for identifier in (
        {"email": "person2@shop.example"},
        {"phone": TELEPHONE},
        {"email": "person1@shop.example"},
    ):
        assert _owner(core, tenant, **identifier) == kept
    assert {(move.from_subject_id, move.to_subject_id) for move in models.LinkHistory.select()} == {
        (gone, kept)
    }
    assert models.LinkHistory.select().count() == 3
    restated = models.ConsentCurrent.get(models.ConsentCurrent.subject_id == kept)
    assert (restated.state, restated.source, restated.evidence["from_subject"]) == (
        "withdrawn",
        "merge",
        gone,
    )
    profile = core.subjects.profile(models.DataSubject.get_by_id(kept))
    assert (profile["email"], profile["phone"]) == ("person1@shop.example", TELEPHONE)


def test_a_merge_sent_again_changes_nothing_more(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer(1))
    shopify.send("customers/create", customer(2))
    shopify.send("customers/merge", bodies.merge(1, 2))
    settle(core)
    moves = models.LinkHistory.select().count()
    shopify.send("customers/merge", bodies.merge(1, 2))
    settle(core)
    assert models.LinkHistory.select().count() == moves
    assert models.DataSubject.select().where(models.DataSubject.state == "merged").count() == 1


@pytest.mark.parametrize("status", ["failed", "in_progress", "requested", "unheard of"])
def test_a_merge_that_is_not_complete_changes_nobody(core: Core, shopify: Sender, status: str) -> None:
    shopify.send("customers/create", customer(1))
    shopify.send("customers/create", customer(2))
    shopify.send("customers/merge", bodies.merge(1, 2, status))
    settle(core)
    assert {subject.state for subject in models.DataSubject.select()} == {"active"}
    assert models.LinkHistory.select().count() == 0


def test_what_came_for_the_merged_customer_afterwards_goes_to_the_kept_one(
    core: Core, shopify: Sender
) -> None:
    shopify.send("customers/create", customer(1))
    shopify.send("customers/create", customer(2))
    shopify.send("customers/merge", bodies.merge(1, 2))
    shopify.send("orders/create", bodies.order(2))
    settle(core)
    first, *_, last = events("webhook")
    assert last.subject_id == first.subject_id


def test_deliveries_of_one_household_at_once_neither_join_nor_deadlock_for_good(
    core: Core, shopify: Sender
) -> None:
    for number in range(8):
        shopify.send("customers/create", customer(number, phone=TELEPHONE))
    for dispatch in advanced(core, "match"):
        calls = [
            lambda event_id=event_id, dispatch=dispatch: run(
                core, type(dispatch)("m", dispatch.tenant_id, "webhook", "match", (event_id,))
            )
            for event_id in dispatch.event_ids
        ]
        at_once(core, calls)
    for _ in range(4):
        core.clock.forward(60)  # type: ignore[attr-defined]
        drain(core)
    check_invariants(core)
    assert {event.state for event in events()} == {"done"}
    assert models.DataSubject.select().count() == 8
    assert models.DataSubjectLink.select().where(models.DataSubjectLink.field == "phone").count() == 1
