"""Stripe: the only platform here that signs a time together with the body.

``Stripe-Signature: t=<unix>,v1=<hex>[,v1=<hex>…]``; signed is ``"<t>." + raw body`` with the whole endpoint
secret, its ``whsec_`` included, as the key. Schemes other than v1 are ignored (v0 is a test-mode decoy).
Source: https://docs.stripe.com/webhooks/signature; what an event says is read in ``stripe_bodies``.

Options: ``tolerance`` seconds between the signed time and now, either way (default 300; ``0`` or ``none``
switches the check off).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ..errors import Malformed, NotAuthentic, PermanentError
from . import stripe_bodies
from .base import Delivery, Endpoint, Extraction, Identity, NoProbe, Trust
from .bodies import body_hash, identifier, parse_object, printable, text
from .signatures import any_match, as_bytes, hmac_hex, required_header, usable

DEFAULT_TOLERANCE = 300

_UNIX_TIME = re.compile(r"[0-9]{1,12}")
_SECONDS = re.compile(r"[0-9]{1,9}")


class Stripe(NoProbe):
    """Customers, subscriptions and completed checkouts."""

    name = "stripe"

    def verify(self, delivery: Delivery, endpoint: Endpoint, now: datetime) -> Trust:
        """Check signature and time; ``signed`` instead of ``signed_fresh`` when the tolerance is off."""
        signed_time, signatures = _parts(required_header(delivery.headers, "stripe-signature"))
        message = as_bytes(signed_time) + b"." + delivery.body
        expected = [hmac_hex(key, message) for key in usable(endpoint.secrets)]
        if not any_match(expected, signatures):
            raise NotAuthentic("no v1 signature matches any of the connector's secrets")
        tolerance = _tolerance(endpoint.options.get("tolerance", ""))
        if tolerance is None:
            return Trust.SIGNED
        if abs(now.timestamp() - int(signed_time)) > tolerance:
            raise NotAuthentic(f"the signed time is more than {tolerance} s away from now")
        return Trust.SIGNED_FRESH

    def identify(self, delivery: Delivery, endpoint: Endpoint) -> Identity:
        """Name an event by its id. Raises Malformed for thin events, which carry no object to read."""
        del endpoint
        event = _event(delivery.body)
        topic = printable({"type": text(event.get("type"))}).get("type", "unknown")
        event_id = text(event.get("id"))
        meta = printable(
            {
                "event_id": event_id,
                "account": text(event.get("account")),
                "api_version": text(event.get("api_version")),
                "created": identifier(event.get("created")),
                "livemode": str(event.get("livemode") is True).lower(),
            }
        )
        return Identity(topic, (event_id or body_hash(delivery.body),), meta, topic in stripe_bodies.READERS)

    def extract(self, topic: str, body: bytes, meta: Mapping[str, str], endpoint: Endpoint) -> Extraction:
        """Read one event. Raises PermanentError when the object isn't the kind its type promises."""
        del meta, endpoint
        event = _event(body)
        if text(event.get("type")) != topic:
            raise PermanentError("the event's type is not its topic")
        return stripe_bodies.read(topic, event)


def _event(body: bytes) -> dict[str, object]:
    event = parse_object(body)
    if event.get("object") != "event":
        raise Malformed("the body is not a snapshot event (object: event); thin events are not supported")
    return event


def _parts(header: str) -> tuple[str, list[bytes]]:
    """The signed time, as its literal text, and every v1 signature."""
    items = [item.strip().partition("=") for item in header.split(",")]
    times = [value for scheme, _, value in items if scheme == "t"]
    signatures = [as_bytes(value) for scheme, _, value in items if scheme == "v1" and value]
    # The pattern is ASCII digits only: int() would also take other scripts' digits, signs and underscores.
    if len(times) != 1 or not _UNIX_TIME.fullmatch(times[0]):
        raise NotAuthentic("Stripe-Signature has no single t=<unix time>")
    if not signatures:
        raise NotAuthentic("Stripe-Signature has no v1 signature")
    return times[0], signatures


def _tolerance(option: str) -> int | None:
    """Seconds, None for no check; what can't be read counts as the default, never as no check."""
    wanted = option.strip().lower()
    if wanted == "none" or (_SECONDS.fullmatch(wanted) and int(wanted) == 0):
        return None
    return int(wanted) if _SECONDS.fullmatch(wanted) else DEFAULT_TOLERANCE
