"""Requests that no platform sends, over a real socket: whatever comes, it is never our fault, never stored by
mistake, and the next honest delivery is taken as if nothing had been."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from flow import customer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from server import PLATFORMS
from wire import HOST, Client, Door, exchange_raw, send_raw

pytestmark = pytest.mark.usefixtures("unharmed")

LIMIT = 64 * 1024
CALLERS_FAULT = {400, 401, 404, 405, 408, 411, 413, 414, 415, 417, 431, 501, 505}
"""What an honest server may say of a broken request; 501 and 505 are codings and versions nobody speaks."""
TOPICS = {"shopify": "customers/create", "stripe": "customer.created", "woocommerce": "customer.created"}


BODY = json.dumps(customer(2)).encode()


def request(
    door: Door, client: Client, *, body: bytes = BODY, extra: bytes = b"", framing: bytes | None = None
) -> bytes:
    """A well signed request as bytes; ``extra`` lines and another ``framing`` than Content-Length go in."""
    headers, path = client.signed(door, TOPICS.get(door.platform, ""), body, uuid4().hex)
    lines = [f"{name}: {value}".encode("latin-1") for name, value in headers.items()]
    length = b"Content-Length: %d" % len(body) if framing is None else framing
    head = [f"POST {path} HTTP/1.1".encode(), f"Host: {HOST}:{client.port}".encode(), length, *lines]
    return (
        b"\r\n".join([*(line for line in head if line), extra.rstrip(b"\r\n")]).rstrip() + b"\r\n\r\n" + body
    )


def chunked(body: bytes, size: int = 7) -> bytes:
    parts = (body[start : start + size] for start in range(0, len(body), size))
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


HEADERS = {
    "one header of 100 kB": b"X-Long: " + b"a" * 100_000,
    "five hundred headers": b"\r\n".join(b"X-H%d: a" % number for number in range(500)),
    "non-ASCII bytes": b"X-Name: \xff\xfe\x80",
    "UTF-8": "X-Name: Zoë".encode(),
    "a NUL": b"X-Name: a\x00b",
    "a bare carriage return": b"X-Name: a\rb",
    "a folded line": b"X-Name: a\r\n b",
    "a name with a blank": b"X Name: a",
    "a name with a non-ASCII byte": b"X-N\xffme: a",
    "no name": b": a",
    "no colon": b"nothing",
    "a name with an underscore": b"X_Shopify_Topic: customers/redact",
    "a topic twice": b"X-Shopify-Topic: customers/redact",
    "a signature twice": b"X-Shopify-Hmac-Sha256: AAAA",
    "a forwarded header of nonsense": b'Forwarded: ;;==,"\xff',
    "a forwarded scheme of nonsense": b"X-Forwarded-Proto: \xff://",
    "a forwarded host of nonsense": b"X-Forwarded-Host: a b\xff/?#",
    "a forwarded length": b"X-Forwarded-For: " + b"1.2.3.4, " * 1000,
    "a second host": b"Host: other.example",
    "a request id with a line break": b"X-Request-Id: a%0d%0ab",
    "a cookie of nonsense": b"Cookie: ;;=;\xff=\xfe",
    "a range": b"Range: bytes=5-1",
    "an expectation": b"Expect: 200-maybe",
    "an upgrade": b"Connection: Upgrade\r\nUpgrade: h2c",
    "a content type of nonsense": b"Content-Type: \xff;;=",
    "an accept of nonsense": b"Accept: ;;q=\xff",
    "an idempotency key": b"Idempotency-Key: \xff" + b"k" * 5000,
}


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("name", HEADERS)
def test_no_header_is_our_fault(server, doors, client, platform, name):
    body = b"type=profile&data%5Bemail%5D=a%40b.example&x=" + uuid4().hex.encode()
    sent = BODY if platform in TOPICS else body
    status = send_raw(server.port, request(doors[platform], client, body=sent, extra=HEADERS[name]))
    assert status is None or status == 200 or status in CALLERS_FAULT


SIGNED_HEADERS = {
    "shopify": "X-Shopify-Hmac-Sha256",
    "stripe": "Stripe-Signature",
    "mandrill": "X-Mandrill-Signature",
    "woocommerce": "X-WC-Webhook-Signature",
    "hasura": "X-Dxflow-Secret",
}
BROKEN = (
    b"",
    b" ",
    b"\xff\xfe\xfd",
    "sécret".encode(),
    b"a\x00b",
    b"=" * 5_000,
    b"=" * 50_000,
    b"t=,v1=",
    b"t=99999999999999999999,v1=" + b"a" * 64,
    b"t=-1,v1=\xff",
    "t=١٢٣,v1=a".encode(),
    b"t=1,t=2,v1=a" + b",v1=a" * 1000,
)


@pytest.mark.parametrize("platform", SIGNED_HEADERS)
@pytest.mark.parametrize("value", BROKEN)
def test_a_broken_signature_is_unauthorised_or_malformed(server, doors, platform, value):
    name = SIGNED_HEADERS[platform].encode()
    head = f"POST {doors[platform].path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 2\r\n".encode()
    assert send_raw(server.port, head + name + b": " + value + b"\r\n\r\n{}") in (400, 401, 431)


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_a_chunked_body_is_taken_like_any_other(server, doors, client, size):
    framed = request(doors["shopify"], client, framing=b"Transfer-Encoding: chunked")
    head, _, body = framed.partition(b"\r\n\r\n")
    assert send_raw(server.port, head + b"\r\n\r\n" + chunked(body, size)) == 200


FRAMINGS = {
    "chunks without a size": (b"Transfer-Encoding: chunked", b"hello\r\n"),
    "a negative chunk": (b"Transfer-Encoding: chunked", b"-5\r\nhello\r\n0\r\n\r\n"),
    "an endless chunk": (b"Transfer-Encoding: chunked", b"ffffffffffffffffff\r\nhello"),
    "a chunk that is cut off": (b"Transfer-Encoding: chunked", b"10\r\nhello"),
    "a chunk without its end": (b"Transfer-Encoding: chunked", b"5\r\nhelloXX"),
    "a chunk extension of nonsense": (b"Transfer-Encoding: chunked", b"5;\xff=\r\r\nhello\r\n0\r\n\r\n"),
    "a trailer of nonsense": (b"Transfer-Encoding: chunked", b"0\r\n\xff\x00: a\r\n\r\n"),
    "no last chunk": (b"Transfer-Encoding: chunked", b"5\r\nhello\r\n"),
    "an unknown coding": (b"Transfer-Encoding: gzip, chunked", b"0\r\n\r\n"),
    "two framings": (b"Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n"),
    "two lengths": (b"Content-Length: 5\r\nContent-Length: 6", b"hello!"),
    "a negative length": (b"Content-Length: -1", b"hello"),
    "a length with a sign": (b"Content-Length: +5", b"hello"),
    "a length of words": (b"Content-Length: five", b"hello"),
    "a length of another script": ("Content-Length: ٥".encode(), b"hello"),
    "a length beyond the body": (b"Content-Length: 5000", b"hello"),
    "a length short of the body": (b"Content-Length: 2", b"{} and what follows is no request"),
    "an enormous length": (b"Content-Length: 99999999999999999999", b"hello"),
    "no length at all": (b"", b""),
    "no length and a body": (b"", b"hello"),
}


@pytest.mark.parametrize("platform", ["shopify", "mailchimp"])
@pytest.mark.parametrize("name", FRAMINGS)
def test_a_broken_body_is_the_callers_fault(server, doors, client, platform, name):
    framing, body = FRAMINGS[name]
    head = request(doors[platform], client, framing=framing).partition(b"\r\n\r\n")[0]
    assert send_raw(server.port, head + b"\r\n\r\n" + body) in CALLERS_FAULT


def test_a_chunked_body_over_the_limit_is_a_413(server, doors, client):
    head = request(doors["shopify"], client, framing=b"Transfer-Encoding: chunked").partition(b"\r\n\r\n")[0]
    assert send_raw(server.port, head + b"\r\n\r\n" + chunked(b"x" * (LIMIT + 1), 9000)) == 413


LINES = {
    "no version": b"POST {path}\r\n",
    "a future version": b"POST {path} HTTP/9.9\r\n",
    "an unknown version": b"POST {path} HTCPCP/1.0\r\n",
    "a method of nonsense": b"P\xffST {path} HTTP/1.1\r\n",
    "another method": b"DELETE {path} HTTP/1.1\r\n",
    "an enormous address": b"POST {path}?" + b"a" * 100_000 + b" HTTP/1.1\r\n",
    "non-ASCII bytes": b"POST {path}\xff?key=\xff HTTP/1.1\r\n",
    "broken escapes": b"POST {path}%zz?key=%zz&%=%&=%f HTTP/1.1\r\n",
    "an escaped NUL": b"POST {path}%00 HTTP/1.1\r\n",
    "many parameters": b"POST {path}?" + b"key=a&" * 1200 + b" HTTP/1.1\r\n",
    "a whole address": b"POST http://other.example{path} HTTP/1.1\r\n",
    "only blanks": b"   \r\n",
    "binary": bytes(range(256)),
}


@pytest.mark.parametrize("name", LINES)
def test_a_broken_request_line_is_the_callers_fault(server, doors, name):
    line = LINES[name].replace(b"{path}", doors["mailchimp"].path.encode())
    sent = line + f"Host: {HOST}\r\nContent-Length: 2\r\n\r\n{{}}".encode()
    status = send_raw(server.port, sent)
    assert status is None or status in CALLERS_FAULT


def test_a_request_of_http_1_0_without_a_host_is_taken(server, doors, client):
    sent = request(doors["shopify"], client).replace(b"HTTP/1.1", b"HTTP/1.0")
    assert send_raw(server.port, sent.replace(f"Host: {HOST}:{client.port}\r\n".encode(), b"")) == 200


def test_what_follows_a_refused_body_is_not_taken_for_a_request(server, doors, client):
    """A second request smuggled behind a first whose body is refused."""
    head = request(doors["shopify"], client, framing=b"Transfer-Encoding: chunked").partition(b"\r\n\r\n")[0]
    smuggled = request(doors["shopify"], client, body=json.dumps(customer(3)).encode())
    for broken in (b"zz\r\n", b"5\r\nhelloXX", b"fffffffffffffffff\r\n"):
        assert len(exchange_raw(server.port, head + b"\r\n\r\n" + broken + smuggled)) == 2


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    platform=st.sampled_from(PLATFORMS),
    value=st.binary(max_size=200).map(lambda raw: raw.translate(None, b"\r\n\x00")),
)
def test_no_signature_of_random_bytes_is_ever_taken(server, doors, platform, value):
    name = SIGNED_HEADERS.get(platform, "X-Nothing").encode()
    head = f"POST {doors[platform].path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n".encode()
    assert send_raw(server.port, head + name + b": " + value + b"\r\n\r\ntype=a&b=") in (400, 401)
