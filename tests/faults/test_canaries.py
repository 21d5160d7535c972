"""Personal data and secrets, sent in through every door, are looked for in every place that lasts: the files of
the data directory, every command that reaches Redis, and every line of the process's log at debug level."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
import redis
from canaries import CANARIES, finds, finds_in_files, spellings
from server import HOST, SECRETS, Client, send_raw

pytestmark = pytest.mark.fault

EMAIL, NAME, PHONE = CANARIES["email"], CANARIES["name"], CANARIES["phone"]
FIRST, LAST = NAME.split()
ADDRESS = {"address1": CANARIES["street"], "city": "Ulm", "phone": CANARIES["phone as typed"]}
CUSTOMER = {
    "id": int(CANARIES["customer id"]),
    "admin_graphql_api_id": f"gid://shopify/Customer/{CANARIES['customer id']}",
    "email": EMAIL,
    "phone": PHONE,
    "first_name": FIRST,
    "last_name": LAST,
    "note": CANARIES["free text"],
    "state": "enabled",
    "verified_email": True,
    "addresses": [ADDRESS],
    "default_address": ADDRESS,
    "updated_at": "2026-03-01T10:00:00Z",
}


def as_json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def stripe(number: int, topic: str, **content: object) -> tuple[str, str, bytes]:
    event = {"id": f"evt_c{number}", "object": "event", "type": topic, "created": 1_772_000_000}
    return "stripe", topic, as_json({**event, "data": {"object": content}})


def hasura(number: int, table: str, **row: object) -> tuple[str, str, bytes]:
    payload = {
        "id": f"85558393-c75d-4d2f-9c15-e80591b8389{number}",
        "created_at": "2026-03-01T10:00:00.12345Z",
        "trigger": {"name": "t"},
        "table": {"schema": "public", "name": table},
        "event": {"op": "INSERT", "session_variables": None, "data": {"old": None, "new": row}},
    }
    return "hasura", f"{table}.INSERT", as_json(payload)


GOOD = [
    ("shopify", "customers/create", as_json(CUSTOMER)),
    (
        "shopify",
        "orders/create",
        as_json(
            {
                "id": 820982911946154508,
                "email": EMAIL,
                "contact_email": EMAIL,
                "phone": PHONE,
                "note": CANARIES["note"],
                "browser_ip": CANARIES["address"],
                "client_details": {"browser_ip": CANARIES["address"]},
                "updated_at": "2026-03-01T10:00:00Z",
                "customer": CUSTOMER,
                "shipping_address": {**ADDRESS, "name": NAME},
            }
        ),
    ),
    (
        "shopify",
        "customers_email_marketing_consent/update",
        as_json(
            {
                "customer_id": CUSTOMER["id"],
                "email_address": EMAIL,
                "email_marketing_consent": {
                    "state": "subscribed",
                    "opt_in_level": "single_opt_in",
                    "consent_updated_at": "2026-03-01T10:00:00Z",
                },
            }
        ),
    ),
    (
        "shopify",
        "customers/data_request",
        as_json(
            {
                "shop_id": 1,
                "shop_domain": "demo.myshopify.com",
                "orders_requested": [1],
                "customer": {"id": CUSTOMER["id"], "email": EMAIL, "phone": PHONE},
                "data_request": {"id": 9},
            }
        ),
    ),
    stripe(
        1,
        "customer.created",
        id=CANARIES["stripe customer"],
        object="customer",
        email=EMAIL,
        name=NAME,
        phone=PHONE,
        description=CANARIES["free text"],
        address={"line1": CANARIES["street"]},
        created=1_772_000_000,
    ),
    stripe(
        2,
        "checkout.session.completed",
        id="cs_1",
        object="checkout.session",
        customer=CANARIES["stripe customer"],
        created=1_772_000_000,
        customer_details={"email": EMAIL, "name": NAME, "phone": PHONE},
        consent={"promotions": "opt_in", "terms_of_service": None},
    ),
    (
        "mailchimp",
        "subscribe",
        form(
            **{
                "type": "subscribe",
                "fired_at": "2026-03-01 10:00:00",
                "data[id]": "8a25ff1d98",
                "data[list_id]": "a6b5da1054",
                "data[email]": EMAIL,
                "data[merges][EMAIL]": EMAIL,
                "data[merges][FNAME]": FIRST,
                "data[merges][LNAME]": LAST,
                "data[ip_opt]": CANARIES["address"],
            }
        ),
    ),
    (
        "mailchimp",
        "upemail",
        form(
            **{
                "type": "upemail",
                "fired_at": "2026-03-01 10:00:01",
                "data[list_id]": "a6b5da1054",
                "data[new_id]": "51da8c3259",
                "data[new_email]": EMAIL,
                "data[old_email]": CANARIES["old email"],
            }
        ),
    ),
    (
        "mandrill",
        "batch",
        form(mandrill_events=json.dumps([{"event": "open", "msg": {"email": EMAIL}, "ip": NAME}])),
    ),
    (
        "woocommerce",
        "order.created",
        as_json(
            {
                "id": 727,
                "customer_id": 0,
                "customer_note": CANARIES["note"],
                "customer_ip_address": CANARIES["address"],
                "date_modified_gmt": "2026-03-01T10:00:00",
                "billing": {
                    "first_name": FIRST,
                    "last_name": LAST,
                    "email": EMAIL,
                    "phone": CANARIES["phone as typed"],
                    "address_1": CANARIES["street"],
                },
            }
        ),
    ),
    hasura(
        1,
        "data_subjects",
        id="0e1d2c3b-4a59-4687-9544-33221100ffee",
        email=CANARIES["old email"],
        name=NAME,
        phone=PHONE,
    ),
    hasura(2, "users", id="1f1d2c3b-4a59-4687-9544-33221100ffee", email=CANARIES["user email"], name=NAME),
    hasura(3, "data_subjects_rights_requests", type=EMAIL, details=CANARIES["note"]),
]
"""What is taken and processed."""

POISON = [
    ("shopify", "customers/create", as_json({**CUSTOMER, "updated_at": EMAIL})),
    ("shopify", "customers/update", as_json({"email": EMAIL, "name": NAME})),
    stripe(3, "customer.updated", id=CANARIES["stripe customer"], object=EMAIL, email=EMAIL),
    ("woocommerce", "customer.created", as_json({"code": EMAIL, "message": NAME})),
]
"""What is taken and fails in its workflow, with the value itself as the fault."""


@pytest.fixture
def server(installation, make_server):
    return make_server(installation.directory, log_level="debug", log_format="json").start().ready()


@contextmanager
def commands_to_redis(data_dir: Path) -> Iterator[list[str]]:
    """Every command that reaches the embedded Valkey while the block runs."""
    commands: list[str] = []
    begun = threading.Event()
    client = redis.Redis.from_url(f"unix://{quote(str(data_dir / 'valkey' / 'valkey.sock'))}")

    def listen() -> None:
        with client.monitor() as monitor:
            begun.set()
            for command in monitor.listen():
                commands.append(str(command["command"]))
                if "that is all" in commands[-1]:
                    return

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    assert begun.wait(10)
    yield commands
    client.echo("that is all")
    thread.join(10)
    client.close()


def send_everything(server, doors) -> None:
    """All platforms' bodies, good and poisonous; then what is refused at the door."""
    client = Client(server.port)
    for number, (platform, topic, body) in enumerate(GOOD + POISON):
        answer = client.deliver(doors[platform], topic, body, f"d{number}")
        assert answer.status == 200, (platform, topic, answer.body)
        assert finds("an answer", answer.body, CANARIES) == []
    for number, (platform, topic, body) in enumerate(GOOD):
        for secret, changed, sent in (("wrong", body, body), (None, body, body + b"\x00{[")):
            headers, path = client.signed(doors[platform], topic, changed, f"r{number}", secret=secret)
            answer = client.request("POST", path, sent, headers)
            assert answer.status in (200, 400, 401), (platform, topic, answer.status)
            assert finds("an answer", answer.body, CANARIES | SECRETS) == []
    client.close()


