"""The Data Rights Protocol 1.0: signed messages of agents, and its words for what is asked and how it stands.

Pure: no database, no clock. Section numbers are those of data-rights-protocol.md (1.0 is 0.9.4, unchanged:
github.com/consumer-reports-innovation-lab/data-rights-protocol).
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from Crypto.Signature import eddsa

from .. import strict_json
from ..errors import CallerError, Forbidden, Malformed
from ..identity import normalise
from ..platforms.base import Person
from .types import DenialReason, RequestState, RequestType

VERSIONS = ("1.0", "0.9.4")
LONGEST_LIFE = timedelta(days=1)
"""A message that may be used for longer is refused; the protocol recommends ten minutes (2.01)."""
SIGNATURE_BYTES = 64
LONGEST_CLAIM = 1000

EXERCISES: Mapping[str, RequestType] = {
    "access": RequestType.ACCESS,
    "access:categories": RequestType.ACCESS_CATEGORIES,
    "access:specific": RequestType.ACCESS,
    "deletion": RequestType.ERASURE,
    "sale:opt_out": RequestType.SALE_OPT_OUT,
    "sale:opt-out": RequestType.SALE_OPT_OUT,  # as the protocol's own examples spell it
    "sale:opt_in": RequestType.SALE_OPT_IN,
}
"""Section 3.01."""
REGIMES: Mapping[str, str] = {"ccpa": "US-CA"}
"""Regimes of section 3.01 and their jurisdictions; a request that names none is the data controller's own."""

OPEN, IN_PROGRESS, FULFILLED, REVOKED, DENIED = "open", "in_progress", "fulfilled", "revoked", "denied"
NEEDS_VERIFICATION = "need_user_verification"
STATUSES: Mapping[RequestState, str] = {
    RequestState.RECEIVED: OPEN,
    RequestState.IDENTITY_VERIFIED: IN_PROGRESS,
    RequestState.DATA_COLLECTION: IN_PROGRESS,
    RequestState.REVIEW: IN_PROGRESS,
    RequestState.ON_HOLD: IN_PROGRESS,
    RequestState.RESPONSE_SENT: FULFILLED,
    RequestState.COMPLETED: FULFILLED,
    RequestState.CANCELLED: REVOKED,
    RequestState.REJECTED: DENIED,
    RequestState.DUPLICATE: DENIED,
}
"""Section 3.02. ``expired`` is left out: what was taken in time is worked on, however long it takes."""


class Fatal(CallerError):
    """Raised when sending the same message again can't help (section 3.06)."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who asks, as the agent says (section 3.04). With ``verified`` the person holds only what the agent has
    verified, so that nobody is found by an identifier that may be somebody else's; ``others`` is the rest."""

    person: Person
    verified: bool
    others: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Exercise:
    """A request to exercise a right (section 2.01)."""

    type: RequestType
    jurisdiction: str | None
    claims: Claims
    agent_request_id: str


