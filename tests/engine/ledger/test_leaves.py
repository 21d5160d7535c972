"""Leaves are canonical, and commitments say nothing without their salt."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.errors import Invalid
from dxflow.engine.ledger import leaves

SALT = bytes(range(32))
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)))
)
keys = st.text(st.characters(exclude_categories=("Cs",)), max_size=8)
objects = st.dictionaries(
    keys,
    st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=4)
    ),
    max_size=6,
)


def test_a_leaf_has_sorted_members_and_no_space() -> None:
    leaf = {"v": leaves.LEAF_VERSION, "seq": 7, "kind": "activity", "actor": "é"}
    assert leaves.encode(leaf) == '{"actor":"é","kind":"activity","seq":7,"v":1}'.encode()


@given(objects)
def test_encoding_loses_nothing_and_ignores_the_order_of_members(leaf: dict[str, Any]) -> None:
    encoded = leaves.encode(leaf)
    decoded = json.loads(encoded, parse_int=float)  # RFC 8785 knows one kind of number, IEEE 754 doubles
    assert decoded == leaf
    assert leaves.encode(dict(reversed(leaf.items()))) == encoded
    assert leaves.encode(decoded) == encoded


@given(objects)
def test_encoding_is_the_library_s_to_the_byte(leaf: dict[str, Any]) -> None:
    assert leaves.canonical(leaf) == rfc8785.dumps(leaf)


def test_members_stand_in_the_order_of_their_utf_16_units() -> None:
    names = ["%s", "%", '"', "\\", "\u001b", "z", "é", "\ufb33", "\U0001f600", "a" * 300]
    leaf: dict[str, Any] = {name: {other: [name, True, None, -1] for other in names} for name in names}
    assert leaves.canonical(leaf) == rfc8785.dumps(leaf)
    assert list(json.loads(leaves.canonical(leaf)))[-2:] == ["\U0001f600", "\ufb33"]


def test_a_leaf_of_a_bundle_s_length_is_the_longest() -> None:
    room = leaves.LEAF_BYTES - len('{"x":""}')
    assert len(leaves.encode({"x": "é" * (room // 2) + "e" * (room % 2)})) == 65_535
    with pytest.raises(Invalid, match="65,536 bytes; a leaf may have 65,535") as refusal:
        leaves.encode({"x": "e" * (room + 1)})
    assert refusal.value.field == "leaf"


def test_a_member_that_is_too_long_is_said_by_its_hash() -> None:
    fits = "x" * (leaves.MEMBER_BYTES - 2)
    many = [["newsletter", "email", n] for n in range(1000)]
    leaf = {"a": fits, "b": fits + "x", "c": many, "d": 1}
    content = json.loads(leaves.encode_bounded(leaf))
    assert content == {"a": fits, "b": said(f'"{fits}x"'.encode()), "c": said(rfc8785.dumps(many)), "d": 1}
    small = {"b": "short", "c": many[:3]}
    assert leaves.encode_bounded(small) == leaves.encode(small)


def said(data: bytes) -> dict[str, object]:
    return {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.text("x\u20ac", max_size=40).map(lambda x: x * 2000)))
def test_whatever_a_leaf_s_members_say_it_fits(leaf: dict[str, Any]) -> None:
    assert len(leaves.encode_bounded(leaf)) <= leaves.LEAF_BYTES


def test_what_is_nested_too_deeply_is_refused() -> None:
    nested: list[Any] = []
    for _ in range(100_000):
        nested = [nested]
    with pytest.raises(Invalid, match="no canonical JSON"):
        leaves.canonical({"x": nested})


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), 2**53, -(2**53), "\ud800", b"bytes", {1: "x"}, {"\udfff": 1}, object()],
)
def test_what_json_cannot_say_exactly_is_refused_without_quoting_it(value: object) -> None:
    with pytest.raises(Invalid) as refusal:
        leaves.encode({"v": value})
    assert refusal.value.field == "leaf"
    assert str(value) not in str(refusal.value)


def test_a_commitment_is_hmac_sha256_over_the_canonical_payload() -> None:
    expected = hmac.new(SALT, b'{"a":1,"b":"x"}', hashlib.sha256).hexdigest()
    assert leaves.commit(SALT, {"b": "x", "a": 1}) == expected


def test_one_payload_under_two_salts_gives_unrelated_commitments() -> None:
    assert leaves.commit(SALT, {"a": 1}) != leaves.commit(bytes(32), {"a": 1})


@pytest.mark.parametrize("salt", [b"", bytes(31), bytes(33)])
def test_a_salt_of_another_length_is_refused(salt: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        leaves.commit(salt, {"a": 1})
