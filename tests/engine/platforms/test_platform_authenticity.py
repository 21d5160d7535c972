"""What every platform's verify has in common."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime

import pytest

from dxflow.engine.errors import NotAuthentic, NotFound
from dxflow.engine.platforms import PLATFORMS, get
from dxflow.engine.platforms.base import Endpoint, Trust

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
BODIES = {
    "shopify": b'{"id": 1}',
    "stripe": b'{"id": "evt_1", "object": "event"}',
    "mailchimp": b"type=subscribe",
    "mandrill": b"mandrill_events=%5B%7B%22event%22%3A%22open%22%7D%5D",
    "woocommerce": b'{"id": 1}',
    "hasura": b"{}",
}
TRUST = {
    "shopify": Trust.SIGNED,
    "stripe": Trust.SIGNED_FRESH,
    "mailchimp": Trust.BEARER,
    "mandrill": Trust.SIGNED,
    "woocommerce": Trust.SIGNED,
    "hasura": Trust.BEARER,
}
SIGNED = sorted(name for name, trust in TRUST.items() if trust is not Trust.BEARER)
CARRIERS = {
    "shopify": "x-shopify-hmac-sha256",
    "stripe": "stripe-signature",
    "mandrill": "x-mandrill-signature",
    "woocommerce": "x-wc-webhook-signature",
    "hasura": "x-dxflow-secret",
}
HOSTILE = [
    "",
    " ",
    "\x00",
    "é" * 30,
    "\ud800",
    "A" * 100_000,
    "not base64!!",
    "t=" + "9" * 5000 + ",v1=00",
    "t=١٢٣,v1=00",
    "t=-1,v1=00",
    "t=1_0,v1=00",
    "t=,v1=",
    "v1=00",
]


@pytest.fixture(params=sorted(BODIES))
def name(request):
    return request.param


def test_an_authentic_delivery_gets_the_trust_its_platform_deserves(name, sender):
    side = sender(name)
    assert side.verify(side.delivery("topic", BODIES[name])) is TRUST[name]


def test_another_secret_is_refused(name, sender):
    delivery = sender(name).delivery("topic", BODIES[name])
    with pytest.raises(NotAuthentic):
        get(name).verify(delivery, Endpoint("c7", ("another-secret",)), NOW)


@pytest.mark.parametrize(
    "secrets", [("old", "a-secret-of-the-platform"), ("a-secret-of-the-platform", "new")]
)
def test_during_a_rotation_either_secret_is_good(name, secrets, sender):
    delivery = sender(name).delivery("topic", BODIES[name])
    assert get(name).verify(delivery, Endpoint("c7", secrets), NOW) is TRUST[name]


@pytest.mark.parametrize("secrets", [(), ("",), (" ", "\t")])
def test_without_a_secret_nothing_is_authentic(name, secrets, sender):
    delivery = sender(name).delivery("topic", BODIES[name])
    with pytest.raises(NotAuthentic):
        get(name).verify(delivery, Endpoint("c7", secrets), NOW)


@pytest.mark.parametrize("platform", SIGNED)
def test_one_changed_byte_breaks_the_signature(platform, sender):
    side = sender(platform)
    delivery = side.delivery("topic", BODIES[platform])
    changed = dataclasses.replace(delivery, body=delivery.body.replace(b"e", b"f").replace(b"1", b"2"))
    assert changed.body != delivery.body
    with pytest.raises(NotAuthentic):
        side.verify(changed)


@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("platform", sorted(CARRIERS))
def test_a_malformed_header_is_not_authentic_and_nothing_worse(platform, value, sender):
    side = sender(platform)
    delivery = side.delivery("topic", BODIES[platform])
    hostile = dataclasses.replace(delivery, headers={**delivery.headers, CARRIERS[platform]: value})
    with pytest.raises(NotAuthentic):
        side.verify(hostile)


@pytest.mark.parametrize("platform", sorted(CARRIERS))
def test_a_missing_header_is_not_authentic(platform, sender):
    side = sender(platform)
    delivery = side.delivery("topic", BODIES[platform])
    bare = {name: value for name, value in delivery.headers.items() if name != CARRIERS[platform]}
    with pytest.raises(NotAuthentic):
        side.verify(dataclasses.replace(delivery, headers=bare))


def test_refusals_never_quote_the_secret_or_what_was_sent(name, sender):
    delivery = sender(name).delivery("topic", BODIES[name])
    with pytest.raises(NotAuthentic) as refused:
        get(name).verify(delivery, Endpoint("c7", ("quite-another",)), NOW)
    sent = [value for value in delivery.headers.values() if len(value) > 15]
    assert not any(word in str(refused.value) for word in ["quite-another", "a-secret-of", *sent])


def test_each_adapter_is_found_by_its_own_name(name):
    assert get(name) is PLATFORMS[name]
    assert get(name).name == name


@pytest.mark.parametrize("unknown", ["", "Shopify", "paypal", "__class__"])
def test_an_unknown_platform_is_not_found(unknown):
    with pytest.raises(NotFound, match="known are shopify"):
        get(unknown)
