"""What was sent in is found nowhere in the clear: no column, no file of the database, no log line."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import bodies
import pytest
import structlog
from databases import columns
from flow import HandClock, Sender, check_invariants, customer, drain, events

from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights import intake
from dxflow.engine.runner import describe, where
from dxflow.engine.services.connectors import connectors
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

MARK = "kanarie"
"""Stands in everything personal that is sent."""
EMAIL, NAME, STREET = f"{MARK}@shop.example", f"{MARK} Byron", f"1 {MARK} Street"
PHONE = "+4930998877665"
IP = "203.0.113.77"
SECRET = f"{MARK}-secret-of-a-platform"
CANARIES = (MARK, MARK.capitalize(), MARK.upper(), PHONE, PHONE[1:], "998877665", IP)

ADDRESS = {"address1": STREET, "city": MARK, "zip": "10115"}
SHOPIFY = {
    "customers/create": customer(
        email=EMAIL, first_name=MARK, phone=PHONE, default_address=ADDRESS, note=MARK
    ),
    "orders/create": bodies.order(
        email=EMAIL,
        phone=PHONE,
        browser_ip=IP,
        billing_address=ADDRESS,
        customer={"id": 1, "first_name": MARK},
    ),
    "customers_email_marketing_consent/update": {
        **bodies.email_consent("subscribed", None, 2),
        "email_address": f"2{EMAIL}",
    },
    "customers_marketing_consent/update": bodies.sms_consent("subscribed", None, 3, PHONE),
    "customers/data_request": {
        **bodies.data_request(),
        "customer": {"id": 1, "email": EMAIL, "phone": PHONE},
    },
    "customers/redact": {**bodies.redact(), "customer": {"id": 1, "email": EMAIL, "phone": PHONE}},
    "customers/merge": bodies.merge(1, 2),
    "products/update": {"id": 1, "title": MARK},
    "customers/update": {"line_items": [], "email": EMAIL, "name": NAME},  # fails: it is no customer
    "customers/enable": customer(email=EMAIL, updated_at=MARK),  # fails: that is no time
}
MEMBER = {"id": MARK, "email": EMAIL, "merges_FNAME": NAME, "merges_ADDRESS": STREET, "ip_opt": IP}
MAILCHIMP = [
    bodies.mailchimp("subscribe", **MEMBER),
    bodies.mailchimp("profile", **{**MEMBER, "merges_PHONE": PHONE}),
    bodies.mailchimp("upemail", new_id=MARK, new_email=f"new{EMAIL}", old_email=EMAIL),
    bodies.mailchimp("cleaned", reason="hard", email=EMAIL),
    bodies.mailchimp("campaign", subject=MARK),
]
STRIPE = [
    bodies.stripe("customer.created", bodies.stripe_customer(email=EMAIL, name=NAME, phone=PHONE), 1),
    bodies.stripe("customer.subscription.created", {"object": "subscription", "description": MARK}, 2),
    bodies.stripe(
        "checkout.session.completed",
        {
            **bodies.checkout(promotions="opt_in"),
            "customer_details": {"email": EMAIL, "phone": PHONE, "name": NAME},
        },
        3,
    ),
]
WOOCOMMERCE = {
    "customer.created": bodies.woo_customer(
        email=EMAIL, first_name=MARK, username=MARK, billing={"phone": PHONE}
    ),
    "order.created": bodies.woo_order(billing={"email": EMAIL, "address_1": STREET}, customer_ip_address=IP),
    "order.updated": {"code": "woocommerce_rest_cannot_view", "message": MARK},
}
ROW = {"id": "1", "email": EMAIL, "name": NAME, "phone": PHONE, "address": STREET, "ip_address": IP}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[object]]:
    """Everything that was logged, by structlog and by the standard library, SQL at debug level left out."""
    caplog.set_level(logging.INFO)
    with structlog.testing.capture_logs() as entries:
        yield entries
        entries += [{"stdlib": record.getMessage()} for record in caplog.records]


@pytest.fixture
def sent(core: Core, tenant: NewTenant, clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Canaries through every door, and all that follows from them."""
    monkeypatch.setattr("flow.SECRET", SECRET)

    def connect(platform: str) -> Sender:
        return Sender(core, tenant.controller.id, platform)

    shopify, woo = connect("shopify"), connect("woocommerce")
    for topic, body in SHOPIFY.items():
        shopify.send(topic, body)
        drain(core)
    for topic, body in WOOCOMMERCE.items():
        woo.send(topic, body)
    for platform, sendings in (("mailchimp", MAILCHIMP), ("stripe", STRIPE)):
        sender = connect(platform)
        for body in sendings:
            sender.send("", body)
    connect("mandrill").send(
        "", urlencode({"mandrill_events": json.dumps([{"event": "open", "x": EMAIL}])}).encode()
    )
    hasura = connect("hasura")
    for number, table in enumerate(("data_subjects", "users", "data_subjects_rights_requests")):
        hasura.send("", bodies.hasura(table, "INSERT", {**ROW, "type": "erasure"}, f"e{number}"))
    connectors.rotate(core, tenant.controller.id, shopify.connector.id, f"{SECRET}-2")
    users.create(
        core, tenant.controller.id, f"owner-{EMAIL}", "owner", password=f"{MARK} is a long password 7!"
    )
    person = Person(email=EMAIL, name=NAME, phone=PHONE)
    intake.create(core, tenant.controller.id, "access", person, details=f"I am {NAME} of {STREET}")
    for _ in range(10):
        drain(core)
        clock.forward(600)


def test_nothing_that_is_stored_holds_a_canary(
    core: Core, tenant: NewTenant, sent: None, tmp_path: Path
) -> None:
    check_invariants(core)
    assert {event.state for event in events("webhook")} == {"done", "failed"}
    kept = list(columns())
    assert len({name.partition(".")[0] for name, _ in kept}) > 20, "the canaries went everywhere"
    assert {(name, canary) for name, raw in kept for canary in _in(raw)} == set()
    if core.store.dialect == "sqlite":
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert {path.suffix for path in files} >= {".db", ".db-wal"}
        assert {path.name: _in(path.read_bytes()) for path in files} == {path.name: [] for path in files}
    subject = core.subjects.find(tenant.controller.id, Person(email=EMAIL))
    assert subject is not None
    assert core.subjects.profile(subject)["phone"] == PHONE, "and yet it is there"


def test_no_log_line_holds_a_canary(core: Core, lines: list[object], sent: None) -> None:
    assert len([line for line in lines if "step_failed" in str(line)]) >= 4
    assert _in(str(lines).encode()) == []


def _in(raw: bytes) -> list[str]:
    return [canary for canary in CANARIES if canary.encode() in raw]


def test_a_failing_connection_does_not_quote_what_was_written(core: Core, tenant: NewTenant) -> None:
    """The database quotes values in its own errors: none of those texts may go on."""
    with pytest.raises(Exception) as caught, core.store.transaction():  # noqa: PT011  # each database has its own
        models.ApiKey.insert(id=tenant.controller.id, tenant_id=EMAIL, name=None).execute()
    assert MARK not in describe(caught.value) + str(where(caught.value))
