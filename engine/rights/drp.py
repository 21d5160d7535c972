"""The Data Rights Protocol 1.0: signed messages of agents, and its words for what is asked and how it stands.

Pure: no database, no clock. Section numbers are those of data-rights-protocol.md (1.0 is 0.9.4, unchanged:
github.com/consumer-reports-innovation-lab/data-rights-protocol).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from Crypto.Signature import eddsa

from .. import strict_json
from ..errors import Forbidden, Invalid, Malformed
from ..outgoing import checked
from .drp_claims import Claims, Fatal, claims, text
from .types import DenialReason, RequestState, RequestType

VERSIONS = ("1.0", "0.9.4")
LONGEST_LIFE = timedelta(days=1)
"""How long after its ``issued-at`` a message is taken, however late it says that it ends: the protocol
recommends ten minutes (2.01), its reference agent says 45 days."""
SIGNATURE_BYTES = 64

EXERCISES: Mapping[str, RequestType] = {
    "access": RequestType.ACCESS,
    "access:categories": RequestType.ACCESS_CATEGORIES,
    "access:specific": RequestType.ACCESS,
    "deletion": RequestType.ERASURE,
    "sale:opt_out": RequestType.SALE_OPT_OUT,
    "sale:opt-out": RequestType.SALE_OPT_OUT,  # as the protocol's own examples spell it
    "sale:opt_in": RequestType.SALE_OPT_IN,
    "sale:opt-in": RequestType.SALE_OPT_IN,
}
"""Section 3.01."""
REGIMES: Mapping[str | None, str | None] = {"ccpa": "US-CA", "voluntary": None, "": None, None: None}
"""Regimes of section 3.01 and their jurisdictions; a request that names none is the data controller's own. The
protocol's reference agent says ``voluntary`` for none."""

OPEN, IN_PROGRESS, FULFILLED, REVOKED, DENIED = "open", "in_progress", "fulfilled", "revoked", "denied"
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


@dataclass(frozen=True, slots=True)
class Exercise:
    """A request to exercise a right (section 2.01). ``agent_request_id`` and ``callback``, the URL that is told
    of its status, are empty where the agent names none."""

    type: RequestType
    jurisdiction: str | None
    claims: Claims
    agent_request_id: str
    callback: str


class Signed(NamedTuple):
    """What an agent signed. ``digest`` is of just that, in hex: a message is the same one however its base64 is
    written."""

    message: dict[str, Any]
    digest: str


def opened(body: bytes, verify_key: str) -> Signed:
    """A signed message: base64 of an Ed25519 signature and the JSON that it signs (section 3.07.1).

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
    return Signed(_parsed(signed), hashlib.sha256(signed).hexdigest())


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
    if _there(message, "issued-at", whole):
        _require_recent(moment(message, "issued-at"), now)
    if _there(message, "expires-at", whole) and now >= moment(message, "expires-at"):
        raise Fatal("expires-at has passed")


def _require_recent(issued: datetime, now: datetime) -> None:
    if now < issued:
        raise Malformed("issued-at lies in the future; is the agent's clock fast?")
    if now - issued >= LONGEST_LIFE:
        raise Fatal(f"issued-at is {int(LONGEST_LIFE.total_seconds() // 3600)} hours ago or more; sign anew")


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


def exercise(message: Mapping[str, Any], *, plain_http: bool = False) -> Exercise:
    """What is asked for whom; with ``plain_http`` the status may be told without TLS. Raises Fatal for rights,
    regimes, claims and URLs that can't be taken."""
    require_version(message)
    right, regime = message.get("exercise"), message.get("regime")
    if not isinstance(right, str) or right not in EXERCISES:
        raise Fatal(f"exercise: unsupported; supported are {', '.join(EXERCISES)}")
    if not isinstance(regime, str | None) or regime not in REGIMES:
        named = ", ".join(one for one in REGIMES if one)
        raise Fatal(f"regime: unsupported; supported are {named}, or none")
    own_id, callback = text(message, "agent-request-id"), _callback(message, plain_http)
    return Exercise(EXERCISES[right], REGIMES[regime], claims(message), own_id, callback)


def _callback(message: Mapping[str, Any], plain_http: bool) -> str:
    """Where the agent is told (section 2.03). The fault never quotes it: an address may be a secret."""
    url = text(message, "status_callback")
    if not url:
        return ""
    try:
        if plain_http or url.lower().startswith("https:"):
            return checked(url)
    except Invalid as error:
        raise Fatal(f"status_callback: {error.detail}") from None
    raise Fatal("status_callback: must begin with https:// and name a host")


def status_of(
    state: str, decision: str | None, denial_reason: str | None, *, confirmed: bool = False
) -> tuple[str, str | None]:
    """Status and reason of section 3.02 for a request as it stands here; one whose receipt was ``confirmed`` is
    in progress."""
    status = STATUSES[RequestState(state)]
    if status == OPEN and confirmed:
        status = IN_PROGRESS
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
