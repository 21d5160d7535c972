"""Signed deliveries of every platform, from the raw bytes to the registered activity."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import bodies
import pytest
from flow import Sender, at_once, check_invariants, customer, drain, events, settle

from dxflow.engine import runner
from dxflow.engine.core import Core
from dxflow.engine.errors import NotAuthentic
from dxflow.engine.services import connectors, tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps import webhook
from dxflow.engine.store import models

Connect = Callable[..., Sender]


class Case(NamedTuple):
    """A delivery about somebody new, and what it makes of them."""

    platform: str
    topic: str
    body: object
    activity: str
    subjects: int = 1
    consents: tuple[tuple[str, str], ...] = ()
    requests: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()


GRANTED = (("email", "granted"),)
WITHDRAWN = (("email", "withdrawn"),)
SUBSCRIBED = bodies.mailchimp("subscribe", **bodies.member())
SUBSCRIPTION = {"id": "sub_1", "object": "subscription", "customer": "cus_1"}
CASES = [
    *(
        Case("shopify", f"customers/{name}", customer(), "customer_profile")
        for name in ("create", "update", "enable", "disable")
    ),
    Case("shopify", "customers/delete", {"id": bodies.shopify_id()}, "customer_deletion", subjects=0),
    Case("shopify", "orders/create", bodies.order(), "order"),
    Case("shopify", "orders/updated", bodies.order(), "order"),
    Case("shopify", "orders/create", bodies.order(email=None, customer=None), "order", subjects=0),
    Case(
        "shopify",
        "customers_email_marketing_consent/update",
        bodies.email_consent("subscribed", "2026-03-01T09:00:00Z"),
        "marketing_consent",
        consents=GRANTED,
    ),
    Case(
        "shopify",
        "customers_marketing_consent/update",
        bodies.sms_consent("unsubscribed", "2026-03-01T09:00:00Z"),
        "marketing_consent",
        consents=(("sms", "withdrawn"),),
    ),
    Case(
        "shopify",
        "customers/update",
        customer(
            email_marketing_consent={"state": "subscribed", "consent_updated_at": "2024-01-01T00:00:00Z"},
            sms_marketing_consent=None,
        ),
        "customer_profile",
        consents=GRANTED,
    ),
    Case("shopify", "customers/merge", bodies.merge(1, 2), "customer_merge"),
    Case("shopify", "customers/merge", bodies.merge(1, 2, "failed"), "customer_merge_failed", subjects=0),
    Case("shopify", "customers/data_request", bodies.data_request(), "rights_request", 0, (), ("access",)),
    Case("shopify", "customers/redact", bodies.redact(), "rights_request", 0, (), ("erasure",)),
    Case("shopify", "shop/redact", bodies.shop_redact(), "rights_request", 0, (), ("erasure",)),
    *(
        Case(
            "stripe",
            f"customer.{name}",
            bodies.stripe(f"customer.{name}", bodies.stripe_customer()),
            activity,
            n,
        )
        for name, activity, n in (
            ("created", "customer_profile", 1),
            ("updated", "customer_profile", 1),
            ("deleted", "customer_deletion", 0),
        )
    ),
    *(
        Case("stripe", name, bodies.stripe(name, SUBSCRIPTION), "subscription")
        for name in (
            f"customer.subscription.{what}"
            for what in ("created", "updated", "deleted", "paused", "resumed", "trial_will_end")
        )
    ),
    Case(
        "stripe",
        "checkout.session.completed",
        bodies.stripe(
            "checkout.session.completed", bodies.checkout(promotions="opt_in", terms_of_service="accepted")
        ),
        "checkout",
        consents=(("all", "granted"), ("email", "granted")),
    ),
    Case(
        "stripe",
        "checkout.session.completed",
        bodies.stripe("checkout.session.completed", bodies.checkout(promotions=None)),
        "checkout",
    ),
    Case(
        "mailchimp",
        "subscribe",
        bodies.mailchimp("subscribe", **bodies.member()),
        "marketing_consent",
        1,
        GRANTED,
    ),
    Case(
        "mailchimp",
        "unsubscribe",
        bodies.mailchimp("unsubscribe", action="unsub", reason="manual", **bodies.member()),
        "marketing_consent",
        1,
        WITHDRAWN,
    ),
    Case(
        "mailchimp",
        "unsubscribe",
        bodies.mailchimp("unsubscribe", action="delete", reason="manual", **bodies.member()),
        "marketing_removal",
        0,
    ),
    Case("mailchimp", "profile", bodies.mailchimp("profile", **bodies.member()), "marketing_profile"),
    Case(
        "mailchimp",
        "upemail",
        bodies.mailchimp("upemail", new_id="m2", new_email="b@shop.example", old_email="a@shop.example"),
        "email_change",
    ),
    Case(
        "mailchimp",
        "cleaned",
        bodies.mailchimp("cleaned", reason="hard", email="a@shop.example"),
        "email_bounce",
        0,
    ),
    Case("woocommerce", "customer.created", bodies.woo_customer(), "customer_profile"),
    Case("woocommerce", "customer.updated", bodies.woo_customer(), "customer_profile"),
    Case("woocommerce", "customer.deleted", {"id": 1}, "customer_deletion", 0),
    Case("woocommerce", "order.created", bodies.woo_order(), "order"),
    Case("woocommerce", "order.updated", bodies.woo_order(customer_id=5), "order"),
    Case(
        "woocommerce",
        "customer.updated",
        bodies.woo_customer(meta_data=[{"id": 1, "key": "_optin", "value": "yes"}]),
        "customer_profile",
        consents=GRANTED,
        options=(("consent_meta_key", "_optin"),),
    ),
    Case(
        "woocommerce",
        "customer.updated",
        bodies.woo_customer(meta_data=[{"id": 1, "key": "_optin", "value": "yes"}]),
        "customer_profile",
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.platform}-{case.topic}-{case.activity}")
def test_a_delivery_makes_one_activity_and_what_its_body_says(
    core: Core, connect: Connect, case: Case
) -> None:
    sender = connect(case.platform, **dict(case.options))
    assert sender.send(case.topic, case.body).status == "accepted"
    drain(core)
    check_invariants(core)
    assert [(event.state, event.error) for event in events()] == [("done", None)] * len(events())
    activity = models.ProcessingActivity.get()
    assert (activity.activity_type, activity.registration_state) == (case.activity, "registered")
    assert models.DataSubject.select().count() == case.subjects
    assert (activity.subject_id is None) == (case.subjects == 0)
    current = models.ConsentCurrent.select()
    assert sorted((consent.channel, consent.state) for consent in current) == sorted(case.consents)
    assert tuple(request.type for request in models.RightsRequest.select()) == case.requests


def test_mandrills_batches_are_stored_and_not_run(core: Core, connect: Connect) -> None:
    for platform in ("mandrill", "mailchimp"):
        sender = connect("mandrill")
        assert sender.send("", bodies.mandrill()).status == "ignored", platform
    drain(core)
    assert models.ProcessingActivity.select().count() == 0


def test_the_same_delivery_twice_has_one_effect(core: Core, shopify: Sender) -> None:
    first = shopify.send("customers/create", customer(), delivery_id="d")
    settle(core)
    again = shopify.send("customers/create", customer(), delivery_id="d")
    assert (again.status, again.event_id) == ("duplicate", first.event_id)
    settle(core)
    assert models.ProcessingActivity.select().count() == 1


def test_fifty_first_deliveries_of_one_customer_at_once_make_one_subject(
    core: Core, connect: Connect, tenant: NewTenant
) -> None:
    for number in range(50):
        connect("shopify").send("orders/create", bodies.order(1, id=900_000_000_000 + number))
    rows = events("webhook")
    for event in rows:
        models.Event.update(step="match").where(models.Event.id == event.id).execute()
    calls = [lambda event=event: runner.run_step(core, "webhook", "match", [event.id]) for event in rows]
    reports = at_once(core, calls)
    assert all(isinstance(report, runner.Report) for report in reports), reports
    core.clock.forward(core.dispatch_lease + 1)  # type: ignore[attr-defined]
    drain(core)
    check_invariants(core)
    assert models.DataSubject.select().count() == 1
    assert {event.subject_id for event in events("webhook")} == {models.DataSubject.get().id}
    assert models.ProcessingActivity.select().count() == 50


def test_an_older_body_that_comes_later_overwrites_nothing(core: Core, shopify: Sender) -> None:
    shopify.send("customers/update", customer(first_name="New", updated_at="2026-03-01T10:00:00Z"))
    settle(core)
    older = customer(first_name="Old", phone="+4930123456", updated_at="2026-03-01T09:59:59Z")
    shopify.send("customers/update", older)
    settle(core)
    subject = models.DataSubject.get()
    assert core.subjects.profile(subject)["name"] == "New Byron"
    assert "phone" not in core.subjects.profile(subject)
    outcomes = [entry["outcome"] for event in events("webhook") for entry in event.history]
    assert outcomes.count("stale") == 1
    assert models.ProcessingActivity.select().count() == 2, "what was done with the data is still logged"


def test_a_body_dated_ahead_does_not_make_all_that_follow_look_stale(core: Core, shopify: Sender) -> None:
    shopify.send("customers/update", customer(first_name="Ahead", updated_at="2199-01-01T00:00:00Z"))
    settle(core)
    now = bodies.ahead(core.clock, 1)  # type: ignore[arg-type]
    shopify.send("customers/update", customer(first_name="Later", updated_at=now))
    settle(core)
    assert core.subjects.profile(models.DataSubject.get())["name"] == "Later Byron"


def test_a_body_under_another_topic_fails_and_changes_nothing(core: Core, shopify: Sender) -> None:
    by_topic = {
        "customers/update": customer(),
        "customers/delete": {"id": bodies.shopify_id()},
        "customers/merge": bodies.merge(1, 2),
        "customers_email_marketing_consent/update": bodies.email_consent("subscribed", None),
        "customers_marketing_consent/update": bodies.sms_consent("subscribed", None),
        "orders/create": bodies.order(),
        "customers/data_request": bodies.data_request(),
        "customers/redact": bodies.redact(),
        "shop/redact": bodies.shop_redact(),
    }
    sent = 0
    for topic in by_topic:
        for other, body in by_topic.items():
            if other != topic:
                shopify.send(topic, body)
                sent += 1
    drain(core)
    check_invariants(core)
    failed = [event for event in events("webhook") if event.state == "failed"]
    assert len(failed) == sent
    assert all("shape" in event.error for event in failed)
    for model in (models.DataSubject, models.RightsRequest, models.Consent, models.ProcessingActivity):
        assert model.select().count() == 0


def test_a_body_of_another_shop_or_audience_fails(core: Core, connect: Connect) -> None:
    connect("shopify", shop="other.myshopify.com").send("customers/create", customer())
    connect("mailchimp", list_id="another").send(
        "subscribe", bodies.mailchimp("subscribe", **bodies.member())
    )
    drain(core)
    assert {event.state for event in events("webhook")} == {"failed"}
    assert models.DataSubject.select().count() == 0


def test_a_connector_of_another_secret_refuses_a_captured_body(
    core: Core, shopify: Sender, tenant: NewTenant
) -> None:
    other = connectors.add(core, tenant.controller.id, "shopify", ["another secret"])
    shopify.connector = other
    with pytest.raises(NotAuthentic):
        shopify.send("customers/create", customer())
    assert events("webhook") == []


def test_two_tenants_that_hear_of_one_person_share_nothing(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other Shop", "FR")
    for owner in (tenant, other):
        Sender(core, owner.controller.id).send("customers/create", customer(phone="+4930123456"))
        drain(core)
    check_invariants(core)
    first, second = models.DataSubject.select().order_by(models.DataSubject.created_at)
    assert (first.tenant_id, second.tenant_id) == (tenant.controller.id, other.controller.id)
    links = [
        {
            link.link
            for link in models.DataSubjectLink.select().where(models.DataSubjectLink.subject_id == s.id)
        }
        for s in (first, second)
    ]
    assert len(links[0]) == len(links[1]) == 3
    assert not links[0] & links[1]
    one, two = events("webhook")
    assert one.body_mac != two.body_mac
    assert one.dedup_key != two.dedup_key
    for column in (
        models.DataSubject.profile_sealed,
        models.DataSubject.key_wrapped,
        models.Event.payload_sealed,
    ):
        values = [bytes(value) for (value,) in column.model.select(column).tuples() if value is not None]
        assert len(set(values)) == len(values)


def test_a_missing_connector_is_named(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    models.ConnectorSecret.delete().execute()
    models.Connector.delete().execute()
    drain(core)
    (event,) = events("webhook")
    assert (event.state, event.error) == ("failed", "the connector this came through is gone")


def test_every_step_of_the_table_is_named_in_the_code() -> None:
    assert set(webhook.STEPS) == {"extract", "match", "log", "consent", "request", "provision"}
