"""Messages of agents (Data Rights Protocol 1.0): what is taken, what is refused, and what is the same."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from nacl.signing import SigningKey

from dxflow.engine.errors import Malformed
from dxflow.engine.rights import drp
from dxflow.engine.rights.drp_claims import Fatal

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
KEY = SigningKey.generate()
VERIFY_KEY = base64.b64encode(bytes(KEY.verify_key)).decode()
PERSON = {"email": "ada@person.example", "email_verified": True}


def wish(**changes: object) -> dict[str, object]:
    return {"drp.version": "1.0", "exercise": "access", "regime": "ccpa", **PERSON, **changes}


def envelope(**changes: object) -> dict[str, object]:
    times = {"issued-at": NOW.isoformat(), "expires-at": (NOW + timedelta(minutes=10)).isoformat()}
    return {"agent-id": "A", "business-id": "B", **times, **changes}


def check(message: dict[str, object], now: datetime = NOW, *, whole: bool = True) -> None:
    drp.check(message, agent="A", businesses=frozenset({"B"}), now=now, whole=whole)


def test_a_message_is_the_same_one_however_its_base64_is_written() -> None:
    signed = base64.b64encode(KEY.sign(json.dumps(wish()).encode()))
    wrapped = b"\r\n".join(signed[first : first + 64] for first in range(0, len(signed), 64)) + b"\n"
    assert drp.opened(signed, VERIFY_KEY) == drp.opened(wrapped, VERIFY_KEY)
    other = base64.b64encode(KEY.sign(json.dumps(wish(exercise="deletion")).encode()))
    assert drp.opened(other, VERIFY_KEY).digest != drp.opened(signed, VERIFY_KEY).digest


def test_a_message_that_says_it_holds_for_long_is_taken_for_a_day() -> None:
    long = envelope(**{"expires-at": (NOW + timedelta(days=45)).isoformat()})  # as the reference agent does
    check(long)
    check(long, NOW + timedelta(hours=23, minutes=59))
    with pytest.raises(Fatal, match="issued-at"):
        check(long, NOW + timedelta(days=1))


@pytest.mark.parametrize(("member", "error"), [("issued-at", Malformed), ("expires-at", Fatal)])
def test_a_time_that_stands_alone_in_a_revocation_must_fit_too(member: str, error: type[Exception]) -> None:
    check({"reason": "x"}, whole=False)
    wrong = {"issued-at": NOW + timedelta(hours=1), "expires-at": NOW}[member]
    with pytest.raises(error, match=member):
        check({member: wrong.isoformat()}, whole=False)


@pytest.mark.parametrize("regime", [None, "", "voluntary"])
def test_voluntary_is_the_data_controllers_own_law(regime: str | None) -> None:
    assert drp.exercise(wish(regime=regime)).jurisdiction is None
    assert drp.exercise(wish()).jurisdiction == "US-CA"


@pytest.mark.parametrize("regime", ["gdpr", "CCPA", 1, ["ccpa"], {"ccpa": 1}, True])
def test_other_regimes_are_not_spoken(regime: object) -> None:
    with pytest.raises(Fatal, match="regime"):
        drp.exercise(wish(regime=regime))


NAMES = (
    "Jean\u00a0Dupont",
    "山田\u3000太郎",
    "علی\u200cرضا",
    "Зоя",
    "O’Neil",
    "नि\u200dत्या",
    "\U0001f426 Ada",
)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_any_script_is_a_name(name: str) -> None:
    assert drp.exercise(wish(name=name)).claims.person.name == name


@pytest.mark.parametrize("sign", [*"\n\r\0\x1b\x7f\x85\u2028\u2029", "\ud800"])
def test_what_breaks_a_line_or_is_no_character_is_in_no_name(sign: str) -> None:
    with pytest.raises(Fatal, match="name"):
        drp.exercise(wish(name=f"Ada{sign}Byron"))


@pytest.mark.parametrize(
    "address",
    [
        {"street_address": "half \ud83d a character"},
        {"\udc00": 1},
        "x" * 4001,
        json.loads("[" * 60 + "]" * 60),
        json.loads("[" * 900 + "]" * 900),
        [{}] * 60,
    ],
    ids=["value", "member", "long", "deep", "very deep", "wide"],
)
def test_a_claim_that_cannot_be_kept_is_refused_and_not_repeated(address: object) -> None:
    with pytest.raises(Fatal, match="address") as refused:
        drp.exercise(wish(address=address))
    assert "half" not in str(refused.value)


NO_NUMBERS = ("call me", "+", "12", "+1415555012x3", "tel:+14155550123", "+1 415\u00a0555 0123")


@pytest.mark.parametrize("phone", NO_NUMBERS)
def test_a_verified_number_that_is_none_proves_nobody(phone: str) -> None:
    with pytest.raises(Fatal, match="phone_number"):
        drp.exercise(wish(email=None, phone_number=phone, phone_number_verified=True))


@pytest.mark.parametrize("phone", ["+14155550123", "(415) 555-0123", "+49 (0)30 123456"])
def test_a_number_however_it_is_spaced_is_one(phone: str) -> None:
    found = drp.exercise(wish(email=None, phone_number=phone, phone_number_verified=True)).claims
    assert (found.person.phone, found.verified) == (phone, True)


def test_what_is_verified_stands_for_the_person_and_the_rest_beside_them() -> None:
    given = {"phone_number": "+14155550123", "address": {"region": "CA"}, "relationships": []}
    mixed = drp.exercise(wish(**given)).claims
    assert (mixed.person.email, mixed.person.phone, mixed.verified) == ("ada@person.example", None, True)
    assert mixed.others == {"address": {"region": "CA"}, "unverified_phone_number": "+14155550123"}
    unsure = drp.exercise(wish(**given, email_verified=False)).claims
    assert (unsure.person.email, unsure.person.phone) == ("ada@person.example", "+14155550123")
    assert (unsure.verified, unsure.others) == (False, {"address": {"region": "CA"}})


def test_a_request_whose_receipt_was_confirmed_is_in_progress() -> None:
    assert drp.status_of("received", None, None) == ("open", None)
    assert drp.status_of("received", None, None, confirmed=True) == ("in_progress", None)
    assert drp.status_of("rejected", None, "no_match", confirmed=True) == ("denied", "no_match")
