"""Mailchimp audiences: no signature, only a secret in the address, so the trust is ``bearer``.

The secret is the value of the query parameter ``key`` or ``secret``. What arrives is a form in PHP's nested
keys; there is no delivery id. A body is taken for the connector's own audience only (option ``list_id``).
Source: https://mailchimp.com/developer/marketing/guides/sync-audience-data-webhooks/

A connector of this platform also takes Mandrill's batches (Mailchimp Transactional): a request with
Mandrill's header or body is Mandrill's throughout, so the secret in the address never stands in for its
signature.

Options: ``list_id``, the audience's id; ``address``, see ``mandrill``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ..errors import Malformed, NotAuthentic, PermanentError
from . import mailchimp_bodies
from .base import Delivery, Endpoint, Extraction, Identity, Trust
from .bodies import body_hash, mapping, printable, text
from .forms import form_pairs, nested_form
from .mandrill import Mandrill
from .signatures import any_match, as_bytes, usable

_MANDRILL = Mandrill()
_SECRET_PARAMETERS = (b"key", b"secret")
_META = ("list_id", "action", "reason", "campaign_id")


class Mailchimp:
    """Subscribers of an audience: their consent, profile and addresses."""

    name = "mailchimp"

    def is_probe(self, delivery: Delivery) -> bool:
        """Only Mandrill probes with a POST; Mailchimp's validator sends GET, which the edge answers."""
        return _MANDRILL.is_probe(delivery)

    def verify(self, delivery: Delivery, endpoint: Endpoint, now: datetime) -> Trust:
        """Compare the secret in the address; its parameters and the address never reach a text."""
        if _is_mandrill(delivery):
            return _MANDRILL.verify(delivery, endpoint, now)
        keys = usable(endpoint.secrets)
        try:
            pairs = form_pairs(as_bytes(delivery.query))
        except Malformed:
            raise NotAuthentic("the query string has too many parameters") from None
        if not any_match(keys, [value for name, value in pairs if name in _SECRET_PARAMETERS]):
            raise NotAuthentic("the address carries none of the connector's secrets (?key= or ?secret=)")
        return Trust.BEARER

    def identify(self, delivery: Delivery, endpoint: Endpoint) -> Identity:
        """Name a delivery by its body's hash: two equal changes within a second are one, harmlessly."""
        if _is_mandrill(delivery):
            return _MANDRILL.identify(delivery, endpoint)
        form = nested_form(delivery.body)
        topic = printable({"type": text(form.get("type"))}).get("type")
        if topic is None:
            raise Malformed("the form has no field `type`")
        data = mapping(form.get("data"))
        meta = printable({"fired_at": text(form.get("fired_at")), **{key: data.get(key) for key in _META}})
        return Identity(topic, (body_hash(delivery.body),), meta, topic in mailchimp_bodies.READERS)

    def extract(self, topic: str, body: bytes, meta: Mapping[str, str], endpoint: Endpoint) -> Extraction:
        """Read one form. Raises PermanentError for another audience's, and for fields that are missing."""
        if topic.startswith("mandrill."):
            return _MANDRILL.extract(topic, body, meta, endpoint)
        form = nested_form(body)
        if text(form.get("type")) != topic:
            raise PermanentError("the form's type is not its topic")
        expected = endpoint.options.get("list_id", "").strip()
        if expected and text(mapping(form.get("data")).get("list_id")) != expected:
            raise PermanentError("the form is of another audience than the option `list_id` names")
        return mailchimp_bodies.read(topic, form)


def _is_mandrill(delivery: Delivery) -> bool:
    return "x-mandrill-signature" in delivery.headers or delivery.body.startswith(b"mandrill_events=")
