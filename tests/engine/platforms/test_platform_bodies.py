from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dxflow.engine.errors import Malformed, PermanentError
from dxflow.engine.platforms import bodies, forms
from dxflow.engine.platforms.consent_words import state_of


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"null",
        b'"text"',
        b'{"a": NaN}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": "\xff"}',
        b'{"a": "\\ud800"}',
        b'{"\\udfff": 1}',
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' + b"[" * 70 + b"]" * 70 + b"}",
        b'\xef\xbb\xbf{"a": 1}',
        '{"a": 1}'.encode("utf-16"),
    ],
)
def test_what_is_no_json_object_in_utf8_is_malformed(body):
    with pytest.raises(Malformed) as refused:
        bodies.parse_object(body)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_ids_above_two_to_the_53_stay_exact():
    assert bodies.parse_object(b'{"id": 706405506930370084}') == {"id": 706405506930370084}


def test_a_whole_surrogate_pair_is_text():
    assert bodies.parse_object(b'{"a": "\\ud83d\\ude00"}') == {"a": "😀"}


def test_of_duplicate_keys_the_last_counts():
    assert bodies.parse_object(b'{"a": 1, "a": 2}') == {"a": 2}


@settings(deadline=None)
@given(
    st.recursive(st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_looks_into_a_document_never_raise(value):
    bodies.text(value)
    bodies.identifier(value)
    bodies.has_address(value)
    bodies.sequence(value)
    assert state_of(value) in {None, "granted", "withdrawn"}
    assert all(
        text.isascii() and text.isprintable() and 0 < len(text) <= 200
        for text in bodies.printable({"a": value}).values()
    )


def test_nuls_never_reach_a_database():
    assert bodies.text("Bo\x00b") == "Bob"


def test_true_is_not_an_id():
    assert bodies.identifier(True) is None
    assert bodies.identifier(0) is None
    assert bodies.identifier(7) == "7"


def test_categories_name_what_is_there_and_never_the_value():
    person = bodies.Person(email="a@example.com", phone="")
    assert bodies.categories(person, address=True, note=None) == ("address", "email")


@pytest.mark.parametrize("value", [None, "", 0])
def test_no_time_is_none(value):
    assert bodies.time_of(value) is None


@pytest.mark.parametrize("value", ["yesterday", 5, "2021-01-01T00:00:00", "0001-01-01T00:00:00+14:00", ["x"]])
def test_a_time_that_can_not_be_read_fails_for_good(value):
    with pytest.raises(PermanentError):
        bodies.time_of(value)


def test_times_come_out_in_utc():
    at = datetime(2021, 12, 31, 23, tzinfo=UTC)
    assert bodies.time_of("2021-12-31T18:00:00-05:00") == at
    assert bodies.time_of("2021-12-31T23:00:00", naive_is_utc=True) == at
    assert bodies.unix_time_of(int(at.timestamp())) == at
    assert bodies.unix_time_of(None) is None


@pytest.mark.parametrize("value", ["1", True, 1.5, 10**30, -(10**30)])
def test_unix_seconds_are_whole_and_within_the_calendar(value):
    with pytest.raises(PermanentError):
        bodies.unix_time_of(value)


def test_php_keys_nest():
    body = b"type=profile&data%5Bmerges%5D%5BGROUPINGS%5D%5B0%5D%5Bname%5D=A+b&data[x][]=1&data[x][]=2"
    assert forms.nested_form(body) == {
        "type": "profile",
        "data": {"merges": {"GROUPINGS": {"0": {"name": "A b"}}}, "x": {"0": "1", "1": "2"}},
    }


@pytest.mark.parametrize(
    "body",
    [
        b"a=%ff",
        b"a[b=1",
        b"[a]=1",
        b"a[b]c=1",
        b"a=1&a[b]=2",
        b"a[b]=2&a=1",
        b"a" + b"[b]" * 8 + b"=1",
        b"a=1&" * 1001,
        b"&" * 1001 + b"a=1&b=2",
    ],
)
def test_a_form_beyond_its_limits_is_malformed(body):
    with pytest.raises(Malformed):
        forms.nested_form(body)


def test_form_values_stay_the_bytes_that_were_encoded():
    assert forms.form_pairs(b"a=%ff%00+%2B&&b") == [(b"a", b"\xff\x00 +"), (b"b", b"")]


@pytest.mark.parametrize("word", ["yes", "1", "true", "ON", " Yes ", 1, True])
def test_a_yes_grants(word):
    assert state_of(word) == "granted"


@pytest.mark.parametrize("word", ["no", "0", "false", "Off", 0, False])
def test_a_no_withdraws(word):
    assert state_of(word) == "withdrawn"


@pytest.mark.parametrize("word", [None, "", "maybe", 2, 1.0, ["yes"], {"yes": 1}])
def test_neither_is_no_signal(word):
    assert state_of(word) is None
