"""A credential that is sent where it doesn't belong is refused there, and neither answered nor logged."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from server import Installation, Server
from wire import HOST, Client, Door

MARK = "zq7VkX3mQd"
"""Part of every secret that is sent; nothing of ours contains it."""
TOLD = b"HTTP/1.1 "


def asked(port: int, method: str, target: str, headers: dict[str, str], body: str = "") -> tuple[int, str]:
    """The status, and all that came back: headers and body."""
    lines = {"Host": HOST, "Connection": "close", **headers}
    if body:
        lines["Content-Length"] = str(len(body.encode()))
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with socket.create_connection((HOST, port), timeout=30) as connection:
        connection.sendall(f"{method} {target} HTTP/1.1\r\n{head}\r\n{body}".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert answer.startswith(TOLD)
    return int(answer.split()[1]), answer.decode("utf-8", "replace")


def sent(key: str, door: Door) -> Iterator[tuple[str, str, dict[str, str], str]]:
    """Requests with a secret at every place where a client might put one."""
    bearer, secret = {"Authorization": f"Bearer {key}"}, f"dxk_{MARK}"
    as_json, as_form = (
        {"Content-Type": "application/json"},
        {"Content-Type": "application/x-www-form-urlencoded"},
    )
    yield "GET", "/api/v1/events", {"Authorization": f"Bearer {secret}"}, ""
    yield "GET", "/api/v1/events", {"Authorization": f"Basic {secret}"}, ""
    yield "GET", "/api/v1/events", {"Cookie": f"dxflow-session={secret}; other={MARK}"}, ""
    for name in ("api_key", "key", "token", "access_token", "q", "cursor", "limit", "state"):
        yield "GET", f"/api/v1/events?{name}={secret}%00", bearer, ""
    yield "GET", f"/api/v1/events/{secret}", bearer, ""
    yield "GET", f"/{secret}", {}, ""
    yield "GET", f"/dashboard/{secret}?password={secret}", {}, ""
    yield "GET", f"/dashboard/events?token={secret}", {"Cookie": f"dxflow-session={secret}"}, ""
    yield "POST", "/dashboard/sign-in", as_form, f"email=ada%40example.com&password={secret}"
    for field in ("email", "phone", "name", "external_ids", "password"):
        body = json.dumps({field: f"{secret}\u0000", "email": f"{MARK} at example"})
        yield "POST", "/api/v1/data-subjects", {**bearer, **as_json}, body
        yield "POST", "/api/v1/data-subjects/lookup", {**bearer, **as_json}, body
    yield "POST", "/api/v1/data-subjects", {**bearer, **as_json}, f'{{"email": "{secret}'
    yield "POST", "/api/v1/events/replay", {**bearer, "Idempotency-Key": f"{secret}\t{MARK}", **as_json}, "{}"
    yield "POST", "/api/v1/events/replay", {**bearer, "Content-Type": f"text/{MARK}"}, "{}"
    yield "POST", door.path, {"X-Shopify-Hmac-Sha256": secret}, f'{{"email": "{MARK}@example.com"}}'
    yield "POST", f"{door.path}?key={secret}", {"X-Shopify-Topic": MARK}, "{}"
    yield "GET", f"/1.0/identifiers/{quote(secret)}?option={secret}", {"Accept": f"text/{MARK}"}, ""
    yield "GET", f"/api/v1/events?key={secret}" + "a" * 9000, bearer, ""
    yield "GET", "/healthz", {f"Bad Header {MARK}": secret}, ""
    yield "GET", "/healthz", {"Expect": secret}, ""
    yield f"{MARK}\x01", "/healthz", {}, ""
    yield "TRACE", "/api/v1/events", {"Authorization": f"Bearer {secret}"}, ""


def test_a_secret_is_neither_answered_nor_logged(server: Server, installation: Installation) -> None:
    door = installation.doors["shopify"]
    statuses = set()
    for method, target, headers, body in sent(installation.tenant["api_key"], door):
        status, answer = asked(server.port, method, target, headers, body)
        assert 400 <= status < 500 or status == 303, (method, target, status)
        told = answer.replace(target, "").replace(quote(target), "").replace(target.partition("?")[0], "")
        if status != 303:  # leads to the sign-in page, and back to where one wanted to go
            assert MARK not in told, (method, target, answer)
        statuses.add(status)
    assert {400, 401, 404, 414, 415, 422} <= statuses
    assert "email" not in server.log()
    for secret in (MARK, installation.tenant["api_key"], door.secret):
        assert secret not in server.log()


def test_a_key_in_an_address_is_no_key(server: Server, installation: Installation) -> None:
    key = installation.tenant["api_key"]
    known = {"Authorization": f"Bearer {key}"}
    for name in ("key", "api_key", "access_token", "token", "Authorization"):
        status, _ = asked(server.port, "GET", f"/api/v1/events?{name}={key}", {})
        assert status == 401, name
        status, _ = asked(server.port, "GET", f"/api/v1/events?{name}={key}", known)
        assert status == 422, f"{name}: an unknown parameter, so that nobody makes a habit of it"
    assert key not in server.log()


def test_what_is_no_http_is_answered_with_a_problem_that_quotes_nothing(server: Server) -> None:
    for method, target, headers, expected in (
        ("GET", f"/?{MARK}" + "a" * 9000, {}, 414),
        ("GET", "/", {"X-Long": MARK + "a" * 70_000}, 431),
        ("GET", "/", {f"Bad {MARK}": "x"}, 400),
        (f"{MARK}\x01", "/", {}, 400),
        ("GET", "/", {"Expect": MARK}, 417),
    ):
        status, answer = asked(server.port, method, target, headers)
        assert status == expected
        head, _, body = answer.partition("\r\n\r\n")
        assert "Content-Type: application/problem+json" in head
        assert json.loads(body)["status"] == expected
        assert MARK not in answer


@pytest.mark.parametrize("path", ["/healthz", "/api/v1/events", "/dashboard/sign-in", "/webhooks/shopify/x"])
def test_no_answer_names_the_servers_version(client: Client, path: str) -> None:
    assert not any(letter.isdigit() for letter in client.request("GET", path).headers.get("server", ""))
