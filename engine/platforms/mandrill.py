"""Mandrill (Mailchimp Transactional): base64 HMAC-SHA1 over the address and the form's decoded fields.

The signed address is exactly the text entered at Mandrill, query and trailing slash included. Behind a proxy
the address we see may differ, hence the option. No topic is processed in this release: authentic batches are
stored and answered ``ignored``. Source: https://mailchimp.com/developer/transactional/guides/track-respond-activity-webhooks/

Options: ``address``, the webhook's address as entered at Mandrill.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..errors import Malformed, NotAuthentic, PermanentError
from .base import Delivery, Endpoint, Extraction, Identity, Trust
from .bodies import body_hash, mapping, parse_json, printable, text
from .forms import form_pairs
from .signatures import any_match, as_bytes, hmac_base64, required_header, usable

_FIELD = b"mandrill_events"
_PROBE_BYTES = 64
"""``mandrill_events=%5B%5D`` with room for white space; longer bodies are not worth decoding for it."""


class Mandrill:
    """Batches of message events, as the platform ``mandrill`` or through a ``mailchimp`` connector."""

    name = "mandrill"

    def is_probe(self, delivery: Delivery) -> bool:
        """An empty batch: Mandrill's ``test-webhook`` POST. It has no effect, so its key isn't checked."""
        if len(delivery.body) > _PROBE_BYTES:
            return False
        return [(name, value.strip()) for name, value in form_pairs(delivery.body)] == [(_FIELD, b"[]")]

    def verify(self, delivery: Delivery, endpoint: Endpoint, now: datetime) -> Trust:
        """Check the signature over the entered address, then over the address as we saw it."""
        del now  # Mandrill signs no time
        given = required_header(delivery.headers, "x-mandrill-signature")
        keys = usable(endpoint.secrets)
        fields = _signed_fields(delivery.body)
        addresses = [url for url in (endpoint.options.get("address", ""), delivery.url) if url]
        expected = [hmac_base64(key, as_bytes(url) + fields, "sha1") for key in keys for url in addresses]
        if not any_match(expected, [as_bytes(given)]):
            raise NotAuthentic("the signature matches no secret over the address entered (option `address`)")
        return Trust.SIGNED

    def identify(self, delivery: Delivery, endpoint: Endpoint) -> Identity:
        """``mandrill.<event>`` for a batch of one kind, else ``mandrill.batch``; none is handled."""
        del endpoint
        kinds = {_kind(event) for event in _events(delivery.body)}
        kind = kinds.pop() if len(kinds) == 1 else "batch"
        return Identity(f"mandrill.{kind}", (body_hash(delivery.body),), {}, handled=False)

    def extract(self, topic: str, body: bytes, meta: Mapping[str, str], endpoint: Endpoint) -> Extraction:
        """Raises PermanentError: no workflow reads Mandrill's events."""
        del topic, body, meta, endpoint
        raise PermanentError("no workflow handles Mandrill's events")


def signed_message(url: str, body: bytes) -> bytes:
    """What Mandrill signs: the address, then each field's name and value, decoded, sorted by name."""
    return as_bytes(url) + b"".join(name + value for name, value in sorted(form_pairs(body)))


def _signed_fields(body: bytes) -> bytes:
    try:
        return signed_message("", body)
    except Malformed:
        raise NotAuthentic("the form has too many fields to be a Mandrill batch") from None


def _events(body: bytes) -> list[object]:
    """The batch. One field only: the signature doesn't say where one field ends and the next begins."""
    pairs = form_pairs(body)
    if [name for name, _ in pairs] != [_FIELD]:
        raise Malformed("the form is not the single field `mandrill_events`")
    events = parse_json(pairs[0][1])
    if not isinstance(events, list):
        raise Malformed("`mandrill_events` is not a JSON array")
    return events


def _kind(event: object) -> str:
    """Message events say ``event``, list synchronisation says ``type``."""
    found = text(mapping(event).get("event")) or text(mapping(event).get("type"))
    return printable({"kind": found}, limit=60).get("kind", "unknown")
