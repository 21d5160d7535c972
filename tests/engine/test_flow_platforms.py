"""Signed deliveries of every topic that is processed, from the raw bytes to the registered activity."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import bodies
import pytest
from flow import Sender, check_invariants, customer, drain, events

from dxflow.engine.core import Core
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
