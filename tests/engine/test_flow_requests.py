"""Rights requests that platforms pass on: recorded with their clock, once as long as they are open."""

from __future__ import annotations

import bodies
import pytest
from flow import Sender, customer, drain, events, settle

from dxflow.engine.core import Core
from dxflow.engine.rights import intake
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def _requests() -> list[models.RightsRequest]:
    return list(models.RightsRequest.select().order_by(models.RightsRequest.created_at))


@pytest.mark.parametrize(
    ("topic", "body", "type", "reference"),
    [
        ("customers/data_request", bodies.data_request(), "access", "9999"),
        ("customers/redact", bodies.redact(), "erasure", ""),
        ("shop/redact", bodies.shop_redact(), "erasure", "shop"),
    ],
)
def test_a_compliance_topic_becomes_a_request_with_shopifys_clock(
    core: Core, shopify: Sender, topic: str, body: object, type: str, reference: str
) -> None:
    shopify.send("customers/create", customer())
    settle(core)
    shopify.send(topic, body)
    *_, event = settle(core)
    (request,) = _requests()
    assert (request.type, request.reference, request.state) == (type, reference, "identity_verified")
    assert (request.verified_by, request.acknowledged_at is not None) == ("platform", True)
    assert (request.regime, request.source, request.event_id) == ("shopify", "shopify", event.id)
    assert request.received_at == event.received_at
    assert request.due == "2099-04-01"
    assert request.clock
    subject = models.DataSubject.get().id
    assert request.subject_id == (None if topic == "shop/redact" else subject)
    (notice,) = models.Notification.select()
    assert (notice.kind, notice.entity_id) == ("rights_request.received", request.id)
    assert "2099-04-01" in notice.body


def test_a_request_about_somebody_unknown_is_recorded_and_creates_nobody(core: Core, shopify: Sender) -> None:
    shopify.send("customers/redact", bodies.redact())
    settle(core)
    (request,) = _requests()
    assert request.subject_id is None
    assert models.DataSubject.select().count() == 0
    assert intake.requester(core, request)["email"] == "person1@shop.example"


def test_an_open_request_sent_again_is_not_doubled(core: Core, shopify: Sender) -> None:
    for delivery in ("a", "b", "c"):
        shopify.send("customers/redact", bodies.redact(), delivery_id=delivery)
        settle(core)
    assert len(_requests()) == 1
    assert [event.history[-1]["outcome"] for event in events("webhook")] == [
        "recorded",
        "repeated",
        "repeated",
    ]


def test_a_request_made_anew_after_the_first_was_answered_is_recorded_once(
    core: Core, shopify: Sender
) -> None:
    shopify.send("customers/redact", bodies.redact())
    settle(core)
    models.RightsRequest.update(state="completed").execute()
    for _ in range(3):
        shopify.send("customers/redact", bodies.redact())
        settle(core)
    assert [request.state for request in _requests()] == ["completed", "identity_verified"]


def test_requests_with_other_bodies_are_other_requests(core: Core, shopify: Sender) -> None:
    shopify.send("customers/data_request", bodies.data_request(reference=1))
    shopify.send("customers/data_request", bodies.data_request(reference=2))
    shopify.send("customers/redact", bodies.redact())
    settle(core)
    assert [request.type for request in _requests()] == ["access", "access", "erasure"]


def test_what_a_request_says_is_sealed(core: Core, shopify: Sender, tenant: NewTenant) -> None:
    shopify.send("customers/redact", bodies.redact())
    settle(core)
    (request,) = _requests()
    assert b"person1" not in bytes(request.requester_sealed)
    assert "person1" not in models.Notification.get().body


def test_deleting_a_customer_asks_for_nothing(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    shopify.send("customers/delete", {"id": bodies.shopify_id()})
    drain(core)
    assert _requests() == []
    assert models.DataSubject.get().state == "active"
