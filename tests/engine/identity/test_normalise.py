"""Which spellings of an identifier are one, and which never are."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dxflow.engine.identity.normalise import NORMALISATION_VERSION, email, external_id, phone

any_text = st.text(alphabet=st.characters())  # lone surrogates and controls included
addresses = st.builds(
    "{}@{}.{}".format,
    st.text(st.characters(categories=("L", "N", "M")), min_size=1, max_size=12),
    st.text(st.characters(categories=("L", "N")), min_size=1, max_size=12),
    st.sampled_from(["com", "DE", "example", "рф", "test"]),
)


def test_the_rules_are_version_1() -> None:
    assert NORMALISATION_VERSION == 1


@pytest.mark.parametrize(
    ("spelling", "normalised"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada.Lovelace@EXAMPLE.com\n", "ada.lovelace@example.com"),
        ("ada+shop@example.com", "ada+shop@example.com"),
        ("a.d.a@gmail.com", "a.d.a@gmail.com"),
        ("ADA@EXÄMPLE.com", "ada@exämple.com"),
        ("ada@xn--exmple-cua.com", "ada@exämple.com"),
        ("ada@exa\u0308mple.com", "ada@exämple.com"),
        ("JOSE\u0301@example.com", "josé@example.com"),
        ("ada@shop.test", "ada@shop.test"),
    ],
)
def test_an_address_has_one_spelling(spelling: str, normalised: str) -> None:
    assert email(spelling) == normalised


@pytest.mark.parametrize(
    "text",
    ["", " ", "ada", "@example.com", "ada@", "ada@b", "a b@example.com", "Ada <ada@example.com>", "a@@b.com"],
)
def test_what_is_no_address_gives_no_link(text: str) -> None:
    assert email(text) is None


@given(addresses)
@example("İ@example.com")
@example("ΑΣ@example.com")
def test_normalising_an_address_twice_changes_nothing(address: str) -> None:
    once = email(address)
    if once is not None:
        assert email(once) == once


@given(st.from_regex(r"[a-zA-Z0-9]{1,12}@[a-zA-Z]{1,12}\.(com|ORG)", fullmatch=True))
def test_case_and_surrounding_space_never_tell_people_apart(address: str) -> None:
    assert email(address) is not None
    assert email(address) == email(address.upper()) == email(f"\t{address.lower()} ")


@given(any_text | addresses)
@example("\ud800@example.com")
@example("a@" + "ü" * 300 + ".com")
@example("a@xn--.com")
@example("\x00@\x00.com")
def test_no_text_makes_email_raise(text: str) -> None:
    assert email(text) is None or "@" in text


@pytest.mark.parametrize(
    ("spelling", "region", "normalised"),
    [
        ("+49 30 123456", None, "+4930123456"),
        ("030 / 123456", "DE", "+4930123456"),
        ("030-123456", "de", "+4930123456"),
        ("0049 30 123456", "DE", "+4930123456"),
        ("tel:+49-30-123456", "US", "+4930123456"),
        ("(415) 555-2671", "US", "+14155552671"),
        ("02 1234 5678", "IT", "+390212345678"),
    ],
)
def test_a_number_has_one_spelling(spelling: str, region: str | None, normalised: str) -> None:
    assert phone(spelling, region) == normalised


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("", None),
        ("030 123456", None),
        ("030 123456", "XX"),
        ("030 123456", ""),
        ("call me", "DE"),
        ("+49", None),
        ("12", "DE"),
        ("+15555550123", None),
        ("+1 212 555 0100 ext 5", None),
        ("9" * 300, "DE"),
    ],
)
def test_what_nobody_can_be_reached_by_alone_gives_no_link(text: str, region: str | None) -> None:
    assert phone(text, region) is None


@given(any_text | st.from_regex(r"\+?[0-9 ()/-]{1,20}"), st.none() | any_text | st.sampled_from(["DE", "us"]))
def test_no_text_makes_phone_raise_and_what_it_gives_is_stable(text: str, region: str | None) -> None:
    number = phone(text, region)
    if number is not None:
        assert number.startswith("+")
        assert phone(number, None) == number


def test_an_external_id_is_kept_as_it_is_within_its_scope() -> None:
    assert external_id("shopify:shop-1", " 706405506930370084 ") == "shopify:shop-1:706405506930370084"
    assert external_id("stripe", "cus_NffrFeUfNV2Hib") == "stripe:cus_NffrFeUfNV2Hib"
    assert external_id("stripe", "CUS") != external_id("stripe", "cus")


def test_a_colon_in_an_id_never_reaches_into_the_scope() -> None:
    assert external_id("a:b", "c") != external_id("a", "b:c")


@pytest.mark.parametrize("blank", ["", " ", "\t\n"])
def test_a_blank_id_identifies_nobody(blank: str) -> None:
    assert external_id("shopify", blank) == ""


@given(any_text, any_text, any_text, any_text)
def test_two_external_ids_are_equal_only_if_scope_and_id_are(a: str, b: str, c: str, d: str) -> None:
    same = (a.strip(), b.strip()) == (c.strip(), d.strip())
    if b.strip() and d.strip():
        assert (external_id(a, b) == external_id(c, d)) == same
