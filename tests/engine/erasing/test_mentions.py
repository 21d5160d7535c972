"""Whether a body names a person: however they are spelled, and nobody who is only called alike."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from dxflow.engine.erasing.mentions import Identifiers

ZOE = Identifiers(
    emails=frozenset({"zoë.quill@Plovernest.example"}),
    phones=frozenset({"+4915112349876"}),
    ids=frozenset({("shopify", "706405506930379913"), ("woocommerce:shop.example", "42")}),
)


def _named(body: object, source: str = "shopify", topic: str = "products/update") -> bool:
    return ZOE.named_in(json.dumps(body).encode(), source, topic)


@pytest.mark.parametrize(
    "typed",
    [
        "+4915112349876",
        "004915112349876",
        "011 49 151 12349876",
        "4915112349876",
        "0151 1234 9876",
        "0151/1234-9876",
        "+49 (0)151 1234 9876",
        "(0151) 12349876",
        "call 3 times: 0151 12349876, after five",
    ],
)
def test_a_number_is_found_however_it_is_dialled(typed: str) -> None:
    assert _named({"note": typed})
    assert ZOE.named_in(urlencode({"data[merges][PHONE]": typed}).encode(), "mailchimp", "profile")


@pytest.mark.parametrize("typed", ["0151 1234 9877", "0151 1234 98765", "90151 1234 9876", "151\n12349876"])
def test_another_number_is_not(typed: str) -> None:
    assert not _named({"note": typed})


@pytest.mark.parametrize(
    "said",
    [
        "zoë.quill@plovernest.example",
        "ZOË.QUILL@PLOVERNEST.EXAMPLE",
        "Zoe\u0308 <zoe\u0308.quill@plovernest.example>",
        "write to zoë.quill@plovernest.example.",
    ],
)
def test_an_address_is_found_whatever_stands_around_it(said: str) -> None:
    assert _named({"deep": [{"note": said}]})
    assert ZOE.named_in(json.dumps({"note": said}, ensure_ascii=False).encode(), "hasura", "notes.INSERT")
    events = [{"event": "open", "msg": {"email": said}}]
    assert ZOE.named_in(
        urlencode({"mandrill_events": json.dumps(events)}).encode(), "mailchimp", "mandrill.open"
    )


@pytest.mark.parametrize(
    "said",
    [
        "an.zoë.quill@plovernest.example",
        "zoë.quill@plovernest.example.org",
        "zoë.quill@plovernest.examples",
        "zoë.quill at plovernest",
    ],
)
def test_an_address_of_somebody_else_is_not(said: str) -> None:
    assert not _named({"note": said})


def test_a_domain_is_found_as_dns_spells_it() -> None:
    known = Identifiers(frozenset({"ada@büro.example"}), frozenset(), frozenset())
    assert known.named_in(b'{"email": "ada@xn--bro-hoa.example"}', "stripe")


def test_a_long_id_is_found_by_itself_as_number_text_and_address() -> None:
    for value in (706405506930379913, "706405506930379913", "gid://shopify/Customer/706405506930379913"):
        assert _named({"any": {"thing": value}})
    assert not _named({"any": "7064055069303799131"})
    assert not _named({"any": "706405506930379913"}, source="stripe"), "ids belong to one source"


@pytest.mark.parametrize(
    ("body", "topic", "named"),
    [
        ({"customer_id": 42}, "order.created", True),
        ({"order": {"customer": {"id": "42"}}}, "order.created", True),
        ({"id": 42}, "customer.updated", True),
        ({"id": 42, "customer_id": 7}, "order.created", False),
        ({"line_items": [{"quantity": 42, "product_id": 42}]}, "order.created", False),
    ],
)
def test_a_short_id_counts_only_where_a_customer_s_id_stands(body: object, topic: str, named: bool) -> None:
    assert _named(body, "woocommerce", topic) is named


@pytest.mark.parametrize(
    "body", [b"", b"\xff\xfe\x00", b"[" * 100_000, b"null", b'{"a": NaN}', b"&" * 20_000]
)
def test_no_body_is_too_strange(body: bytes) -> None:
    assert not ZOE.named_in(body, "shopify")
