"""Whatever comes in, the answer names the fault, and is never a 5xx."""

from __future__ import annotations

import json
import socket
from urllib.parse import urlsplit

import pytest
from callers import Caller
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxflow.http.api.table import OPERATIONS
from dxflow.http.api.values import Nothing

PEOPLE = "/api/v1/data-subjects"
JSON = {"Content-Type": "application/json"}
NOBODY = "00000000-0000-4000-8000-000000000000"
BODIES = [one.path.replace("{id}", NOBODY) for one in OPERATIONS if one.body is not Nothing]
LEFT_OUT = {"replay": 200, "rights-desk": 200, "discard": 404, "checks": 404, "fulfil": 404}
"""What is answered without a body where it may be left out. Without conditions a replay means all, and nothing
changes of a desk; a discard needs no reason (but an event), a check no purpose, a limit no purposes."""
QUERIES = [one.path for one in OPERATIONS if one.method == "GET" and not one.parameters]
PARAMETERS = [
    "limit",
    "cursor",
    "state",
    "source",
    "q",
    "subject_id",
    "unread",
    "index",
    "size",
    "from",
    "to",
]


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"{'email': 1}",
        b'{"email": NaN}',
        b'{"email": Infinity}',
        b'{"email": "a", "email": "b"}',
        b'{"email": "\xff"}',
        b'\xef\xbb\xbf{"email": "a@example.com"}',
        b'{"email": "a@example.com"} x',
        b'{"email": ' + b"9" * 5000 + b"}",
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
        '{"email": "ada@example.com"}'.encode("utf-16"),
        b" ",
    ],
    ids=lambda raw: repr(raw[:20]),
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_not_json_is_400_and_not_quoted(api: Caller, raw: bytes) -> None:
    answer = api.send("POST", PEOPLE, data=raw, headers=JSON)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert "example.com" not in answer.text


@pytest.mark.parametrize("raw", [b"[]", b"null", b"1", b'"text"', b"true"])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_body_that_is_no_object_is_refused(api: Caller, raw: bytes) -> None:
    for path in BODIES:
        answer = api.send("POST", path, data=raw, headers=JSON)
        assert answer.status_code == 422, path
        assert answer.json()["errors"][0]["field"] == "body"


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_body_that_is_missing_is_400(api: Caller) -> None:
    for path in BODIES:
        expected = LEFT_OUT.get(path.rpartition("/")[2], 400)
        assert api.send("POST", path, headers=JSON).status_code == expected, path
        assert api.send("POST", path).status_code == expected, path


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
        "",
        "application/json; charset=utf-16",
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_another_media_type_is_415(api: Caller, content_type: str) -> None:
    body = b'{"email": "ada@example.com"}'
    assert api.send("POST", PEOPLE, data=body, headers={"Content-Type": content_type}).status_code == 415
    allowed = {"Content-Type": "Application/JSON; charset=UTF-8"}
    assert api.send("POST", PEOPLE, data=body, headers=allowed).status_code == 201


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_body_that_is_too_large_is_413(api: Caller) -> None:
    assert api.post(PEOPLE, {"name": "x" * 100_001}).status_code == 413


@pytest.mark.parametrize(
    "text", ["\0", "a\0@example.com", "a\ud800@example.com", "\x1b[2J", "x" * 201, "\x7f", "a\nb@example.com"]
)
def test_text_that_no_database_or_terminal_should_see_is_refused(api: Caller, text: str) -> None:
    bodies = {
        PEOPLE: [{"email": text}, {"name": text, "email": "a@example.com"}, {"external_ids": {text: "1"}},
                 {"external_ids": {"crm": text}}],
        f"{PEOPLE}/lookup": [{"email": text}, {"external_id": text}, {"external_id": {text: "1"}}],
        "/api/v1/processing-activities": [
            {"activity_type": text, "legal_basis": "consent", "purpose": "p"},
            {"activity_type": "a", "legal_basis": "consent", "purpose": "p", "fields": [text]},
        ],
        "/api/v1/rights-requests": [
            {"type": "access", "subject": {"name": text}},
            {"type": "access", "subject": {"name": "Ada"}, "jurisdiction": text},
        ],
        "/api/v1/events/replay": [{"error": text}],
    }  # fmt: skip
    for path, tried in bodies.items():
        for body in tried:
            answer = api.send("POST", path, data=json.dumps(body), headers=JSON)
            assert answer.status_code == 422, (path, body)
    for path in ("/api/v1/events?q=", "/api/v1/events?source="):
        assert api.get(path + "%00").status_code == 422


def test_text_in_any_script_is_kept_as_it_is(api: Caller) -> None:
    name = "Адa 🦉 Ἄδα \u202eنور"
    made = api.post(PEOPLE, {"email": "ada@example.com", "name": name}).json()
    assert api.get(f"{PEOPLE}/{made['id']}").json()["profile"]["name"] == name
    asked = {"type": "access", "subject": {"name": name}, "details": f"{name}\n\t{name}"}
    request = api.post("/api/v1/rights-requests", asked).json()
    assert api.get(f"/api/v1/rights-requests/{request['id']}").json()["details"] == asked["details"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(
    ["email", "phone", "name", "external_ids", "external_id", "type", "subject", "jurisdiction", "received_at",
     "details", "activity_type", "legal_basis", "purpose", "fields", "occurred_at", "subject_id", "reason",
     "error", "since", "ids", "state"]
)  # fmt: skip


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.sampled_from(BODIES), body=st.dictionaries(names, json_values, max_size=4))
def test_no_body_whatever_is_a_5xx(api: Caller, path: str, body: dict[str, object]) -> None:
    raw = json.dumps(body).encode()
    answer = api.send("POST", path, data=raw, headers=JSON)
    assert 200 <= answer.status_code < 500


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from(QUERIES),
    query=st.dictionaries(
        st.sampled_from(PARAMETERS),
        st.text(st.characters(codec="utf-8"), max_size=30) | st.integers().map(str),
        max_size=3,
    ),
)
def test_no_query_whatever_is_a_5xx(api: Caller, path: str, query: dict[str, str]) -> None:
    assert 200 <= api.get(path, params=query).status_code < 500


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "headers",
    [
        "",
        "Content-Length: -1",
        "Content-Length: x",
        "Content-Length: 0",
        "Content-Length: 99\r\nX-Request-Id: \xff",
    ],
)
def test_a_post_with_an_odd_length_is_answered(api: Caller, headers: str) -> None:
    address = urlsplit(api.base)
    assert address.hostname
    assert address.port
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        lines = [f"POST {PEOPLE} HTTP/1.1", "Host: x", f"Authorization: Bearer {api.key}", headers, "", ""]
        connection.sendall(
            "\r\n".join(line for line in lines if line or line is lines[-1]).encode("latin-1") + b"\r\n\r\n"
        )
        connection.shutdown(socket.SHUT_WR)
        answer = connection.recv(1000)
    assert answer.split()[1] == b"400", answer
