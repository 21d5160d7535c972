"""Well signed bodies that no platform sends: taken or refused for what they are, and never our fault."""

from __future__ import annotations

import gzip
import json
from uuid import uuid4

import pytest
from flow import customer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from server import PLATFORMS

pytestmark = pytest.mark.usefixtures("unharmed")

TOPICS = {"shopify": "customers/create", "stripe": "customer.created", "woocommerce": "customer.created"}
BODY = json.dumps(customer(2)).encode()


def test_a_compressed_body_is_judged_as_it_came_and_never_unpacked(client, doors):
    packed = gzip.compress(BODY)
    encoded = {"Content-Encoding": "gzip"}
    answer = client.deliver(doors["shopify"], "customers/create", packed, "d1", changed=encoded)
    assert answer.status == 400, "the bytes are authentic, and no JSON"
    answer = client.deliver(doors["shopify"], "customers/create", BODY, uuid4().hex, changed=encoded)
    assert answer.status == 200, "the bytes are authentic JSON, whatever a header says"


NOT_JSON = {
    "cut off": BODY[:-1],
    "two documents": BODY + BODY,
    "a byte order mark": b"\xef\xbb\xbf" + BODY,
    "UTF-16": BODY.decode().encode("utf-16"),
    "not UTF-8": b'{"id": "\xff"}',
    "NaN": b'{"id": NaN}',
    "an infinite number": b'{"id": 1e999}',
    "a number of 5000 digits": b'{"id": ' + b"9" * 5000 + b"}",
    "half a surrogate pair": b'{"id": "\\ud800"}',
    "a raw NUL": b'{"id": "\x00"}',
    "only NULs": b"\x00" * 100,
    "nested 65 deep": b'{"a":' * 65 + b"1" + b"}" * 65,
    "nested 20000 deep": b"[" * 20_000 + b"]" * 20_000,
    "nested 20000 deep and cut off": b'{"a":' * 10_000,
    "single quotes": b"{'id': 1}",
    "a string": b'"customer"',
    "a number": b"1",
}


@pytest.mark.parametrize("platform", TOPICS)
@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_no_json_object_is_a_400_though_well_signed(client, doors, platform, name):
    assert client.deliver(doors[platform], TOPICS[platform], NOT_JSON[name], "d1").status == 400


ODD_JSON = {
    "an escaped NUL": b'{"id": 1, "email": "a\\u0000b@shop.example", "updated_at": "x\\u0000"}',
    "a name twice": b'{"id": 1, "id": 2}',
    "an enormous integer": b'{"id": ' + b"9" * 4000 + b"}",
    "an empty name": b'{"": {"": [null, true, 1.5e300]}}',
    "nested 60 deep": b'{"a":' * 60 + b"1" + b"}" * 60,
}


@pytest.mark.parametrize("name", ODD_JSON)
def test_odd_json_is_taken_and_left_to_its_workflow(client, doors, name):
    answer = client.deliver(doors["shopify"], "customers/create", ODD_JSON[name], uuid4().hex)
    assert (answer.status, answer.document["status"]) == (200, "accepted")


FORMS = {
    "no type": b"data%5Bemail%5D=a%40b.example",
    "not UTF-8": b"type=%ff",
    "a key that is no PHP key": b"type=profile&data%5Bemail=x",
    "a key that is value and parent": b"type=profile&data=1&data%5Bemail%5D=x",
    "two thousand fields": b"type=profile" + b"&a=b" * 2000,
    "twenty brackets": b"type=profile&data" + b"%5Ba%5D" * 20 + b"=x",
    "JSON": b'{"type": "profile"}',
}


@pytest.mark.parametrize("name", FORMS)
def test_a_broken_form_is_a_400(client, doors, name):
    assert client.deliver(doors["mailchimp"], "profile", FORMS[name]).status == 400


@pytest.mark.parametrize(
    "content_type", ["text/plain", "", "multipart/form-data; boundary=x", "a/b/c", "JSON"]
)
def test_the_content_type_is_not_what_a_delivery_is_judged_by(client, doors, content_type):
    changed = {"Content-Type": content_type}
    answer = client.deliver(doors["shopify"], "customers/create", BODY, uuid4().hex, changed=changed)
    assert (answer.status, answer.document["status"]) == (200, "accepted")


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    platform=st.sampled_from(PLATFORMS),
    body=st.one_of(
        st.binary(max_size=300), st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps)
    ),
)
def test_any_signed_bytes_are_taken_or_refused(client, doors, platform, body):
    raw = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    answer = client.deliver(doors[platform], "customers/create", raw, uuid4().hex)
    assert answer.status in (200, 400, 401)
