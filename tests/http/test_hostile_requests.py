"""Requests that no platform sends, over a real socket: whatever comes, it is never our fault, never stored by
mistake, and the next honest delivery is taken as if nothing had been."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from uuid import uuid4

import pytest
from flow import customer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from server import HOST, PLATFORMS, Client, Door, Installation, Server, edge_alone, exchange_raw, send_raw

LIMIT = 64 * 1024
CALLERS_FAULT = {400, 401, 404, 405, 408, 411, 413, 414, 415, 417, 431, 501, 505}
"""What an honest server may say of a broken request; 501 and 505 are codings and versions nobody speaks."""
TOPICS = {"shopify": "customers/create", "stripe": "customer.created", "woocommerce": "customer.created"}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Installation]]:
    directory = tmp_path_factory.mktemp("edge") / "data"
    with edge_alone(directory, max_body_bytes=LIMIT, log_level="debug") as running:
        yield running


@pytest.fixture(scope="module")
def server(edge: tuple[Server, Installation]) -> Server:
    return edge[0]


@pytest.fixture(scope="module")
def doors(edge: tuple[Server, Installation]) -> dict[str, Door]:
    return dict(edge[1].doors)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    opened = Client(server.port)
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def _unharmed(server: Server, doors: dict[str, Door]) -> Iterator[None]:
    """After each test the edge still takes deliveries and has logged no defect."""
    logged = len(server.log())
    yield
    fresh = Client(server.port)
    answer = fresh.deliver(
        doors["shopify"], "customers/create", json.dumps(customer(1)).encode(), uuid4().hex
    )
    fresh.close()
    assert (answer.status, answer.document["status"]) == (200, "accepted")
    for sign in ("Traceback", "defect", "[error", "critical"):
        assert sign not in server.log()[logged:]


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


def test_what_follows_a_refused_body_is_not_taken_for_a_request(server, doors, client):
    """A second request smuggled behind a first whose body is refused."""
    head = request(doors["shopify"], client, framing=b"Transfer-Encoding: chunked").partition(b"\r\n\r\n")[0]
    smuggled = request(doors["shopify"], client, body=json.dumps(customer(3)).encode())
    for broken in (b"zz\r\n", b"5\r\nhelloXX", b"fffffffffffffffff\r\n"):
        assert len(exchange_raw(server.port, head + b"\r\n\r\n" + broken + smuggled)) == 2


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


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    platform=st.sampled_from(PLATFORMS),
    value=st.binary(max_size=200).map(lambda raw: raw.translate(None, b"\r\n\x00")),
)
def test_no_signature_of_random_bytes_is_ever_taken(server, doors, platform, value):
    name = SIGNED_HEADERS.get(platform, "X-Nothing").encode()
    head = f"POST {doors[platform].path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 9\r\n".encode()
    assert send_raw(server.port, head + name + b": " + value + b"\r\n\r\ntype=a&b=") in (400, 401)
