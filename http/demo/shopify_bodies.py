"""Sample bodies of Shopify's topics, as its API versions from 2025-01 send them: no consent in a customer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from .people import Person

SHOP, SHOP_ID = "demo.myshopify.com", 548380009


def customer(person: Person, at: datetime) -> bytes:
    """customers/create, customers/update, customers/enable, customers/disable"""
    return _json({**_person(person), "state": "enabled", "tax_exempt": False, "updated_at": _local(at)})


def order(person: Person, order_id: int, at: datetime, *, total: str) -> bytes:
    """orders/create, orders/updated"""
    place = _place(person)
    document = {
        "id": order_id,
        "admin_graphql_api_id": f"gid://shopify/Order/{order_id}",
        "order_number": 1000 + order_id % 9000,
        "email": person.email,
        "contact_email": person.email,
        "phone": person.phone,
        "browser_ip": f"203.0.113.{person.number % 250}",
        "buyer_accepts_marketing": False,
        "currency": "EUR",
        "total_price": total,
        "financial_status": "paid",
        "created_at": _local(at),
        "updated_at": _local(at),
        "billing_address": place,
        "shipping_address": place,
        "customer": _person(person),
        "line_items": [{"id": order_id + 1, "title": "Enamel mug", "quantity": 1, "price": total}],
    }
    return _json(document)


def email_consent(person: Person, state: str, at: datetime) -> bytes:
    """customers_email_marketing_consent/update; ``state`` is subscribed or unsubscribed."""
    consent = {"state": state, "opt_in_level": "confirmed_opt_in", "consent_updated_at": _local(at)}
    document = {
        "customer_id": person.shopify_id,
        "email_address": person.email,
        "email_marketing_consent": consent,
    }
    return _json(document)


def merge(kept: Person, gone: Person) -> bytes:
    """customers/merge"""
    return _json(
        {
            "admin_graphql_api_customer_kept_id": f"gid://shopify/Customer/{kept.shopify_id}",
            "admin_graphql_api_customer_deleted_id": f"gid://shopify/Customer/{gone.shopify_id}",
            "admin_graphql_api_job_id": None,
            "status": "completed",
            "errors": [],
        }
    )


def data_request(person: Person, request_id: int) -> bytes:
    """customers/data_request"""
    return _json({**_compliance(person), "orders_requested": [], "data_request": {"id": request_id}})


def redact(person: Person) -> bytes:
    """customers/redact"""
    return _json({**_compliance(person), "orders_to_redact": []})


def product(product_id: int, at: datetime) -> bytes:
    """products/update: a topic that concerns nobody."""
    return _json({"id": product_id, "title": "Enamel mug", "vendor": "Demo Shop", "updated_at": _local(at)})


def _person(person: Person) -> dict[str, object]:
    return {
        "id": person.shopify_id,
        "admin_graphql_api_id": f"gid://shopify/Customer/{person.shopify_id}",
        "email": person.email,
        "phone": person.phone,
        "first_name": person.first,
        "last_name": person.last,
        "verified_email": True,
        "default_address": _place(person),
    }


def _place(person: Person) -> dict[str, object]:
    return {
        "first_name": person.first,
        "last_name": person.last,
        "address1": person.street,
        "zip": person.postcode,
        "city": person.city,
        "country_code": "DE",
    }


def _compliance(person: Person) -> dict[str, object]:
    customer = {"id": person.shopify_id, "email": person.email, "phone": person.phone}
    return {"shop_id": SHOP_ID, "shop_domain": SHOP, "customer": customer}


def _local(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
