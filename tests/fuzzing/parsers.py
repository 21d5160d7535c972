"""Every parser that bytes from outside reach, as a function of bytes, with samples of what it is meant for.

A parser's ``answers`` are the errors that its callers know; any other exception is a finding. What the whole
application answers must stay below 500.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import falcon
import falcon.testing
from web import Web

from dxflow.engine import moments
from dxflow.engine.agent import signatures
from dxflow.engine.errors import DxflowError, Invalid, LogBroken, Malformed, NotAuthentic, PermanentError
from dxflow.engine.identity import did, normalise
from dxflow.engine.ledger import note, proofs
from dxflow.engine.platforms import PLATFORMS, signing
from dxflow.engine.platforms.base import Delivery, Endpoint
from dxflow.engine.platforms.hasura import DEFAULT_TABLES
from dxflow.engine.services import pages
from dxflow.engine.services.audit import log_reads
from dxflow.http.api import reading
from dxflow.http.api.table import OPERATIONS
from dxflow.http.dashboard import forms

NOW = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
SECRET = "a secret of the platform"
TOPICS = {
    "shopify": ("customers/create", "orders/create", "customers/redact", "customers/merge"),
    "stripe": ("customer.created", "checkout.session.completed"),
    "woocommerce": ("customer.created", "order.updated"),
    "hasura": tuple(f"{table}.{change}" for table in DEFAULT_TABLES for change in ("INSERT", "DELETE")),
    "mailchimp": ("subscribe", "upemail", "profile"),
    "mandrill": ("mandrill.click", "mandrill.unsub"),
}
OPTIONS = {"tolerance": "none", "consent_meta_key": "newsletter", "consent_column": "state"}
ENDPOINT = Endpoint("c7", (SECRET,), OPTIONS)
SEAM = b"\x1f"
"""Between the parts of an input; what mutations do to it shifts the parts."""


@dataclass(frozen=True)
class Parser:
    """``read`` takes an input and may raise ``answers``."""

    read: Callable[[bytes], object]
    answers: tuple[type[Exception], ...]
    samples: tuple[bytes, ...]

    def outcome(self, given: bytes) -> str:
        """What it came to, in a word. Raises whatever is a finding."""
        try:
            found = self.read(given)
        except self.answers as error:
            status = getattr(error, "status", 0)
            if isinstance(error, falcon.HTTPError | DxflowError) and not _below_500(status, error):
                raise
            return type(error).__name__
        return found if isinstance(found, str) and found.isdigit() else type(found).__name__


def _below_500(status: object, error: Exception) -> bool:
    # Two errors never become an answer: a step that fails is kept with its event, and a log is verified by us.
    return isinstance(error, PermanentError | LogBroken) or int(str(status)[:3]) < 500


def text(raw: bytes) -> str:
    """Any bytes as a text that may hold anything a header or a JSON string can."""
    return raw.decode("utf-8", "surrogateescape")


def _parts(raw: bytes, count: int) -> list[bytes]:
    found = raw.split(SEAM, count - 1)
    return found + [b""] * (count - len(found))


def _delivery(raw: bytes) -> Delivery:
    head, query, body = _parts(raw, 3)
    lines = (line.partition(b":") for line in head.split(b"\n"))
    headers = {text(name).strip().lower(): value.decode("latin-1").strip() for name, _, value in lines}
    asked = f"?{text(query)}" if query else ""
    return Delivery("POST", f"https://a.example/webhooks{asked}", text(query), headers, body)


def _adapter(platform: str) -> dict[str, Parser]:
    adapter, topics = PLATFORMS[platform], TOPICS[platform]
    bodies = [(topic, body) for topic in topics for body in _bodies(platform, topic)]
    signed = tuple(_signed(platform, topic, body) for topic, body in bodies)

    def arrive(raw: bytes) -> object:
        delivery = _delivery(raw)
        adapter.is_probe(delivery)
        try:
            adapter.verify(delivery, ENDPOINT, NOW)
        except NotAuthentic:
            adapter.identify(delivery, ENDPOINT)
            raise
        return adapter.identify(delivery, ENDPOINT)

    def extract(raw: bytes) -> object:
        topic, body = _parts(raw, 2)
        return adapter.extract(text(topic), body, {}, ENDPOINT)

    topical = tuple(topic.encode() + SEAM + body for topic, body in bodies)
    return {
        f"{platform}: delivery": Parser(arrive, (NotAuthentic, Malformed), signed),
        f"{platform}: body": Parser(extract, (Malformed, PermanentError), topical),
    }


def _signed(platform: str, topic: str, body: bytes) -> bytes:
    headers, url = signing.signed_request(
        platform, topic, body, SECRET, url="https://a.example/webhooks", now=NOW, delivery_id="d1"
    )
    head = "\n".join(f"{name}: {value}" for name, value in headers.items())
    return head.encode() + SEAM + url.partition("?")[2].encode() + SEAM + body


PERSON = {
    "id": 7064055,
    "email": "ada@example.com",
    "phone": "+493023125112",
    "first_name": "Ada",
    "updated_at": "2026-01-01T00:00:00Z",
    "email_marketing_consent": {"state": "subscribed", "consent_updated_at": "2026-01-01T00:00:00.5+02:00"},
    "default_address": {"city": "Paris", "zip": "75001"},
    "billing": {"phone": "1", "first_name": "A"},
    "meta_data": [{"key": "newsletter", "value": "yes"}],
    "date_modified_gmt": "2026-01-01T00:00:00",
}
ROW = {
    **PERSON,
    "id": "919108f7-52d1-4320-9bac-f847db4148a8",
    "subject_id": "0d5e3a0b-4f5c-4c3e-9d3e-2f6f0f1a7b11",
    "state": "yes",
    "type": "erasure",
    "legal_basis": "consent",
    "fields": ["email"],
    "role": "viewer",
    "created_at": "2026-01-01T00:00:00Z",
}
BODIES: tuple[dict[str, object], ...] = (
    PERSON,
    {"id": 1, "customer": PERSON, "line_items": [{"name": "x"}], "orders_to_redact": [1, 2]},
    {"id": 1, "order_key": "wc_1", "billing": PERSON, "date_modified_gmt": "2026-01-01T00:00:00"},
)


def _bodies(platform: str, topic: str) -> list[bytes]:
    """What the platform sends on a topic."""
    match platform:
        case "mailchimp":
            return [FORMS[0].replace(b"type=subscribe", f"type={topic}".encode())]
        case "mandrill":
            return [FORMS[1]]
        case "hasura":
            table, _, change = topic.partition(".")
            event = {"op": change, "data": {"old": ROW if change == "DELETE" else None, "new": ROW}}
            named = {"schema": "public", "name": table}
            row = {"id": "e", "created_at": "2026-01-01T00:00:00Z", "table": named, "event": event}
            return [json.dumps({**row, "trigger": {"name": "t"}}).encode()]
        case "stripe":
            kind = topic.rpartition(".")[0]
            thing = {**PERSON, "object": kind, "customer": "cus_1", "customer_details": {"email": "a@b.c"}}
            data = {"object": {**thing, "consent": {"promotions": "opt_in"}}}
            event = {"id": "evt_1", "object": "event", "type": topic, "created": 1790000000, "data": data}
            return [json.dumps(event).encode()]
        case _:
            return [json.dumps(one).encode() for one in BODIES]


FORMS = (
    b"type=subscribe&fired_at=2026-01-01+00%3A00%3A00&data%5Bid%5D=a&data%5Bemail%5D=a%40b.example"
    b"&data%5Bmerges%5D%5BFNAME%5D=Ada&data%5Blist_id%5D=l",
    b"mandrill_events=%5B%7B%22event%22%3A%22click%22%2C%22msg%22%3A%7B%22email%22%3A%22a%40b.example%22%7D%7D"
    b"%5D",
)


def _body(raw: bytes) -> object:
    number, document = _parts(raw, 2)
    operation = OPERATIONS[sum(number) % len(OPERATIONS)]
    return reading.validated(operation.body, reading.parse(document))


def _query(raw: bytes) -> object:
    number, query = _parts(raw, 2)
    operation = OPERATIONS[sum(number) % len(OPERATIONS)]
    environ = falcon.testing.create_environ() | {"QUERY_STRING": query.decode("latin-1")}
    return reading.query(falcon.Request(environ), operation.query)


def _form(raw: bytes) -> object:
    environ = falcon.testing.create_environ(method="POST", body=raw)
    return forms.read(falcon.Request(environ))


def _cursor(raw: bytes) -> object:
    read: Callable[[str, str], object] = pages.read_number if len(raw) % 2 else pages.read_place
    return read("events", text(raw))


def _agent(raw: bytes) -> object:
    headers, _, body = _parts(raw, 3)
    return signatures.verify("POST", "/v1/batches", _delivery(raw).headers, headers + body, NOW.timestamp())


def _normalised(raw: bytes) -> object:
    value, region = (text(part) for part in _parts(raw, 2))
    normalise.email(value)
    normalise.external_id(region, value)
    return normalise.phone(value, region or None)


def _checkpoint(raw: bytes) -> object:
    return note.open_checkpoint(text(raw), VERIFIERS)


KEY = note.SigningKey.from_seed(b"s" * 32, "dxflow.example/log")
VERIFIERS = [note.Verifier.from_vkey(KEY.vkey)]
CHECKPOINT = KEY.sign_note(note.checkpoint_text("dxflow.example/log", 3, b"r" * 32))
PROOF = proofs.Proof(b'{"kind":"x"}', 1, (b"h" * 32, b"i" * 32), CHECKPOINT).text()


def parsers(web: Web) -> Mapping[str, Parser]:
    """All of them; ``web`` is the application they end in."""
    numbers = [bytes([number]) for number in range(len(OPERATIONS))]
    asked = [json.dumps(one).encode() for one in (*API_BODIES, *BODIES[:1])]
    found: dict[str, Parser] = {}
    for platform in sorted(PLATFORMS):
        found |= _adapter(platform)
    ours, get = (DxflowError, falcon.HTTPError), SAMPLES
    bodies = tuple(one + SEAM + body for one in numbers for body in asked)
    queries = tuple(one + SEAM + query for one in numbers for query in QUERIES)
    found |= {
        "API: body": Parser(_body, ours, bodies),
        "API: query": Parser(_query, ours, queries),
        "API: cursor": Parser(_cursor, (Invalid,), get["cursor"]),
        "dashboard: form": Parser(_form, ours, get["form"]),
        "dashboard: next": Parser(lambda raw: web.safe_next(text(raw)), (), web.PLACES),
        "DID": Parser(lambda raw: did.parse(text(raw)), (Invalid,), get["did"]),
        "UUID": Parser(lambda raw: did.require_v4(text(raw)), (Invalid,), get["uuid"]),
        "time": Parser(lambda raw: moments.from_text(text(raw)), (ValueError, OverflowError), get["time"]),
        "identifiers": Parser(_normalised, (), get["identifier"]),
        "log: checkpoint": Parser(_checkpoint, (LogBroken,), (CHECKPOINT.encode(),)),
        "log: key": Parser(lambda raw: note.Verifier.from_vkey(text(raw)), (Invalid,), (KEY.vkey.encode(),)),
        "log: proof": Parser(lambda raw: proofs.parse(text(raw)), (LogBroken,), (PROOF.encode(),)),
        "log: tile": Parser(lambda raw: log_reads.parse(text(raw)), (), get["tile"]),
        "dx-agent: signature": Parser(_agent, (NotAuthentic,), AGENT),
        "application": Parser(web.answer, (), web.samples()),
    }
    return found


API_BODIES = (
    {"email": "ada@example.com", "phone": "+493023125112", "name": "Ada", "external_ids": {"crm": 42}},
    {"activity_type": "order", "legal_basis": "contract", "purpose": "p", "fields": ["email"],
     "occurred_at": "2026-01-01T00:00:00.123Z", "subject_id": "919108f7-52d1-4320-9bac-f847db4148a8"},
    {"type": "access", "subject": {"email": "ada@example.com"}, "jurisdiction": "DE-BY", "details": "x",
     "received_at": "2026-01-01T00:00:00+01:00"},
    {"state": "failed", "error": "x", "since": "2026-01-01T00:00:00Z", "ids": []},
    {"external_id": {"crm": "42"}},
    {"reason": "x"},
)  # fmt: skip
QUERIES = (
    b"limit=10&cursor=hiQXAAAAAAAAAAAF&state=failed&source=shopify&q=x",
    b"index=1&size=3",
    b"from=1&to=2",
    b"subject_id=919108f7-52d1-4320-9bac-f847db4148a8&unread=true",
    b"id=did%3Adep%3Aabc",
)
SAMPLES: Mapping[str, tuple[bytes, ...]] = {
    "cursor": (b"hiQXAAAAAAAAAAAF", b"hiQX" + b"_" * 12, b"hiQX" + b"A" * 32, b"hiQX" + b"_" * 32),
    "form": (*FORMS, b"email=a%40b.example&password=x&next=%2Fdashboard%2F"),
    "did": (b"did:dep:" + b"0f" * 32, b"did:web:a.example"),
    "uuid": (b"919108f7-52d1-4320-9bac-f847db4148a8",),
    "time": (b"2026-01-01T00:00:00.123456789+14:00", b"2026-W01-1", b"0001-01-01T00:00:00+23:59"),
    "identifier": (
        b"Ada+x@EXAMPLE.com" + SEAM + b"DE",
        "ä@bücher.example".encode() + SEAM + b"",
        b"030 23125112 ext. 7" + SEAM + b"DE",
        b"tel:+1-201-555-0123;ext=5" + SEAM + b"US",
    ),
    "tile": (b"tile/0/x001/234.p/5", b"tile/entries/000"),
}
AGENT = (
    b"signature-input: sig=(\"@method\" \"@path\" \"content-digest\");created=1795449600;nonce=\"n\";"
    b"keyid=\"" + b"0" * 64 + b"\";alg=\"ed25519\"\nsignature: sig=:AAAA:\ncontent-digest: sha-256=:AAAA:"
    + SEAM + SEAM + b"{}",
)  # fmt: skip
