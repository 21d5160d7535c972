"""Deliveries repeated, out of order, out of place, and of two tenants."""

from __future__ import annotations

from collections.abc import Callable

import bodies
import pytest
from flow import Sender, at_once, check_invariants, customer, drain, events, settle

from dxflow.engine import runner
from dxflow.engine.core import Core
from dxflow.engine.errors import NotAuthentic
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import connectors
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps import webhook
from dxflow.engine.store import models

Connect = Callable[..., Sender]


SUBSCRIBED = bodies.mailchimp("subscribe", **bodies.member())


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
