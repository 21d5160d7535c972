"""Consent: from the sources that state it, in the order it was stated, whatever order it arrives in."""

from __future__ import annotations

from collections.abc import Callable

import bodies
import pytest
from flow import HandClock, Sender, customer, drain, events, settle

from dxflow.engine import moments
from dxflow.engine.core import Core
from dxflow.engine.store import models

Connect = Callable[..., Sender]
TOPIC = "customers_email_marketing_consent/update"
MORNING, NOON, EVENING = (f"2026-03-01T{hour}:00:00Z" for hour in ("09", "12", "18"))


def _held() -> dict[str, str]:
    """``{channel: state}`` as it stands now."""
    return {row.channel: row.state for row in models.ConsentCurrent.select()}


def _outcomes(step: str = "consent") -> list[str]:
    history = [entry for event in events("webhook") for entry in event.history]
    return [entry["outcome"] for entry in history if entry["step"] == step]


def test_a_newer_statement_takes_over_and_the_older_stays_in_the_history(core: Core, shopify: Sender) -> None:
    shopify.send(TOPIC, bodies.email_consent("subscribed", MORNING))
    shopify.send(TOPIC, bodies.email_consent("unsubscribed", NOON))
    settle(core)
    assert _held() == {"email": "withdrawn"}
    rows = models.Consent.select().order_by(models.Consent.seq)
    assert [(row.state, moments.to_text(row.occurred_at)) for row in rows] == [
        ("granted", "2026-03-01T09:00:00.000Z"),
        ("withdrawn", "2026-03-01T12:00:00.000Z"),
    ]
    assert all(row.evidence["opt_in_level"] == "single_opt_in" for row in rows)


def test_an_older_statement_that_comes_later_changes_nothing(core: Core, shopify: Sender) -> None:
    shopify.send(TOPIC, bodies.email_consent("unsubscribed", NOON))
    settle(core)
    shopify.send(TOPIC, bodies.email_consent("subscribed", MORNING))
    settle(core)
    assert _held() == {"email": "withdrawn"}
    assert models.Consent.select().count() == 1
    assert _outcomes() == ["synced", "stale"]


def test_consent_of_another_channel_stands_beside_it(core: Core, shopify: Sender) -> None:
    shopify.send(TOPIC, bodies.email_consent("subscribed", NOON))
    shopify.send("customers_marketing_consent/update", bodies.sms_consent("unsubscribed", MORNING))
    settle(core)
    assert _held() == {"email": "granted", "sms": "withdrawn"}


def test_platforms_that_speak_of_one_person_override_each_other_by_time(core: Core, connect: Connect) -> None:
    connect("shopify").send(TOPIC, bodies.email_consent("subscribed", MORNING))
    settle(core)
    fields = {"action": "unsub", "reason": "manual", **bodies.member()}
    connect("mailchimp").send("unsubscribe", bodies.mailchimp("unsubscribe", "2026-03-01 12:00:00", **fields))
    settle(core)
    assert _held() == {"email": "withdrawn"}
    assert models.DataSubject.select().count() == 1


@pytest.mark.parametrize("at", [None, "2199-01-01T00:00:00Z"])
def test_a_captured_body_sent_again_does_not_undo_a_withdrawal(
    core: Core, connect: Connect, clock: HandClock, at: str | None
) -> None:
    """Neither a body without a time nor one dated ahead, under whatever id, topic or connector."""
    shopify = connect("shopify")
    shopify.send(TOPIC, bodies.email_consent("subscribed", at))
    settle(core)
    assert _held() == {"email": "granted"}
    clock.forward(3600)
    shopify.send(TOPIC, bodies.email_consent("unsubscribed", bodies.ahead(clock, -1)))
    settle(core)
    clock.forward(3600)
    shopify.send(TOPIC, bodies.email_consent("subscribed", at), delivery_id="another")
    connect("shopify").send(TOPIC, bodies.email_consent("subscribed", at))
    settle(core)
    assert _held() == {"email": "withdrawn"}
    assert models.Consent.select().count() == 2


def test_a_captured_body_without_a_time_is_worth_nothing_under_a_sister_topic(
    core: Core, shopify: Sender, clock: HandClock
) -> None:
    """customers/create and customers/update share their shape, and up to 2022-04 their consent had no time."""
    body = customer(accepts_marketing=True)
    shopify.send("customers/create", body)
    settle(core)
    assert _held() == {"email": "granted"}
    clock.forward(3600)
    shopify.send(TOPIC, bodies.email_consent("unsubscribed", bodies.ahead(clock, -1)))
    settle(core)
    shopify.send("customers/update", body)
    settle(core)
    assert _held() == {"email": "withdrawn"}


