"""Shopify: a base64 HMAC over the body, and nothing but the body.

The topic, the shop and the delivery id stand in headers that nobody signed. Whoever holds one captured body
can send it again under any topic, so ``extract`` holds each body against its topic's shape
(``shopify_bodies``) and against the connector's shop.
Source: https://shopify.dev/docs/apps/build/webhooks/verify-deliveries

Options: ``shop`` (``name.myshopify.com``): deliveries of another shop are refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from ..errors import NotAuthentic, PermanentError
from . import shopify_bodies
from .base import Delivery, Endpoint, Extraction, Identity, NoProbe, Trust
from .bodies import body_hash, parse_object, printable, text
from .signatures import require_hmac_base64, required_header, usable

_META = ("shop-domain", "api-version", "webhook-id", "event-id", "triggered-at", "name")
_HOST = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+")


class Shopify(NoProbe):
    """Customers, orders, the two consent topics and the three compliance topics."""

    name = "shopify"

    def verify(self, delivery: Delivery, endpoint: Endpoint, now: datetime) -> Trust:
        """Check the HMAC of the body; an empty body is refused, as in Shopify's own libraries."""
        del now  # Shopify signs no time
        given = required_header(delivery.headers, "shopify-hmac-sha256", "x-shopify-hmac-sha256")
        keys = usable(endpoint.secrets)
        if not delivery.body:
            raise NotAuthentic("an empty body can't be authentic")
        require_hmac_base64(keys, delivery.body, given)
        return Trust.SIGNED

    def identify(self, delivery: Delivery, endpoint: Endpoint) -> Identity:
        """Name a delivery by (shop, topic, webhook id), or by its body's hash where there is no id."""
        del endpoint
        parse_object(delivery.body)
        topic, shop, webhook_id = (_header(delivery, name) for name in ("topic", "shop-domain", "webhook-id"))
        named = printable({"topic": topic}).get("topic", "unknown")
        meta = printable({name.replace("-", "_"): _header(delivery, name) for name in _META})
        # The docs of 2024 said X-Shopify-Event-Id, but topics of one merchant action share that.
        key = (shop.lower(), topic, webhook_id or body_hash(delivery.body))
        return Identity(named, key, meta, handled=named in shopify_bodies.READERS)

    def extract(self, topic: str, body: bytes, meta: Mapping[str, str], endpoint: Endpoint) -> Extraction:
        """Read one body. Raises PermanentError when it is another topic's or another shop's."""
        document = parse_object(body)
        _check_shop(endpoint.options.get("shop", ""), meta.get("shop_domain", ""), document)
        return shopify_bodies.read(topic, document)


def _header(delivery: Delivery, name: str) -> str:
    """The Events product leaves out the ``X-``; where both are sent, Shopify's own library believes it."""
    headers = delivery.headers
    return (headers.get(f"shopify-{name}") or headers.get(f"x-shopify-{name}") or "").strip()


def _check_shop(option: str, header: str, document: Mapping[str, object]) -> None:
    expected = option.strip().lower().removeprefix("https://").rstrip("/")
    if not expected:
        return
    in_body = (text(document.get("shop_domain")) or "").lower()
    # Shopify's own test deliveries carry the placeholder "{shop}.myshopify.com" in the body.
    if header.lower() != expected or (_HOST.fullmatch(in_body) and in_body != expected):
        raise PermanentError("the delivery is of another shop than the connector's option `shop` names")
