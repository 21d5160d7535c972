"""WooCommerce: a base64 HMAC over the body; topic and delivery id stand in unsigned headers.

A delivery id is a hash of webhook and second, so that everything one webhook sends within a second shares it:
the body's hash is part of the key. WooCommerce never tries again. What a body says is read in
``woocommerce_bodies``. Source: plugins/woocommerce/includes/class-wc-webhook.php

Options: ``consent_meta_key``, the ``meta_data`` key in which the shop's plug-in keeps marketing consent.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from datetime import datetime

from . import woocommerce_bodies
from .base import Delivery, Endpoint, Extraction, Identity, Trust
from .bodies import body_hash, parse_object, printable
from .signatures import require_hmac_base64, required_header, usable

_PING = re.compile(rb"webhook_id=[0-9]{1,20}")
_ENTITY = re.compile(r"&(?:lt|gt|quot|amp|#0*(?:34|38|39|60|62)|#[xX]0*(?:22|26|27|3[cC]|3[eE]));")


class WooCommerce:
    """Customers and orders of a shop, guests included."""

    name = "woocommerce"

    def is_probe(self, delivery: Delivery) -> bool:
        """The ping of a new webhook: a form of one number, unsigned."""
        return "x-wc-webhook-signature" not in delivery.headers and bool(_PING.fullmatch(delivery.body))

    def verify(self, delivery: Delivery, endpoint: Endpoint, now: datetime) -> Trust:
        """Check the HMAC of the body; blank signatures (seen from 9.0.0) and blank secrets are refused."""
        del now  # WooCommerce signs no time
        given = required_header(delivery.headers, "x-wc-webhook-signature")
        keys = usable(form for secret in endpoint.secrets for form in _as_entered_and_decoded(secret))
        require_hmac_base64(keys, delivery.body, given)
        return Trust.SIGNED

    def identify(self, delivery: Delivery, endpoint: Endpoint) -> Identity:
        """Name a delivery by (source, webhook id, delivery id, body)."""
        del endpoint
        parse_object(delivery.body)
        topic = printable({"topic": _header(delivery, "topic")}).get("topic", "unknown")
        source, webhook_id, delivery_id = (
            _header(delivery, name) for name in ("source", "id", "delivery-id")
        )
        meta = printable({"source": source, "webhook_id": webhook_id, "delivery_id": delivery_id})
        key = (source, webhook_id, delivery_id, body_hash(delivery.body))
        return Identity(topic, key, meta, handled=topic in woocommerce_bodies.READERS)

    def extract(self, topic: str, body: bytes, meta: Mapping[str, str], endpoint: Endpoint) -> Extraction:
        """Read one body. Raises PermanentError for an error object and for another topic's body."""
        del meta
        return woocommerce_bodies.read(topic, parse_object(body), endpoint)


def _header(delivery: Delivery, name: str) -> str:
    return delivery.headers.get(f"x-wc-webhook-{name}", "").strip()


def _as_entered_and_decoded(secret: str) -> tuple[str, ...]:
    """WordPress keeps ``a&b`` as ``a&amp;b`` and decodes it to sign (``wp_specialchars_decode``, ENT_QUOTES);
    before 3.5.5 it signed with the encoded form. An operator may have copied either."""
    return secret, _ENTITY.sub(lambda entity: html.unescape(entity[0]), secret)
