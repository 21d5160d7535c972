"""Bodies as the platforms send them, cut down to what the engine reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from flow import HandClock

from dxflow.engine import moments

SHOP = "demo.myshopify.com"


def shopify_id(number: int = 1) -> int:
    """The id of ``flow.customer(number)``."""
    return 7_064_055_069_303_700 + number


def email_state(state: str, at: str | None) -> dict[str, object]:
    """What Shopify says of a consent to e-mail."""
    return {"state": state, "opt_in_level": "single_opt_in", "consent_updated_at": at}


def email_consent(state: str, at: str | None, number: int = 1) -> dict[str, object]:
    """Shopify's customers_email_marketing_consent/update."""
    return {
        "customer_id": shopify_id(number),
        "email_address": f"person{number}@shop.example",
        "email_marketing_consent": email_state(state, at),
    }


def sms_consent(state: str, at: str | None, number: int = 1, phone: str | None = None) -> dict[str, object]:
    """Shopify's customers_marketing_consent/update."""
    consent = {"state": state, "opt_in_level": "unknown", "consent_updated_at": at}
    return {"id": shopify_id(number), "phone": phone, "sms_marketing_consent": consent}


def merge(kept: int, deleted: int, status: str = "completed") -> dict[str, object]:
    """Shopify's customers/merge."""
    return {
        "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{shopify_id(kept)}",
        "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{shopify_id(deleted)}",
        "status": status,
        "errors": [],
    }


def order(number: int = 1, **changes: object) -> dict[str, object]:
    """Shopify's orders/create."""
    body: dict[str, object] = {
        "id": 820_982_911_946_154_500 + number,
        "email": f"person{number}@shop.example",
        "phone": None,
        "order_number": 1000 + number,
        "line_items": [],
        "buyer_accepts_marketing": True,
        "customer": {"id": shopify_id(number), "email": f"person{number}@shop.example"},
        "updated_at": "2026-03-01T11:00:00Z",
    }
    return {**body, **changes}


def data_request(number: int = 1, reference: int = 9999) -> dict[str, object]:
    """Shopify's customers/data_request."""
    return {
        "shop_id": 954889,
        "shop_domain": SHOP,
        "orders_requested": [],
        "customer": {"id": shopify_id(number), "email": f"person{number}@shop.example"},
        "data_request": {"id": reference},
    }


def redact(number: int = 1) -> dict[str, object]:
    """Shopify's customers/redact."""
    return {
        "shop_id": 954889,
        "shop_domain": SHOP,
        "customer": {"id": shopify_id(number), "email": f"person{number}@shop.example"},
        "orders_to_redact": [],
    }


def shop_redact() -> dict[str, object]:
    """Shopify's shop/redact: no person."""
    return {"shop_id": 954889, "shop_domain": SHOP}


def stripe(type: str, resource: Mapping[str, object], event: int = 1, created: int = 1_772_000_000) -> object:
    """A snapshot event."""
    return {
        "id": f"evt_{event}",
        "object": "event",
        "api_version": "2025-03-31.basil",
        "created": created,
        "type": type,
        "livemode": False,
        "data": {"object": dict(resource)},
    }


def stripe_customer(number: int = 1, **changes: object) -> dict[str, object]:
    """A Customer object."""
    person = {"email": f"person{number}@shop.example", "name": "Ada Byron", "phone": None}
    return {"id": f"cus_{number}", "object": "customer", **person, **changes}


def checkout(number: int = 1, **consent: object) -> dict[str, object]:
    """A completed Checkout Session."""
    details = {"email": f"person{number}@shop.example", "name": "Ada Byron", "phone": None}
    return {
        "id": f"cs_{number}",
        "object": "checkout.session",
        "customer": f"cus_{number}",
        "customer_details": details,
        "consent": consent or None,
    }


def mailchimp(type: str, fired_at: str = "2026-03-01 10:00:00", **data: str) -> bytes:
    """An audience webhook: a form in PHP's nested keys; ``merges_EMAIL`` becomes ``data[merges][EMAIL]``."""
    pairs = [("type", type), ("fired_at", fired_at)]
    for key, value in {"list_id": "a6b5da1054", **data}.items():
        first, _, rest = key.partition("merges_")
        pairs.append((f"data[merges][{rest}]" if rest and not first else f"data[{key}]", value))
    return urlencode(pairs).encode()


def member(number: int = 1) -> dict[str, str]:
    """The fields of a member's subscribe, unsubscribe or profile form."""
    email = f"person{number}@shop.example"
    return {"id": f"m{number}", "email": email, "merges_EMAIL": email, "merges_FNAME": "Ada"}


def woo_customer(number: int = 1, **changes: object) -> dict[str, object]:
    """WooCommerce's customer.*."""
    body: dict[str, object] = {
        "id": number,
        "email": f"person{number}@shop.example",
        "first_name": "Ada",
        "last_name": "Byron",
        "role": "customer",
        "username": f"ada{number}",
        "billing": {"phone": ""},
        "meta_data": [],
        "date_modified_gmt": "2026-03-01T10:00:00",
    }
    return {**body, **changes}


def woo_order(number: int = 1, customer_id: int = 0, **changes: object) -> dict[str, object]:
    """WooCommerce's order.*; a guest's unless ``customer_id`` says otherwise."""
    body: dict[str, object] = {
        "id": 700 + number,
        "order_key": "wc_order_secret",
        "customer_id": customer_id,
        "line_items": [],
        "billing": {"email": f"person{number}@shop.example", "first_name": "Ada", "phone": ""},
        "meta_data": [],
        "date_modified_gmt": "2026-03-01T10:00:00",
    }
    return {**body, **changes}


def hasura(
    table: str, op: str, row: Mapping[str, object], event: str, created_at: str = "2026-03-01T10:00:00.123Z"
) -> dict[str, object]:
    """An event trigger's payload."""
    old, new = (dict(row), None) if op == "DELETE" else (None, dict(row))
    return {
        "id": event,
        "created_at": created_at,
        "event": {"op": op, "data": {"old": old, "new": new}, "session_variables": None},
        "delivery_info": {"current_retry": 0, "max_retries": 0},
        "trigger": {"name": f"{table}_changed"},
        "table": {"schema": "public", "name": table},
    }


def mandrill(number: int = 1) -> bytes:
    """A batch of one message event."""
    events = [{"event": "open", "msg": {"email": f"person{number}@shop.example"}, "_id": f"{number}"}]
    return urlencode({"mandrill_events": json.dumps(events)}).encode()


def ahead(clock: HandClock, seconds: float) -> str:
    """A time so many seconds ahead of (or, negative, behind) the clock."""
    return moments.to_text(moments.after(clock.now, seconds))