def test_a_time_ahead_of_the_receipt_counts_as_the_receipt(
    core: Core, shopify: Sender, clock: HandClock
) -> None:
    shopify.send(TOPIC, bodies.email_consent("subscribed", bodies.ahead(clock, 86_400)))
    settle(core)
    (event,) = events("webhook")
    assert models.Consent.get().occurred_at == event.received_at
    clock.forward(60)
    shopify.send(TOPIC, bodies.email_consent("unsubscribed", bodies.ahead(clock, 0)))
    settle(core)
    assert _held() == {"email": "withdrawn"}


@pytest.mark.parametrize(
    ("state", "recorded"),
    [
        ("SUBSCRIBED", "granted"),
        ("unsubscribed", "withdrawn"),
        ("pending", "pending"),
        ("not_subscribed", "unknown"),
        ("redacted", "unknown"),
        ("something new", "unknown"),
    ],
)
def test_a_state_that_says_neither_yes_nor_no_never_counts_as_yes(
    core: Core, shopify: Sender, state: str, recorded: str
) -> None:
    shopify.send(TOPIC, bodies.email_consent(state, NOON))
    settle(core)
    assert _held() == {"email": recorded}


def test_nothing_else_states_consent(core: Core, connect: Connect) -> None:
    connect("shopify").send("orders/create", bodies.order(buyer_accepts_marketing=True))
    connect("shopify").send("customers/update", customer(2))
    stripe = connect("stripe")
    stripe.send("", bodies.stripe("customer.created", bodies.stripe_customer(3), event=1))
    stripe.send("", bodies.stripe("checkout.session.completed", bodies.checkout(4), event=2))
    connect("mailchimp").send("profile", bodies.mailchimp("profile", **bodies.member(5)))
    connect("mailchimp").send("cleaned", bodies.mailchimp("cleaned", reason="abuse", email="a@shop.example"))
    connect("woocommerce").send(
        "customer.updated", bodies.woo_customer(6, meta_data=[{"key": "_optin", "value": "yes"}])
    )
    connect("hasura").send("", bodies.hasura("users", "INSERT", {"id": "7", "marketing": True}, "e1"))
    drain(core)
    assert {event.state for event in events()} == {"done"}
    assert models.Consent.select().count() == 0


def test_a_contact_deleted_at_mailchimp_withdraws_nothing_and_a_spam_complaint_does(
    core: Core, connect: Connect
) -> None:
    mailchimp = connect("mailchimp")
    mailchimp.send("subscribe", bodies.mailchimp("subscribe", "2026-03-01 09:00:00", **bodies.member()))
    for at, reason, held in (("10", "manual", "granted"), ("11", "abuse", "withdrawn")):
        fields = {"action": "delete", "reason": reason, **bodies.member()}
        mailchimp.send("unsubscribe", bodies.mailchimp("unsubscribe", f"2026-03-01 {at}:00:00", **fields))
        settle(core)
        assert _held() == {"email": held}


def test_a_columns_consent_counts_where_the_operator_said_so(core: Core, connect: Connect) -> None:
    hasura = connect("hasura", consent_column="marketing")
    row = {"id": "1", "email": "ada@shop.example", "marketing": True, "updated_at": MORNING}
    hasura.send("", bodies.hasura("data_subjects", "INSERT", row, "e1"))
    settle(core)
    assert _held() == {"email": "granted"}
    hasura.send(
        "", bodies.hasura("data_subjects", "UPDATE", {**row, "marketing": False, "updated_at": NOON}, "e2")
    )
    settle(core)
    assert _held() == {"email": "withdrawn"}
    hasura.send("", bodies.hasura("data_subjects", "DELETE", {**row, "updated_at": EVENING}, "e3"))
    settle(core)
    assert _held() == {"email": "withdrawn"}
    assert models.Consent.select().count() == 2


def test_the_leaf_names_channel_and_state_and_nobody(core: Core, shopify: Sender) -> None:
    shopify.send(TOPIC, bodies.email_consent("subscribed", NOON))
    settle(core)
    leaf = models.AuditEntry.get(models.AuditEntry.leaf.contains('"consents"')).leaf
    assert '["direct marketing","email","granted"]' in leaf
    assert "person1" not in leaf
    assert models.DataSubject.get().id not in leaf
