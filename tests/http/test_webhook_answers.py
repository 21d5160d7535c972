"""The answers platforms get from a real edge: each line of the contract's table, with bodies of our own."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from flow import customer
from server import PLATFORMS, SECRETS, ask
from wire import Answer

LIMIT = 64 * 1024
SHOPIFY = json.dumps(customer(1)).encode()
STRIPE = json.dumps(
    {
        "id": "evt_1",
        "object": "event",
        "type": "customer.created",
        "created": 1_772_000_000,
        "data": {"object": {"id": "cus_1", "object": "customer", "email": "ada@shop.example"}},
    }
).encode()
MAILCHIMP = (
    b"type=profile&fired_at=2026-03-01+10%3A00%3A00&data%5Bid%5D=m1&data%5Bemail%5D=ada%40shop.example"
)
MANDRILL = b"mandrill_events=%5B%7B%22event%22%3A%22open%22%7D%5D"
WOOCOMMERCE = b'{"id":1,"email":"ada@shop.example","date_modified_gmt":"2026-03-01T10:00:00","billing":{}}'
HASURA = json.dumps(
    {
        "id": "85558393-c75d-4d2f-9c15-e80591b83894",
        "created_at": "2026-03-01T10:00:00.12345Z",
        "trigger": {"name": "t"},
        "table": {"schema": "public", "name": "data_subjects"},
        "event": {"op": "INSERT", "session_variables": None, "data": {"old": None, "new": {"id": 1}}},
    }
).encode()
HANDLED = {
    "shopify": ("customers/create", SHOPIFY),
    "stripe": ("customer.created", STRIPE),
    "mailchimp": ("profile", MAILCHIMP),
    "woocommerce": ("customer.created", WOOCOMMERCE),
    "hasura": ("data_subjects.INSERT", HASURA),
}
UNHANDLED = {
    "shopify": ("products/update", b'{"id":1}'),
    "stripe": ("charge.failed", STRIPE.replace(b"customer.created", b"charge.failed")),
    "mailchimp": ("campaign", b"type=campaign&data%5Bid%5D=1"),
    "mandrill": ("open", MANDRILL),
    "woocommerce": ("coupon.created", b'{"id":7}'),
    "hasura": ("films.INSERT", HASURA.replace(b"data_subjects", b"films")),
}


def fresh(platform: str, body: bytes) -> bytes:
    """The same body as one nobody has seen yet, where the body is what tells deliveries apart."""
    new = uuid4().hex
    marks = {
        "stripe": (b'"evt_1"', f'"evt_{new}"'.encode()),
        "hasura": (b"85558393-c75d-4d2f-9c15-e80591b83894", str(uuid4()).encode()),
        "mailchimp": (b"type=", f"x={new}&type=".encode()),
        "mandrill": (b"%22event%22", f"%22_id%22%3A%22{new}%22%2C%22event%22".encode()),
    }
    return body.replace(*marks[platform]) if platform in marks else body


def is_problem(answer: Answer, status: int) -> bool:
    """RFC 9457, with all five members, and a detail for people."""
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.document
    assert problem["status"] == status
    assert problem["instance"].startswith("/")
    return all(isinstance(problem[name], str) and problem[name] for name in ("type", "title", "detail"))


@pytest.mark.parametrize("platform", HANDLED)
def test_a_signed_delivery_is_accepted_and_committed_before_the_answer(client, doors, books, platform):
    topic, body = HANDLED[platform]
    answer = client.deliver(doors[platform], topic, fresh(platform, body), uuid4().hex)
    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.document == {"status": "accepted", "event_id": answer.document["event_id"]}
    assert UUID(answer.document["event_id"]).version == 4
    found = books.rows(
        "SELECT source, topic, state, step FROM events WHERE id = ?", answer.document["event_id"]
    )
    assert found == [(platform, topic, "received", "extract")]


@pytest.mark.parametrize("platform", HANDLED)
def test_a_delivery_that_comes_again_is_a_duplicate_of_the_first(client, doors, books, platform):
    topic, body = HANDLED[platform]
    body, delivery_id = fresh(platform, body), uuid4().hex
    first = client.deliver(doors[platform], topic, body, delivery_id)
    again = client.deliver(doors[platform], topic, body, delivery_id)
    assert (again.status, again.document) == (
        200,
        {"status": "duplicate", "event_id": first.document["event_id"]},
    )
    assert books.number("SELECT count(*) FROM events WHERE id = ?", first.document["event_id"]) == 1


@pytest.mark.parametrize("platform", UNHANDLED)
def test_a_signed_topic_nobody_handles_is_ignored_and_stored(client, doors, books, platform):
    topic, body = UNHANDLED[platform]
    answer = client.deliver(doors[platform], topic, fresh(platform, body), uuid4().hex)
    assert (answer.status, answer.document["status"]) == (200, "ignored")
    stored = books.rows("SELECT state, due_at FROM events WHERE id = ?", answer.document["event_id"])
    assert stored == [("done", None)]


@pytest.mark.parametrize(
    ("platform", "body"),
    [
        ("woocommerce", b"webhook_id=142"),
        ("mandrill", b"mandrill_events=%5B%5D"),
        ("mailchimp", b"mandrill_events=%5B%5D"),
    ],
)
def test_a_ping_is_answered_and_leaves_no_trace(client, doors, books, platform, body):
    before = books.number("SELECT count(*) FROM events")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = client.request("POST", doors[platform].path, body, form)
    assert (answer.status, answer.document) == (200, {"status": "ignored"})
    assert books.number("SELECT count(*) FROM events") == before


def test_mandrills_probe_signed_with_its_test_key_is_answered_200(client, doors):
    probe = b"mandrill_events=%5B%5D"
    assert client.deliver(doors["mandrill"], "", probe, secret="test-webhook").status == 200


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("query", ["", "?key=wrong", f"?key={SECRETS['mailchimp']}"])
def test_validators_are_answered_200_and_empty_whatever_the_secret(client, doors, platform, method, query):
    answer = client.request(method, doors[platform].path + query)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("body", [b"", b"{", b"%%%", b"\xff\xfe", b"null", b"[]", b"=&="])
def test_a_signed_body_that_cannot_be_parsed_is_a_400(client, doors, platform, body):
    answer = client.deliver(doors[platform], "customers/create", body, "d1")
    if platform == "shopify" and not body:
        assert is_problem(answer, 401), "Shopify's own libraries take no empty body for authentic"
    else:
        assert is_problem(answer, 400)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("secret", ["wrong", " ", SECRETS["shopify"][:-1]])
def test_a_wrong_secret_is_a_401_and_stores_nothing(client, doors, books, platform, secret):
    before = books.number("SELECT count(*) FROM events")
    topic, body = {**UNHANDLED, **HANDLED}[platform]
    assert is_problem(client.deliver(doors[platform], topic, body, "d1", secret=secret), 401)
    assert books.number("SELECT count(*) FROM events") == before


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_signature_at_all_is_a_401(client, doors, platform):
    answer = client.request("POST", doors[platform].path, b"{}", {"Content-Type": "application/json"})
    assert is_problem(answer, 401)


@pytest.mark.parametrize("platform", [name for name in PLATFORMS if name not in ("mailchimp", "hasura")])
def test_a_body_changed_after_signing_is_a_401(client, doors, platform):
    topic, body = {**UNHANDLED, **HANDLED}[platform]
    headers, path = client.signed(doors[platform], topic, body, "d1")
    assert is_problem(client.request("POST", path, body.replace(b"e", b"E", 1), headers), 401)


@pytest.mark.parametrize("off_by_s", [-301, -3600, 310, 86_400])
def test_a_stale_or_future_stripe_time_is_a_401(client, doors, off_by_s):
    signed_at = datetime.now(UTC) + timedelta(seconds=off_by_s)
    answer = client.deliver(doors["stripe"], "customer.created", STRIPE, now=signed_at)
    assert is_problem(answer, 401)


@pytest.mark.parametrize("platform", PLATFORMS)
def test_an_unknown_connector_is_a_404_however_it_is_named(client, doors, platform):
    topic, body = {**UNHANDLED, **HANDLED}[platform]
    other = next(door for door in doors.values() if door.platform != platform)
    names = (str(uuid4()), other.connector_id, "nonsense", "%00", "..%2F..%2Fx", "a" * 3000)
    for name in names:
        path = doors[platform].path.rpartition("/")[0] + f"/{name}"
        answer = client.deliver(replace(doors[platform], path=path), topic, body, "d1")
        assert is_problem(answer, 404), name


def test_an_unknown_platform_is_a_404(client, doors):
    door = replace(doors["shopify"], path=doors["shopify"].path.replace("shopify", "paypal"))
    assert is_problem(client.deliver(door, "customers/create", SHOPIFY, "d1"), 404)


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("more", [1, LIMIT])
def test_a_body_over_the_limit_is_a_413(client, doors, platform, more):
    body = b"x" * (LIMIT + more)
    assert is_problem(client.deliver(doors[platform], "customers/create", body, "d1"), 413)


def test_a_body_just_within_the_limit_is_taken(client, doors):
    body = json.dumps(customer(1, note="x" * LIMIT)).encode()[: LIMIT - 2] + b'"}'
    assert len(body) == LIMIT
    answer = client.deliver(doors["shopify"], "customers/create", body, uuid4().hex)
    assert (answer.status, answer.document["status"]) == (200, "accepted")


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("suffix", ["/", "//", "/..", "?", "#"])
def test_no_spelling_of_an_address_is_redirected(client, doors, platform, suffix):
    for method in ("GET", "HEAD", "POST", "PUT"):
        answer = client.request(method, doors[platform].path + suffix)
        assert answer.status not in range(300, 400)
        assert answer.status not in (202, 204, 410, 429, 500)


@pytest.mark.parametrize("spelled", [str.lower, str.upper], ids=["known connector", "asked for afresh"])
def test_our_own_fault_is_a_503_without_retry_after_and_is_over_when_the_fault_is(
    client, doors, books, spelled
):
    """The table is taken away for a moment: no platform may hear 200, and Hasura would take a Retry-After for
    an order to come back for ever."""
    connector_id = doors["hasura"].connector_id
    door = replace(doors["hasura"], path=f"/events/hasura/{spelled(connector_id)}")
    assert client.deliver(doors["hasura"], "data_subjects.INSERT", fresh("hasura", HASURA)).status == 200
    with closing(sqlite3.connect(books.file, timeout=20)) as vandal:
        vandal.execute("PRAGMA legacy_alter_table = ON")
        vandal.execute("ALTER TABLE events RENAME TO hidden")
        broken = client.deliver(door, "data_subjects.INSERT", fresh("hasura", HASURA))
        vandal.execute("ALTER TABLE hidden RENAME TO events")
    assert is_problem(broken, 503)
    assert "retry-after" not in broken.headers
    answer = client.deliver(door, "data_subjects.INSERT", fresh("hasura", HASURA))
    assert (answer.status, answer.document["status"]) == (200, "accepted")


def test_a_connector_with_two_secrets_takes_either_and_takes_deliveries_at_once(client, doors, installation):
    words = ("connector", "add", "--tenant", installation.tenant["did"], "--platform", "shopify")
    made = ask(installation.directory, *words, "--secret", "old secret", "--secret", "new secret")
    door = replace(doors["shopify"], path=f"/webhooks/shopify/{made['id']}")
    for secret in ("old secret", "new secret"):
        answer = client.deliver(door, "customers/create", SHOPIFY, uuid4().hex, secret=secret)
        assert (answer.status, answer.document["status"]) == (200, "accepted")
    assert client.deliver(door, "customers/create", SHOPIFY, "d1", secret="old").status == 401
