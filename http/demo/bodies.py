"""Sample bodies in the shapes of the platforms' own, as far as anybody reads them; Shopify's are next door.

``at`` is the moment of the change. Ids that must differ from run to run are parameters: the same arguments
give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlencode

from ...engine.moments import to_text
from .people import Person

LIST_ID = "d3m0a0d1e5"


def stripe_customer(kind: str, event_id: str, person: Person, at: datetime) -> bytes:
    """customer.created, customer.updated"""
    address = {"line1": person.street, "postal_code": person.postcode, "city": person.city, "country": "DE"}
    customer = {
        "id": person.stripe_id,
        "object": "customer",
        "email": person.email,
        "name": person.name,
        "phone": person.phone,
        "address": address,
        "created": int(at.timestamp()),
    }
    return _stripe(kind, event_id, customer, at)


def stripe_subscription(kind: str, event_id: str, person: Person, at: datetime) -> bytes:
    """customer.subscription.created, customer.subscription.updated"""
    subscription = {
        "id": f"sub_{person.stripe_id[4:]}",
        "object": "subscription",
        "customer": person.stripe_id,
        "status": "active",
    }
    return _stripe(kind, event_id, subscription, at)


def stripe_checkout(event_id: str, person: Person, at: datetime, *, promotions: str | None) -> bytes:
    """checkout.session.completed; ``promotions`` is opt_in, opt_out, or None where nobody was asked."""
    session = {
        "id": f"cs_test_{event_id[4:]}",
        "object": "checkout.session",
        "customer": person.stripe_id,
        "customer_details": {"email": person.email, "name": person.name, "phone": person.phone},
        "consent": {"promotions": promotions, "terms_of_service": "accepted"},
        "payment_status": "paid",
    }
    return _stripe("checkout.session.completed", event_id, session, at)


def mailchimp_member(kind: str, person: Person, at: datetime) -> bytes:
    """subscribe, unsubscribe, profile"""
    member = {
        "data[id]": person.mailchimp_id,
        "data[list_id]": LIST_ID,
        "data[email]": person.email,
        "data[email_type]": "html",
        "data[merges][EMAIL]": person.email,
        "data[merges][FNAME]": person.first,
        "data[merges][LNAME]": person.last,
    }
    extra = {"data[action]": "unsub", "data[reason]": "manual"} if kind == "unsubscribe" else {}
    return _form(kind, at, {**extra, **member})


def mailchimp_email_change(person: Person, new_email: str, at: datetime) -> bytes:
    """upemail"""
    change = {
        "data[list_id]": LIST_ID,
        "data[new_id]": person.mailchimp_id[::-1],
        "data[new_email]": new_email,
        "data[old_email]": person.email,
    }
    return _form("upemail", at, change)


def mailchimp_bounce(person: Person, at: datetime) -> bytes:
    """cleaned"""
    bounce = {"data[list_id]": LIST_ID, "data[reason]": "hard", "data[email]": person.email}
    return _form("cleaned", at, {"data[campaign_id]": "4fjk2ma9xd", **bounce})


def mandrill_batch(kind: str, message_id: str, person: Person, at: datetime) -> bytes:
    """One message event: send, open, click."""
    message = {"_id": message_id, "email": person.email, "subject": "Your order", "state": "sent"}
    events = [{"event": kind, "_id": message_id, "ts": int(at.timestamp()), "msg": message}]
    return urlencode({"mandrill_events": json.dumps(events)}).encode()


def woocommerce_customer(person: Person, at: datetime) -> bytes:
    """customer.created, customer.updated"""
    customer = {
        "id": person.woocommerce_id,
        "date_created_gmt": _naive(at),
        "date_modified_gmt": _naive(at),
        "email": person.email,
        "first_name": person.first,
        "last_name": person.last,
        "role": "customer",
        "username": person.email.partition("@")[0],
        "billing": _billing(person),
        "meta_data": [],
    }
    return _json(customer)


def woocommerce_order(
    person: Person, order_id: int, at: datetime, *, status: str, guest: bool = False
) -> bytes:
    """order.created, order.updated; a guest is known by the billing address alone."""
    order = {
        "id": order_id,
        "number": str(order_id),
        "status": status,
        "currency": "EUR",
        "total": "24.90",
        "customer_id": 0 if guest else person.woocommerce_id,
        "date_modified_gmt": _naive(at),
        "billing": _billing(person),
        "shipping": {},
        "line_items": [{"id": 1, "name": "Enamel mug", "quantity": 1}],
    }
    return _json(order)


def hasura_row(event_id: str, table: str, operation: str, row: Mapping[str, object], at: datetime) -> bytes:
    """One row change, as an event trigger sends it."""
    data = {"old": None if operation == "INSERT" else row, "new": None if operation == "DELETE" else row}
    return _json(
        {
            "id": event_id,
            "created_at": to_text(at),
            "trigger": {"name": f"{table}_changed"},
            "table": {"schema": "public", "name": table},
            "event": {"op": operation, "session_variables": None, "data": data},
            "delivery_info": {"current_retry": 0, "max_retries": 5},
        }
    )


def hasura_person(person: Person, at: datetime) -> dict[str, object]:
    """A row of ``data_subjects`` or ``users``."""
    return {
        "id": person.uuid,
        "email": person.email,
        "phone": person.phone,
        "name": person.name,
        "updated_at": to_text(at),
    }


def _billing(person: Person) -> dict[str, object]:
    return {
        "first_name": person.first,
        "last_name": person.last,
        "address_1": person.street,
        "postcode": person.postcode,
        "city": person.city,
        "country": "DE",
        "email": person.email,
        "phone": person.phone or "",
    }


def _stripe(kind: str, event_id: str, resource: Mapping[str, object], at: datetime) -> bytes:
    event = {
        "id": event_id,
        "object": "event",
        "api_version": "2026-09-30",
        "created": int(at.timestamp()),
        "livemode": False,
        "type": kind,
        "data": {"object": resource},
    }
    return json.dumps(event, indent=2).encode()  # Stripe indents, and signs what it sends


def _form(kind: str, at: datetime, data: Mapping[str, str]) -> bytes:
    return urlencode({"type": kind, "fired_at": f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}", **data}).encode()


def _json(document: Mapping[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def _naive(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
