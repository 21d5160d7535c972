"""The sender's side: requests as each platform would make them, for the demo and the tests.

Written from the platforms' documentation, like the adapters; the conformance tests hold both against
signatures that neither of them made.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from urllib.parse import quote

from ..errors import NotFound
from ..moments import to_text
from .hasura import DEFAULT_HEADER
from .mandrill import signed_message
from .signatures import as_bytes, hmac_base64, hmac_hex

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
DEMO_SHOP = "demo.myshopify.com"
DEMO_STORE = "https://shop.example/"

TEST_TOPICS: Mapping[str, str] = MappingProxyType(
    {
        "shopify": "dxflow/test",
        "stripe": "dxflow.test",
        "mailchimp": "dxflow_test",
        "mandrill": "mandrill.dxflow_test",
        "woocommerce": "dxflow.test",
        "hasura": "dxflow_test.INSERT",
    }
)
"""What a delivery is called that dxflow makes to try a connector: topics of no platform, handled by nothing."""

Headers = dict[str, str]


@dataclass(frozen=True, slots=True)
class _Request:
    topic: str
    body: bytes
    secret: str
    url: str
    now: datetime
    delivery_id: str


def signed_request(
    platform: str, topic: str, body: bytes, secret: str, *, url: str, now: datetime, delivery_id: str
) -> tuple[Headers, str]:
    """Headers and address under which the platform's adapter takes ``body`` as authentic.

    The address differs from ``url`` for Mailchimp alone, which has the secret in the query. ``topic`` and
    ``delivery_id`` go into headers where the platform has such; elsewhere they stand in the body already.
    Raises NotFound for an unknown platform.
    """
    if platform not in _SENDERS:
        raise NotFound(f"no such platform; known are {', '.join(_SENDERS)}")
    request = _Request(topic, body, secret, url, now, delivery_id)
    address = _with_secret(request) if platform == "mailchimp" else url
    return _SENDERS[platform](request), address


def _shopify(request: _Request) -> Headers:
    return {
        "Content-Type": JSON,
        "X-Shopify-Topic": request.topic,
        "X-Shopify-Hmac-Sha256": hmac_base64(as_bytes(request.secret), request.body).decode(),
        "X-Shopify-Shop-Domain": DEMO_SHOP,
        "X-Shopify-API-Version": "2026-10",
        "X-Shopify-Webhook-Id": request.delivery_id,
        "X-Shopify-Triggered-At": to_text(request.now),
    }


def _stripe(request: _Request) -> Headers:
    signed_time = str(int(request.now.timestamp()))
    signature = hmac_hex(as_bytes(request.secret), as_bytes(signed_time) + b"." + request.body).decode()
    return {"Content-Type": f"{JSON}; charset=utf-8", "Stripe-Signature": f"t={signed_time},v1={signature}"}


def _mailchimp(request: _Request) -> Headers:
    del request  # the secret is in the address
    return {"Content-Type": FORM, "User-Agent": "MailChimp"}


def _with_secret(request: _Request) -> str:
    separator = "&" if "?" in request.url else "?"
    return f"{request.url}{separator}key={quote(request.secret, safe='')}"


def _mandrill(request: _Request) -> Headers:
    message = signed_message(request.url, request.body)
    signature = hmac_base64(as_bytes(request.secret), message, "sha1").decode()
    return {"Content-Type": FORM, "User-Agent": "Mandrill-Webhook/1.0", "X-Mandrill-Signature": signature}


def _woocommerce(request: _Request) -> Headers:
    resource, _, event = request.topic.partition(".")
    return {
        "Content-Type": JSON,
        "X-WC-Webhook-Source": DEMO_STORE,
        "X-WC-Webhook-Topic": request.topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": hmac_base64(as_bytes(request.secret), request.body).decode(),
        "X-WC-Webhook-ID": "1",
        "X-WC-Webhook-Delivery-ID": request.delivery_id,
    }


def _hasura(request: _Request) -> Headers:
    return {"Content-Type": JSON, DEFAULT_HEADER: request.secret}


_SENDERS: Mapping[str, Callable[[_Request], Headers]] = MappingProxyType(
    {
        "shopify": _shopify,
        "stripe": _stripe,
        "mailchimp": _mailchimp,
        "mandrill": _mandrill,
        "woocommerce": _woocommerce,
        "hasura": _hasura,
    }
)