def opened(body: bytes, verify_key: str) -> dict[str, Any]:
    """The JSON of a signed message: base64 of an Ed25519 signature and what it signs (section 3.07.1).

    Raises Malformed for what isn't such a message, Forbidden for another's signature.
    """
    try:
        raw = base64.b64decode(b"".join(body.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Malformed("the body is not base64") from None
    if len(raw) <= SIGNATURE_BYTES:
        raise Malformed("the body is shorter than a signature and a message")
    signature, signed = raw[:SIGNATURE_BYTES], raw[SIGNATURE_BYTES:]
    try:
        key = eddsa.import_public_key(base64.b64decode(verify_key))
        eddsa.new(key, "rfc8032").verify(signed, signature)
    except ValueError:
        raise Forbidden("the signature is not the agent's") from None
    return _parsed(signed)


def check(
    message: Mapping[str, Any], *, agent: str, businesses: frozenset[str], now: datetime, whole: bool = True
) -> None:
    """Whether a message is this agent's, for this data controller, at this moment (section 3.07, in its order).
    Not ``whole``: members may be left out (section 2.04 names none), and those that are there must fit.

    Raises Forbidden, Malformed; Fatal for a message whose time is over.
    """
    if _there(message, "agent-id", whole) and message["agent-id"] != agent:
        raise Forbidden("agent-id is not the agent that the bearer token belongs to")
    if _there(message, "business-id", whole) and str(message["business-id"]) not in businesses:
        raise Forbidden("business-id is not this business")
    if not _there(message, "issued-at", whole) or not _there(message, "expires-at", whole):
        return
    issued, expires = moment(message, "issued-at"), moment(message, "expires-at")
    if now < issued:
        raise Malformed("issued-at lies in the future; is the agent's clock fast?")
    if now >= expires:
        raise Fatal("expires-at has passed")
    if expires - issued > LONGEST_LIFE:
        raise Fatal(f"a message may be valid for {int(LONGEST_LIFE.total_seconds() // 3600)} hours at most")


def require_version(message: Mapping[str, Any]) -> None:
    """Raises Fatal for a version of the protocol that isn't spoken here."""
    if message.get("drp.version") not in VERSIONS:
        raise Fatal(f"drp.version: unknown; spoken here are {', '.join(VERSIONS)}")


def moment(message: Mapping[str, Any], name: str) -> datetime:
    """A member that is an ISO 8601 time with its offset. Raises Malformed."""
    try:
        found = datetime.fromisoformat(str(message[name]))
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # told below, like a time without its offset
    raise Malformed(f"{name} must be an ISO 8601 time with its offset")


def exercise(message: Mapping[str, Any]) -> Exercise:
    """What is asked for whom. Raises Fatal for rights, regimes and claims that can't be taken."""
    require_version(message)
    right, regime = message.get("exercise"), message.get("regime")
    if not isinstance(right, str) or right not in EXERCISES:
        raise Fatal(f"exercise: unsupported; supported are {', '.join(EXERCISES)}")
    if regime is not None and (not isinstance(regime, str) or regime not in REGIMES):
        raise Fatal(f"regime: unsupported; supported are {', '.join(REGIMES)}, or none")
    own_id = _text(message, "agent-request-id")
    jurisdiction = None if regime is None else REGIMES[regime]
    return Exercise(EXERCISES[right], jurisdiction, _claims(message), own_id)


def _claims(message: Mapping[str, Any]) -> Claims:
    email, phone = _text(message, "email"), _text(message, "phone_number")
    if email and normalise.email(email) is None:
        raise Fatal("email: not an e-mail address")
    verified = {
        name: message.get(f"{name}_verified") is True and bool(_text(message, name))
        for name in ("email", "phone_number")
    }
    sure, name = any(verified.values()), _text(message, "name") or None
    kept_email = email if email and (verified["email"] or not sure) else None
    kept_phone = phone if phone and (verified["phone_number"] or not sure) else None
    if not (kept_email or kept_phone or name):
        raise Fatal("claims: at least one of email, phone_number, name is needed")
    others: dict[str, object] = {}
    for claim in ("address", "address_verified", "power_of_attorney", "relationships", "agent-request-id"):
        if message.get(claim) not in (None, "", []):
            others[claim] = _small(message[claim], claim)
    left = {"email": email if email != (kept_email or "") else "", "phone_number": ""}
    left["phone_number"] = phone if phone != (kept_phone or "") else ""
    others |= {f"unverified_{claim}": value for claim, value in left.items() if value}
    return Claims(Person(kept_email, kept_phone, name), sure, others)


def status_of(state: str, decision: str | None, denial_reason: str | None) -> tuple[str, str | None]:
    """Status and reason of section 3.02 for a request as it stands here."""
    status = STATUSES[RequestState(state)]
    if status == FULFILLED and decision == "denied":
        status = DENIED
    if status != DENIED:
        return status, None
    known = denial_reason if denial_reason in set(DenialReason) else None
    return status, known or str(DenialReason.OTHER)


def require_key(raw: bytes) -> None:
    """Raises ValueError unless these 32 bytes are an Ed25519 key under which signatures mean something: a point
    of the curve, and of no small order (RFC 8032 section 5.1.3; under such a point anybody can sign)."""
    key = eddsa.import_public_key(raw)
    if (key.pointQ * 8).is_point_at_infinity():
        raise ValueError("a point of small order")


def _parsed(signed: bytes) -> dict[str, Any]:
    """RFC 8259 and no more (``strict_json``), and an object. Raises Malformed."""
    try:
        found = strict_json.loads(signed)
    except (ValueError, RecursionError):
        raise Malformed("what is signed is not JSON") from None
    if not isinstance(found, dict):
        raise Malformed("what is signed is not a JSON object")
    return found


def _there(message: Mapping[str, Any], name: str, needed: bool) -> bool:
    if name in message or not needed:
        return name in message
    raise Malformed(f"{name} is missing")


def _text(message: Mapping[str, Any], name: str) -> str:
    """A member that is a text on one line, without the blanks around it; empty where there is none."""
    value = message.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LONGEST_CLAIM or not (value.isprintable()):
        raise Fatal(f"{name}: must be a text of one line and at most {LONGEST_CLAIM} characters")
    return value.strip()


def _small(value: object, name: str) -> object:
    if len(json.dumps(value)) > 4 * LONGEST_CLAIM:
        raise Fatal(f"{name}: too large")
    return value
