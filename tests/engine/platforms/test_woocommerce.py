from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from dxflow.engine.errors import Malformed, NotAuthentic, PermanentError
from dxflow.engine.platforms import get
from dxflow.engine.platforms.base import Change, Delivery, Endpoint, Person
from dxflow.engine.platforms.signing import signed_request

MODIFIED = datetime(2026, 3, 21, 19, 9, 30, tzinfo=UTC)
ADDRESS = {"first_name": "Ada", "last_name": "Byron", "address_1": "1 Main Street", "city": "Paris"}
CUSTOMER = {
    "id": 25,
    "date_modified_gmt": "2026-03-21T19:09:30",
    "email": "ada@example.com",
    "first_name": "Ada",
    "last_name": "Byron",
    "role": "customer",
    "username": "ada",
    "billing": {**ADDRESS, "email": "billing@example.com", "phone": "+33612345678"},
    "shipping": ADDRESS,
    "meta_data": [],
}
ORDER = {
    "id": 727,
    "order_key": "wc_order_bearer",
    "customer_id": 25,
    "date_modified_gmt": "2026-03-21T19:09:30",
    "customer_ip_address": "192.0.2.1",
    "customer_user_agent": "Mozilla/5.0",
    "customer_note": "",
    "billing": {**ADDRESS, "email": "ada@example.com", "phone": "+33612345678"},
    "shipping": {},
    "meta_data": [],
    "line_items": [],
}


@pytest.fixture
def store(sender):
    return sender("woocommerce")


@pytest.mark.parametrize("entered", ['it\'s <a> & "b"', "it&#039;s &lt;a&gt; &amp; &quot;b&quot;"])
def test_a_secret_works_as_typed_and_as_wordpress_keeps_it(entered):
    headers, url = signed_request(
        "woocommerce", "order.created", b"{}", 'it\'s <a> & "b"', url="u", now=MODIFIED, delivery_id="d"
    )
    delivery = Delivery("POST", url, "", {name.lower(): value for name, value in headers.items()}, b"{}")
    assert get("woocommerce").verify(delivery, Endpoint("c7", (entered,)), MODIFIED)


def test_a_blank_signature_is_refused(store):
    delivery = store.delivery("order.created", ORDER, x_wc_webhook_signature=" ")
    with pytest.raises(NotAuthentic, match="blank"):
        store.verify(delivery)


@pytest.mark.parametrize("body", [b"webhook_id=1", b"webhook_id=142"])
def test_the_unsigned_ping_is_a_probe(body):
    assert get("woocommerce").is_probe(Delivery("POST", "u", "", {}, body))


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({}, b"webhook_id="),
        ({}, b"webhook_id=1&a=b"),
        ({}, b"webhook_id=1\n"),
        ({}, "webhook_id=١".encode()),
        ({}, b'{"id": 1}'),
        ({"x-wc-webhook-signature": ""}, b"webhook_id=1"),
    ],
)
def test_nothing_else_is_a_probe(headers, body):
    assert not get("woocommerce").is_probe(Delivery("POST", "u", "", headers, body))


def test_deliveries_within_one_second_are_told_apart_by_their_bodies(store):
    one, same, other = (store.identify("customer.deleted", {"id": n}, "same-second") for n in (1, 1, 2))
    assert one.key == same.key != other.key
    assert one.key[:3] == ("https://shop.example/", "1", "same-second")


def test_a_customer_is_read_within_its_connectors_scope(store):
    found = store.extract("customer.updated", CUSTOMER)
    assert found.person == Person(
        "ada@example.com", "+33612345678", "Ada Byron", external_ids=(("woocommerce:c7", "25"),)
    )
    assert found.fields == ("address", "email", "name", "phone", "username")
    assert found.occurred_at == MODIFIED
    assert found.consents == ()


def test_an_order_belongs_to_its_customer_and_never_shows_its_key(store):
    found = store.extract("order.created", ORDER)
    assert found.person.external_ids == (("woocommerce:c7", "25"),)
    assert found.fields == ("address", "device", "email", "ip_address", "name", "phone", "purchase_history")
    assert "wc_order_bearer" not in repr(found) + repr(store.identify("order.created", ORDER))


def test_a_guest_is_known_by_the_billing_address_alone(store):
    found = store.extract("order.updated", {**ORDER, "customer_id": 0})
    assert found.person == Person("ada@example.com", "+33612345678", "Ada Byron")


def test_an_order_of_nobody_concerns_nobody(store):
    found = store.extract("order.updated", {**ORDER, "customer_id": 0, "billing": {}})
    assert (found.change, found.person) == (Change.NOBODY, None)


def test_a_deletion_is_the_id_alone_and_asks_for_no_erasure(store):
    found = store.extract("customer.deleted", {"id": 25})
    assert (found.change, found.request) == (Change.MATCH_ONLY, None)
    with pytest.raises(PermanentError):
        store.extract("customer.deleted", CUSTOMER)


@pytest.mark.parametrize("topic", ["customer.created", "customer.deleted", "order.updated"])
def test_an_error_object_is_refused_though_well_signed(topic, store):
    error = {"code": "woocommerce_rest_cannot_view", "message": "Sorry", "data": {"status": 403}, "id": 1}
    with pytest.raises(PermanentError, match="error object"):
        store.extract(topic, error)


@pytest.mark.parametrize(
    ("topic", "body"),
    [
        ("customer.updated", ORDER),
        ("order.updated", CUSTOMER),
        ("customer.updated", {"id": 25}),
        ("order.updated", {"id": 727}),
        ("customer.updated", {**CUSTOMER, "id": 0}),
        ("customer.updated", {**CUSTOMER, "date_modified_gmt": "soon"}),
        ("product.updated", {"id": 1}),
    ],
)
def test_a_body_that_does_not_fit_its_topic_is_refused(topic, body, store):
    with pytest.raises(PermanentError):
        store.extract(topic, body)


@pytest.mark.parametrize(("value", "state"), [("yes", "granted"), ("0", "withdrawn"), (True, "granted")])
@pytest.mark.parametrize(("topic", "body"), [("customer.updated", CUSTOMER), ("order.created", ORDER)])
def test_consent_is_read_where_the_operator_says(topic, body, value, state, sender):
    entries = [
        {"id": 1, "key": "newsletter", "value": "maybe"},
        {"id": 2, "key": "newsletter", "value": value},
    ]
    mapped = sender("woocommerce", consent_meta_key="newsletter")
    (signal,) = mapped.extract(topic, {**body, "meta_data": entries}).consents
    assert (signal.state, signal.channel, signal.occurred_at) == (state, "email", MODIFIED)
    assert sender("woocommerce").extract(topic, {**body, "meta_data": entries}).consents == ()


@pytest.mark.parametrize("value", ["maybe", "", None, ["yes"]])
def test_anything_but_a_yes_or_no_is_no_signal(value, sender):
    body = {**CUSTOMER, "meta_data": [{"key": "newsletter", "value": value}, "noise"]}
    mapped = sender("woocommerce", consent_meta_key="newsletter")
    assert mapped.extract("customer.updated", body).consents == ()


@pytest.mark.parametrize("topic", ["order.deleted", "order.restored", "product.created", ""])
def test_other_topics_are_left_alone(topic, store):
    assert not store.identify(topic, {"id": 1}).handled


def test_a_body_that_is_no_object_is_malformed(store):
    delivery = dataclasses.replace(store.delivery("order.created", ORDER), body=b"[]")
    with pytest.raises(Malformed):
        get("woocommerce").identify(delivery, store.endpoint)
