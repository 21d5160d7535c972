from __future__ import annotations

import dataclasses
import json
from urllib.parse import urlencode

import pytest

from dxflow.engine.errors import Malformed, NotAuthentic, PermanentError
from dxflow.engine.platforms import get
from dxflow.engine.platforms.base import Trust

CLICK = {"event": "click", "msg": {"email": "ada@example.com"}, "url": "http://example.com/"}
OPEN = {"event": "open", "msg": {"email": "ada@example.com"}}


def batch(*events: object) -> bytes:
    # PHP escapes the slashes; the signature is over exactly this spelling.
    return urlencode({"mandrill_events": json.dumps(events).replace("/", "\\/")}).encode()


@pytest.fixture(params=["mandrill", "mailchimp"])
def platform(request):
    return request.param


def through(platform, sender, body, **options):
    """A delivery signed by Mandrill, and the connector it arrives at."""
    return sender("mandrill").delivery("", body), sender(platform, **options)


def test_a_batch_is_signed_on_either_kind_of_connector(platform, sender):
    delivery, side = through(platform, sender, batch(CLICK))
    assert side.verify(delivery) is Trust.SIGNED


def test_behind_a_proxy_the_entered_address_counts(platform, sender):
    body = batch(CLICK)
    delivery, side = through(platform, sender, body, address="https://edge.example/webhooks/platform/7")
    seen = dataclasses.replace(delivery, url="http://10.0.0.1:8000/webhooks/platform/7")
    assert side.verify(seen) is Trust.SIGNED
    with pytest.raises(NotAuthentic):
        sender(platform).verify(seen)
    with pytest.raises(NotAuthentic):
        sender(platform, address="https://edge.example/webhooks/platform/7/").verify(seen)


@pytest.mark.parametrize("drop", ["header", "nothing"])
def test_the_secret_in_an_address_never_replaces_the_signature(drop, sender):
    side = sender("mailchimp")
    with_secret = side.delivery("", batch(CLICK))
    headers = {} if drop == "header" else {"x-mandrill-signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA="}
    with pytest.raises(NotAuthentic):
        side.verify(dataclasses.replace(with_secret, headers=headers))


@pytest.mark.parametrize(
    ("events", "topic"),
    [
        ((CLICK,), "mandrill.click"),
        ((CLICK, CLICK), "mandrill.click"),
        ((CLICK, OPEN), "mandrill.batch"),
        (({"type": "blacklist", "action": "add"},), "mandrill.blacklist"),
        (({"msg": {}},), "mandrill.unknown"),
        ((1, None), "mandrill.unknown"),
    ],
)
def test_a_batch_is_named_after_its_events_and_not_handled(events, topic, platform, sender):
    delivery, side = through(platform, sender, batch(*events))
    identity = get(platform).identify(delivery, side.endpoint)
    assert (identity.topic, identity.handled, dict(identity.meta)) == (topic, False, {})
    with pytest.raises(PermanentError):
        get(platform).extract(topic, delivery.body, {}, side.endpoint)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"mandrill_events=",
        b"mandrill_events=%7B%7D",
        b"mandrill_events=%ff",
        b"mandrill_events=[]&mandrill_events=[]",
        b"mandrill_events=[]&other=1",
        b"mandrill=_events[]",
    ],
)
def test_a_form_that_is_not_one_array_of_events_is_malformed(body, sender):
    side = sender("mandrill")
    with pytest.raises(Malformed):
        get("mandrill").identify(side.delivery("", body), side.endpoint)


@pytest.mark.parametrize("body", [b"mandrill_events=[]", b"mandrill_events=%5B%5D", b"mandrill_events=+[]+"])
def test_an_empty_batch_is_a_probe(body, platform, sender):
    assert get(platform).is_probe(sender("mandrill").delivery("", body))


@pytest.mark.parametrize(
    "body", [batch(CLICK), b"", b"mandrill_events=[1]", b"mandrill_events=[]&a=b", b"&" * 64]
)
def test_anything_else_is_no_probe(body, platform, sender):
    assert not get(platform).is_probe(sender("mandrill").delivery("", body))


def test_a_form_of_too_many_fields_is_not_authentic(sender):
    delivery, side = through("mandrill", sender, batch(CLICK))
    with pytest.raises(NotAuthentic):
        side.verify(dataclasses.replace(delivery, body=b"a=1&" * 2000))
