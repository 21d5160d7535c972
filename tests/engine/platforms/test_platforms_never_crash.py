"""Whatever arrives, an adapter answers with a value or with one of the three errors the edge knows."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxflow.engine.errors import Malformed, NotAuthentic, PermanentError
from dxflow.engine.platforms import PLATFORMS
from dxflow.engine.platforms.base import Delivery, Endpoint

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
HEADERS = [
    *("x-shopify-hmac-sha256", "shopify-hmac-sha256", "x-shopify-topic", "x-shopify-shop-domain"),
    *("stripe-signature", "x-mandrill-signature", "x-dxflow-secret", "x-wc-webhook-signature"),
    *("x-wc-webhook-topic", "x-wc-webhook-delivery-id", "x-shopify-webhook-id"),
]
TOPICS = [
    *("customers/create", "customers/delete", "customers/merge", "orders/create", "shop/redact"),
    *("customers_email_marketing_consent/update", "customers_marketing_consent/update"),
    *("customers/redact", "customers/data_request", "customer.created", "customer.deleted"),
    *("customer.subscription.updated", "checkout.session.completed", "order.updated"),
    *("data_subjects.INSERT", "data_processing_activities.UPDATE", "data_subjects_rights_requests.DELETE"),
    *("subscribe", "unsubscribe", "upemail", "cleaned", "mandrill.click", ""),
]
# Every key an adapter looks at, so that arbitrary values end where they are read.
KEYS = [
    *("id", "email", "phone", "first_name", "name", "state", "updated_at", "created_at", "created"),
    *("email_marketing_consent", "sms_marketing_consent", "accepts_marketing", "consent_updated_at"),
    *("customer_id", "customer", "billing_address", "billing", "line_items", "addresses", "shop_id"),
    *("shop_domain", "data_request", "orders_to_redact", "status", "admin_graphql_api_id"),
    *("admin_graphql_api_customer_kept_id", "admin_graphql_api_customer_deleted_id", "object", "type"),
    *("data", "consent", "promotions", "customer_details", "event", "table", "trigger", "op", "new", "old"),
    *("meta_data", "key", "value", "date_modified_gmt", "order_key", "schema", "fields", "subject_id"),
]
WORDS = [
    *("event", "customer", "subscription", "checkout.session", "completed", "subscribed", "opt_in", "yes"),
    *("INSERT", "UPDATE", "DELETE", "data_subjects", "data_processing_activities", "users", "erasure"),
    *("2026-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "gid://shopify/Customer/1", "newsletter", ""),
    *TOPICS,
]
OPTIONS = [
    {},
    {"shop": "demo.myshopify.com", "list_id": "a", "tolerance": "none", "address": "https://a/"},
    {"consent_meta_key": "newsletter", "consent_column": "state", "table.users": "rights_request"},
]

scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
)
documents = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=8),
    max_leaves=30,
)
objects = st.dictionaries(st.sampled_from(KEYS), documents, max_size=12)
form_keys = st.sampled_from(
    [
        *("type", "fired_at", "data[list_id]", "data[id]", "data[email]", "data[action]"),
        *("data[merges][EMAIL]", "data[merges]", "data[new_email]", "data[old_email]"),
        *("data[]", "a[b", "mandrill_events"),
    ]
)
form_bodies = st.dictionaries(form_keys, st.text(max_size=12) | st.sampled_from(WORDS)).map(
    lambda fields: urlencode(fields, errors="replace").encode()
)
bodies = st.binary(max_size=200) | objects.map(lambda value: json.dumps(value).encode()) | form_bodies
any_text = st.text(alphabet=st.characters(exclude_categories=[]), max_size=60)
deliveries = st.builds(
    Delivery,
    method=st.just("POST"),
    url=any_text,
    query=any_text,
    headers=st.dictionaries(st.sampled_from(HEADERS), any_text | st.sampled_from(TOPICS)),
    body=bodies,
)
endpoints = st.builds(Endpoint, st.just("c7"), st.just(("secret",)), options=st.sampled_from(OPTIONS))


each_platform = pytest.mark.parametrize("platform", sorted(PLATFORMS))


def answers(call, *allowed):
    """The value, or None for one of the allowed errors; any other error fails the test."""
    try:
        return call()
    except allowed:
        return None


@each_platform
@settings(deadline=None)
@given(delivery=deliveries, endpoint=endpoints)
def test_verify_only_ever_says_not_authentic(platform, delivery, endpoint):
    adapter = PLATFORMS[platform]
    assert answers(lambda: adapter.verify(delivery, endpoint, NOW), NotAuthentic) is None


@each_platform
@settings(deadline=None)
@given(delivery=deliveries, endpoint=endpoints)
def test_identify_only_ever_says_malformed(platform, delivery, endpoint):
    adapter = PLATFORMS[platform]
    assert adapter.is_probe(delivery) in {True, False}
    identity = answers(lambda: adapter.identify(delivery, endpoint), Malformed)
    if identity is None:
        return
    texts = [identity.topic, *identity.meta.values()]
    assert identity.topic
    assert all(text.isascii() and text.isprintable() and len(text) <= 200 for text in texts)


@each_platform
@settings(max_examples=100, deadline=None)
@given(topic=st.sampled_from(TOPICS) | any_text, body=bodies, endpoint=endpoints)
def test_extract_only_ever_says_malformed_or_permanent(platform, topic, body, endpoint):
    adapter = PLATFORMS[platform]
    answers(lambda: adapter.extract(topic, body, {}, endpoint), Malformed, PermanentError)


GENUINE: dict[str, tuple[str, dict[str, object]]] = {
    "shopify": (
        "orders/create",
        {
            "id": 1,
            "email": "a@b.c",
            "customer": {"id": 2, "default_address": {"city": "Paris"}},
            "billing_address": {"phone": "1", "first_name": "A"},
            "client_details": {"browser_ip": "::1"},
            "updated_at": "2026-01-01T00:00:00Z",
        },
    ),
    "stripe": (
        "checkout.session.completed",
        {
            "id": "evt_1",
            "object": "event",
            "type": "checkout.session.completed",
            "created": 1,
            "data": {
                "object": {
                    "object": "checkout.session",
                    "customer": "cus_1",
                    "customer_details": {"email": "a@b.c"},
                    "consent": {"promotions": "opt_in"},
                }
            },
        },
    ),
    "woocommerce": (
        "customer.updated",
        {
            "id": 1,
            "email": "a@b.c",
            "billing": {"phone": "1"},
            "date_modified_gmt": "2026-01-01T00:00:00",
            "meta_data": [{"key": "newsletter", "value": "yes"}],
        },
    ),
    "hasura": (
        "data_subjects.UPDATE",
        {
            "id": "e",
            "created_at": "2026-01-01T00:00:00Z",
            "trigger": {"name": "t"},
            "table": {"schema": "public", "name": "data_subjects"},
            "event": {"op": "UPDATE", "data": {"old": None, "new": {"id": 1, "state": "yes", "name": "A"}}},
        },
    ),
}


def places(node, path=()):
    """Every path into a document."""
    inside = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path] + [place for key, child in inside for place in places(child, (*path, key))]


@pytest.mark.parametrize("platform", sorted(GENUINE))
@settings(deadline=None)
@given(data=st.data(), endpoint=endpoints)
def test_a_genuine_body_with_one_value_replaced_fails_cleanly(platform, data, endpoint):
    topic, body = copy.deepcopy(GENUINE[platform])
    *parents, last = data.draw(st.sampled_from(places(body)[1:]))
    node = body
    for key in parents:
        node = node[key]
    node[last] = data.draw(documents)
    raw = json.dumps(body).encode()
    adapter = PLATFORMS[platform]
    answers(lambda: adapter.extract(topic, raw, {}, endpoint), Malformed, PermanentError)
