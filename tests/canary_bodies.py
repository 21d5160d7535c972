"""Deliveries of all platforms that carry the canaries in every place where real ones carry a person."""

from __future__ import annotations

import json
from urllib.parse import urlencode

from canaries import CANARIES

EMAIL, NAME, PHONE = CANARIES["email"], CANARIES["name"], CANARIES["phone"]
FIRST, LAST = NAME.split()
ADDRESS = {"address1": CANARIES["street"], "city": "Ulm", "phone": CANARIES["phone as typed"]}
CUSTOMER = {
    "id": int(CANARIES["customer id"]),
    "admin_graphql_api_id": f"gid://shopify/Customer/{CANARIES['customer id']}",
    "email": EMAIL,
    "phone": PHONE,
    "first_name": FIRST,
    "last_name": LAST,
    "note": CANARIES["free text"],
    "state": "enabled",
    "verified_email": True,
    "addresses": [ADDRESS],
    "default_address": ADDRESS,
    "updated_at": "2026-03-01T10:00:00Z",
}


def as_json(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode()


def form(**fields: str) -> bytes:
    return urlencode(fields).encode()


def stripe(number: int, topic: str, **content: object) -> tuple[str, str, bytes]:
    event = {"id": f"evt_c{number}", "object": "event", "type": topic, "created": 1_772_000_000}
    return "stripe", topic, as_json({**event, "data": {"object": content}})


def hasura(number: int, table: str, **row: object) -> tuple[str, str, bytes]:
    payload = {
        "id": f"85558393-c75d-4d2f-9c15-e80591b8389{number}",
        "created_at": "2026-03-01T10:00:00.12345Z",
        "trigger": {"name": "t"},
        "table": {"schema": "public", "name": table},
        "event": {"op": "INSERT", "session_variables": None, "data": {"old": None, "new": row}},
    }
    return "hasura", f"{table}.INSERT", as_json(payload)


GOOD = [
    ("shopify", "customers/create", as_json(CUSTOMER)),
    (
        "shopify",
        "orders/create",
        as_json(
            {
                "id": 820982911946154508,
                "email": EMAIL,
                "contact_email": EMAIL,
                "phone": PHONE,
                "note": CANARIES["note"],
                "browser_ip": CANARIES["address"],
                "client_details": {"browser_ip": CANARIES["address"]},
                "updated_at": "2026-03-01T10:00:00Z",
                "customer": CUSTOMER,
                "shipping_address": {**ADDRESS, "name": NAME},
            }
        ),
    ),
    (
        "shopify",
        "customers_email_marketing_consent/update",
        as_json(
            {
                "customer_id": CUSTOMER["id"],
                "email_address": EMAIL,
                "email_marketing_consent": {
                    "state": "subscribed",
                    "opt_in_level": "single_opt_in",
                    "consent_updated_at": "2026-03-01T10:00:00Z",
                },
            }
        ),
    ),
    (
        "shopify",
        "customers/data_request",
        as_json(
            {
                "shop_id": 1,
                "shop_domain": "demo.myshopify.com",
                "orders_requested": [1],
                "customer": {"id": CUSTOMER["id"], "email": EMAIL, "phone": PHONE},
                "data_request": {"id": 9},
            }
        ),
    ),
    stripe(
        1,
        "customer.created",
        id=CANARIES["stripe customer"],
        object="customer",
        email=EMAIL,
        name=NAME,
        phone=PHONE,
        description=CANARIES["free text"],
        address={"line1": CANARIES["street"]},
        created=1_772_000_000,
    ),
    stripe(
        2,
        "checkout.session.completed",
        id="cs_1",
        object="checkout.session",
        customer=CANARIES["stripe customer"],
        created=1_772_000_000,
        customer_details={"email": EMAIL, "name": NAME, "phone": PHONE},
        consent={"promotions": "opt_in", "terms_of_service": None},
    ),
    (
        "mailchimp",
        "subscribe",
        form(
            **{
                "type": "subscribe",
                "fired_at": "2026-03-01 10:00:00",
                "data[id]": "8a25ff1d98",
                "data[list_id]": "a6b5da1054",
                "data[email]": EMAIL,
                "data[merges][EMAIL]": EMAIL,
                "data[merges][FNAME]": FIRST,
                "data[merges][LNAME]": LAST,
                "data[ip_opt]": CANARIES["address"],
            }
        ),
    ),
    (
        "mailchimp",
        "upemail",
        form(
            **{
                "type": "upemail",
                "fired_at": "2026-03-01 10:00:01",
                "data[list_id]": "a6b5da1054",
                "data[new_id]": "51da8c3259",
                "data[new_email]": EMAIL,
                "data[old_email]": CANARIES["old email"],
            }
        ),
    ),
    (
        "mandrill",
        "batch",
        form(mandrill_events=json.dumps([{"event": "open", "msg": {"email": EMAIL}, "ip": NAME}])),
    ),
    (
        "woocommerce",
        "order.created",
        as_json(
            {
                "id": 727,
                "customer_id": 0,
                "customer_note": CANARIES["note"],
                "customer_ip_address": CANARIES["address"],
                "date_modified_gmt": "2026-03-01T10:00:00",
                "billing": {
                    "first_name": FIRST,
                    "last_name": LAST,
                    "email": EMAIL,
                    "phone": CANARIES["phone as typed"],
                    "address_1": CANARIES["street"],
                },
            }
        ),
    ),
    hasura(
        1,
        "data_subjects",
        id="0e1d2c3b-4a59-4687-9544-33221100ffee",
        email=CANARIES["old email"],
        name=NAME,
        phone=PHONE,
    ),
    hasura(2, "users", id="1f1d2c3b-4a59-4687-9544-33221100ffee", email=CANARIES["user email"], name=NAME),
    hasura(3, "data_subjects_rights_requests", type=EMAIL, details=CANARIES["note"]),
]
"""What is taken and processed."""

POISON = [
    ("shopify", "customers/create", as_json({**CUSTOMER, "updated_at": EMAIL})),
    ("shopify", "customers/update", as_json({"email": EMAIL, "name": NAME})),
    stripe(3, "customer.updated", id=CANARIES["stripe customer"], object=EMAIL, email=EMAIL),
    ("woocommerce", "customer.created", as_json({"code": EMAIL, "message": NAME})),
]
"""What is taken and fails in its workflow, with the value itself as the fault."""