def send_nonsense(server, doors) -> None:
    """Requests that no platform makes, with the secret of the address and a person in each part of them."""
    path = f"{doors['mailchimp'].path}?key={SECRETS['mailchimp']}&email={EMAIL}"
    host = f"Host: {HOST}\r\n"
    for request in (
        f"POST {path} HTTP/9.9\r\n{host}\r\n",
        f"POST {path} NONSENSE\r\n{host}\r\n",
        f"P\x01ST {path} HTTP/1.1\r\n{host}\r\n",
        f"POST {path} HTTP/1.1\r\n{host}Content-Length: {EMAIL}\r\n\r\n",
        f"POST {path} HTTP/1.1\r\n{host}{EMAIL}: {PHONE}\r\n\r\n",
        f"POST {path} HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n{EMAIL}\r\n",
        f"PATCH {path} HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n",
        f"POST /webhooks/nobody/{EMAIL}?key={SECRETS['mailchimp']} HTTP/1.1\r\n{host}Content-Length: 0\r\n\r\n",
        f"GET /{EMAIL}?key={SECRETS['mailchimp']} HTTP/1.1\r\n{host}\r\n",
    ):
        assert send_raw(server.port, request.encode("latin-1")) != 500, request


def test_no_personal_data_and_no_secret_lies_anywhere_in_the_clear(server, installation, books):
    with commands_to_redis(installation.directory) as commands:
        send_everything(server, installation.doors)
        send_nonsense(server, installation.doors)
        books.wait_until_quiet()
    assert books.number("SELECT count(*) FROM events WHERE state = 'failed'") == len(POISON)
    assert books.number("SELECT count(*) FROM data_subjects WHERE profile_sealed IS NOT NULL") > 0
    hidden = CANARIES | SECRETS | {"API key": installation.tenant["api_key"]}
    assert finds_in_files(installation.directory, hidden) == []
    assert server.stop() == 0
    assert finds_in_files(installation.directory, hidden) == []
    assert finds("the log", server.log().encode(), hidden) == []
    assert any(installation.tenant["did"] in command for command in commands)
    assert finds("Redis", "\n".join(commands).encode(), hidden) == []


@pytest.mark.parametrize("spelling", list(spellings(EMAIL)))
def test_the_search_finds_a_value_in_each_spelling_wherever_it_stands(tmp_path, spelling):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "file").write_bytes(b"\x00before" + spellings(EMAIL)[spelling] + b"after\xff")
    assert finds_in_files(tmp_path, {"email": EMAIL})


@pytest.mark.parametrize("before", [b"", b"{", b'{"e":"', b"ab"])
def test_the_search_finds_a_value_inside_any_base64_text(before):
    text = base64.b64encode(before + NAME.encode() + b'", and more')
    assert finds("a text", text, {"name": NAME})
