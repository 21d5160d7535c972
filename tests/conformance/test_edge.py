"""The running server against signatures and bodies that nobody of this project made.

They live beside the repository, in ``../shared``; where that isn't there, these tests skip.

Stripe's cases fix the time at which they are judged, and a server's clock can't be set. Where time isn't what a
case is about, its request is sent byte for byte to a connector whose time check is off, so that the signature
alone decides; the valid ones are then signed afresh with the same secret and body for one whose check is on.
Where time is the point (those are stale, and stay so), the request is sent as it is, check on. Mandrill's cases
name the address that was signed: it becomes the connector's option ``address``. An empty secret, which no
connector can have, is replaced by another one: those cases are malformed under any.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus, urlencode, urlsplit
from uuid import uuid4

import pytest
from books import Books
from server import Installation, Server, ask, installed
from wire import Answer, Client, Door

SHARED = Path(__file__).parents[3] / "shared"
VECTORS = SHARED / "vectors" / "webhook_signatures.json"
SAMPLES = SHARED / "samples" / "webhooks"
OURS = ("shopify", "stripe", "mailchimp", "mandrill", "woocommerce", "hasura")

pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason=f"no foreign vectors at {SHARED}")

Case = Mapping[str, Any]


def cases(platform: str = "") -> list[Any]:
    found = json.loads(VECTORS.read_text()) if VECTORS.exists() else []
    wanted = [case for case in found if case["platform"] in ([platform] if platform else OURS)]
    return [pytest.param(case, id=f"{case['platform']}-{case['name']}") for case in wanted]


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return installed().copy(tmp_path_factory.mktemp("conformance") / "data")


@pytest.fixture(scope="module")
def server(installation: Installation) -> Iterator[Server]:
    running = Server(installation.directory)
    try:
        yield running.start().ready()
    finally:
        running.close()


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    opened = Client(server.port)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def books(installation: Installation) -> Books:
    return Books(installation.directory)


@pytest.fixture(scope="module")
def door_for(installation: Installation) -> Callable[..., Door]:
    """Makes connectors through the command line, one per platform, secrets and options."""
    made: dict[object, Door] = {}

    def door(platform: str, secrets: tuple[str, ...], **options: str) -> Door:
        name = (platform, secrets, *options.items())
        if name not in made:
            words = ["connector", "add", "--tenant", installation.tenant["did"], "--platform", platform]
            words += [word for secret in secrets for word in ("--secret", secret)]
            words += [word for option, value in options.items() for word in ("--option", f"{option}={value}")]
            row = ask(installation.directory, *words)
            made[name] = Door(platform, row["id"], urlsplit(row["url"]).path, secrets[0])
        return made[name]

    return door


def secrets_of(case: Case) -> tuple[str, ...]:
    given = case["secret"] if isinstance(case["secret"], list) else [case["secret"]]
    return tuple(secret or "no secret was given" for secret in given)


def is_about_time(case: Case) -> bool:
    """Whether a Stripe case is refused for its time."""
    signed_at = re.search(r"t=(\d+)", case["headers"].get("Stripe-Signature", ""))
    stale = signed_at and abs(case["now"] - int(signed_at[1])) > (case.get("tolerance") or 10**12)
    return bool(stale) and not case["valid"]


def options_of(case: Case) -> dict[str, str]:
    if case["platform"] == "stripe":
        return {"tolerance": str(case["tolerance"]) if is_about_time(case) else "none"}
    if case["platform"] == "mandrill":
        return {"address": case["url"]}
    return {"secret_header": case["secret_header"]} if "secret_header" in case else {}


def send(client: Client, door: Door, case: Case) -> Answer:
    """Send the case's own bytes and headers; of its address only the query."""
    query = urlsplit(case.get("url", "")).query if case["platform"] == "mailchimp" else ""
    path = f"{door.path}?{query}" if query else door.path
    return client.request(
        case.get("method", "POST"), path, base64.b64decode(case["raw_body"]), case["headers"]
    )


@pytest.mark.parametrize("case", cases())
def test_each_foreign_signature_is_answered_as_its_source_judges_it(client, door_for, case):
    answer = send(client, door_for(case["platform"], secrets_of(case), **options_of(case)), case)
    match case.get("then"):
        case "answer_200_no_effect":
            assert answer.status == 200
            assert answer.body == b"" or answer.document == {"status": "ignored"}
        case "reject_thin_event":
            assert answer.status == 400
        case _:
            assert answer.status == (200 if case["valid"] else 401), answer.body


@pytest.mark.parametrize("case", [one for one in cases("stripe") if one.values[0]["valid"]])
def test_each_valid_stripe_body_signed_afresh_passes_the_time_check(client, door_for, case):
    door = door_for("stripe", secrets_of(case))
    body = base64.b64decode(case["raw_body"])
    headers, path = client.signed(door, "", body)
    headers["Stripe-Signature"] += ",v1=bad_signature" if "bad_signature" in str(case["headers"]) else ""
    answer = client.request("POST", path, body, headers)
    assert answer.status == (400 if case.get("then") == "reject_thin_event" else 200), answer.body


def test_a_real_mandrill_capture_of_2013_is_taken(client, door_for):
    """Key, address and signature: evendis/mandrill-rails, click_with_signature.json."""
    body = (SAMPLES / "mandrill" / "click__real_capture.form").read_bytes()
    address = "http://requestb.in/q9a918q9"
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "X-Mandrill-Signature": "7rUa4lNJitlb178MgGOcHO6T4Bg=",
    }
    for platform in ("mandrill", "mailchimp"):
        door = door_for(platform, ("ntynTMaFpM_octE5R1DKAw",), address=address)
        answer = client.request("POST", door.path, body, headers)
        assert (answer.status, answer.document["status"]) == (200, "ignored")


SHOPIFY_TOPICS = {
    "customers_email_marketing_consent_update": "customers_email_marketing_consent/update",
    "customers_marketing_consent_update": "customers_marketing_consent/update",
    "customers_data_request": "customers/data_request",
    "products_update": "products/update",
    "resource_customer": "customers/create",
    "resource_order": "orders/create",
}
NOT_WEBHOOKS = {
    "shopify/resource_customer__shopify_python_api_fixture.json": "shape",
    "shopify/resource_order__shopify_python_api_fixture.json": "shape",
    "woocommerce/resource_webhook.created.json": "not a customer",
    "woocommerce/resource_webhook.retrieve.json": "not a customer",
    "woocommerce/resource_webhook.updated.json": "not a customer",
}
"""Bodies that no platform delivers under the topic they are sent with: file → a word of the reason given."""
NO_EVENTS = re.compile(r"stripe/(cli_trigger|resource_(?!event)|v2_thin)")
"""Authentic bodies that aren't Stripe events at all: 400."""


def wire_body(path: Path) -> bytes:
    """The bytes as the platform would send them; some samples are printed as documentation shows them."""
    if path.suffix == ".json" and path.parent.name == "mailchimp":
        return urlencode(json.loads(path.read_text())).encode()
    if path.suffix == ".json" and path.parent.name == "mandrill":
        return b"mandrill_events=" + quote_plus(json.dumps(json.loads(path.read_text()))).encode()
    return path.read_bytes().rstrip(b"\n") if path.suffix == ".form" else path.read_bytes()


def topic_of(path: Path) -> str:
    stem = path.stem.partition("__")[0]
    if path.parent.name == "shopify":
        return SHOPIFY_TOPICS.get(stem) or stem.replace("_", "/", 1)
    return "customer.created" if stem.startswith("resource_webhook") else stem


def sample_files() -> list[Path]:
    kinds = (".json", ".form")
    return sorted(path for path in SAMPLES.glob("*/*") if path.suffix in kinds) if SAMPLES.exists() else []


@pytest.fixture(scope="module")
def answers(client, installation, books) -> dict[Path, Answer]:
    """Every sample, delivered and given the time it takes."""
    found = {}
    for path in sample_files():
        door = installation.doors[path.parent.name]
        if path.name == "ping.form":  # the one request that WooCommerce doesn't sign
            found[path] = client.request("POST", door.path, wire_body(path))
        else:
            found[path] = client.deliver(door, topic_of(path), wire_body(path), uuid4().hex)
    books.wait_until_quiet()
    return found


@pytest.mark.parametrize(
    "path", [pytest.param(path, id=f"{path.parent.name}/{path.name}") for path in sample_files()]
)
def test_each_foreign_body_is_taken_and_processed(answers, books, path):
    name, answer = f"{path.parent.name}/{path.name}", answers[path]
    if NO_EVENTS.match(name):
        assert answer.status == 400
        return
    assert answer.status == 200, answer.body
    assert answer.document["status"] in ("accepted", "ignored", "duplicate")
    if path.name == "ping.form":
        assert answer.document == {"status": "ignored"}
        return
    event_id = answer.document["event_id"]
    ((state, error),) = books.rows("SELECT state, error FROM events WHERE id = ?", event_id)
    if name in NOT_WEBHOOKS:
        assert state == "failed"
        assert NOT_WEBHOOKS[name] in error
    else:
        assert (state, error) == ("done", None)


def test_what_the_samples_led_to_is_registered_and_the_log_holds(answers, books, installation, server):
    accepted = [one for one in answers.values() if one.status == 200 and one.document["status"] == "accepted"]
    done = books.number("SELECT count(*) FROM events WHERE workflow = 'webhook' AND step = 'done'")
    assert len(accepted) > 30
    assert done >= len(accepted) - len(NOT_WEBHOOKS)
    states = books.rows("SELECT DISTINCT registration_state FROM data_processing_activities")
    assert states == [("registered",)]
    assert books.number("SELECT count(*) FROM rights_requests") > 0
    installation.verify_log()
