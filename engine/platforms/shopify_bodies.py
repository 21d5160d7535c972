"""Shopify's bodies: what is read from each topic, once its shape is checked.

Consent stands in the two consent topics. Since API 2025-01 no other body carries any; the shapes up to
2024-10 (``email_marketing_consent``, ``accepts_marketing`` inside a customer) are read where they arrive.
``buyer_accepts_marketing`` of an order is a tick box of one checkout and no state of consent: never read.
Only customers/redact and shop/redact ask for erasure; customers/delete is a merchant tidying up.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from ..errors import PermanentError
from . import activities, shopify_shapes
from .base import Change, Extraction, Person, RequestSignal
from .bodies import categories, full_name, has_address, identifier, mapping, sequence, text, time_of
from .shopify_consent import Signals, email_consent, legacy_consents, sms_consent

_CUSTOMER_GID = re.compile(r"gid://shopify/Customer/([1-9][0-9]{0,19})")
_MERGE_STATES = ("requested", "in_progress", "failed")


def read(topic: str, body: Mapping[str, object]) -> Extraction:
    """Read a body under its topic. Raises PermanentError when the two don't belong together."""
    if topic not in READERS:
        raise PermanentError("no workflow handles this Shopify topic")
    shape, reader = READERS[topic]
    if not shape.fits(body):
        raise PermanentError("the body does not have the shape of its Shopify topic")
    return reader(body)


def _profile(body: Mapping[str, object]) -> Extraction:
    person = _person(body, _required_id(body, "id"))
    places = (body.get("default_address"), *sequence(body.get("addresses")))
    return Extraction(
        Change.UPSERT,
        *activities.CUSTOMER_PROFILE,
        fields=categories(
            person,
            phone=person.phone or any(text(mapping(place).get("phone")) for place in places),
            address=has_address(*places),
            note=text(body.get("note")),
        ),
        person=person,
        consents=legacy_consents(body),
        occurred_at=time_of(body.get("updated_at")),
    )


def _deletion(body: Mapping[str, object]) -> Extraction:
    person = Person(external_ids=_external(_required_id(body, "id")))
    return Extraction(Change.MATCH_ONLY, *activities.CUSTOMER_DELETION, person=person)


def _merge(body: Mapping[str, object]) -> Extraction:
    """Links move only once Shopify says the merge is done; before that, and if it failed, nobody changed."""
    status = (text(body["status"]) or "").lower()
    if status != "completed":
        noted = status if status in _MERGE_STATES else "unknown"
        activity = activities.CUSTOMER_MERGE._replace(activity_type=f"customer_merge_{noted}")
        return Extraction(Change.NOBODY, *activity)
    kept = _gid_number(body["admin_graphql_api_customer_kept_id"])
    deleted = _gid_number(body["admin_graphql_api_customer_deleted_id"])
    if kept == deleted:
        raise PermanentError("a customer can't be merged into itself")
    person, previous = Person(external_ids=_external(kept)), Person(external_ids=_external(deleted))
    return Extraction(Change.MERGE, *activities.CUSTOMER_MERGE, person=person, previous=previous)


def _email_consent(body: Mapping[str, object]) -> Extraction:
    customer_id = _required_id(body, "customer_id")
    person = Person(email=text(body.get("email_address")), external_ids=_external(customer_id))
    return _consent(person, email_consent(body["email_marketing_consent"]))


def _sms_consent(body: Mapping[str, object]) -> Extraction:
    person = Person(phone=text(body.get("phone")), external_ids=_external(_required_id(body, "id")))
    return _consent(person, sms_consent(body["sms_marketing_consent"]))


def _consent(person: Person, signal: Signals) -> Extraction:
    return Extraction(
        Change.UPSERT,
        *activities.MARKETING_CONSENT,
        fields=categories(person),
        person=person,
        consents=signal,
        occurred_at=signal[0].occurred_at if signal else None,
    )


def _order(body: Mapping[str, object]) -> Extraction:
    """An order somebody placed, or a sale at the till to somebody the shop doesn't know."""
    _required_id(body, "id")
    buyer = _buyer(body)
    return Extraction(
        Change.NOBODY if buyer.nameless else Change.UPSERT,
        *activities.ORDER,
        fields=_order_fields(body, buyer),
        person=None if buyer.nameless else buyer,
        occurred_at=time_of(body.get("updated_at")),
    )


def _buyer(body: Mapping[str, object]) -> Person:
    """The customer behind an order, or a guest by the e-mail and phone of the order itself."""
    customer = mapping(body.get("customer"))
    account = _person(customer, identifier(customer.get("id")))
    recipients = (mapping(body.get(place)) for place in ("billing_address", "shipping_address"))
    return replace(
        account,
        email=account.email or text(body.get("email")) or text(body.get("contact_email")),
        phone=account.phone or text(body.get("phone")),
        name=account.name or next(filter(None, map(full_name, recipients)), None),
    )


def _order_fields(body: Mapping[str, object], buyer: Person) -> tuple[str, ...]:
    billing, shipping = mapping(body.get("billing_address")), mapping(body.get("shipping_address"))
    customer, client = mapping(body.get("customer")), mapping(body.get("client_details"))
    return categories(
        buyer,
        phone=text(billing.get("phone")) or text(shipping.get("phone")),
        address=has_address(billing, shipping, customer.get("default_address")),
        ip_address=text(body.get("browser_ip")) or text(client.get("browser_ip")),
        device=text(client.get("user_agent")),
        note=text(body.get("note")),
        purchase_history=True,
    )


def _data_request(body: Mapping[str, object]) -> Extraction:
    reference = identifier(mapping(body["data_request"]).get("id")) or ""
    return _compliance(body, RequestSignal("access", "shopify", reference=reference[:200]))


def _customer_redact(body: Mapping[str, object]) -> Extraction:
    return _compliance(body, RequestSignal("erasure", "shopify"))


def _compliance(body: Mapping[str, object], request: RequestSignal) -> Extraction:
    """Shopify sends these also when the app never held the person: match, never create."""
    customer = mapping(body["customer"])
    person = _person(customer, identifier(customer.get("id")))
    if person.nameless:
        raise PermanentError("a compliance request names no customer")
    return Extraction(
        Change.MATCH_ONLY,
        *activities.RIGHTS_REQUEST,
        fields=categories(person),
        person=person,
        request=request,
    )


def _shop_redact(body: Mapping[str, object]) -> Extraction:
    del body  # the shape was checked; it names a shop and no person
    request = RequestSignal("erasure", "shopify", reference="shop")
    return Extraction(Change.NOBODY, *activities.RIGHTS_REQUEST, request=request)


def _person(customer: Mapping[str, object], customer_id: str | None) -> Person:
    return Person(
        email=text(customer.get("email")),
        phone=text(customer.get("phone")),
        name=full_name(customer),
        external_ids=_external(customer_id),
        email_verified=customer.get("verified_email") is True,
    )


def _external(customer_id: str | None) -> tuple[tuple[str, str], ...]:
    return (("shopify", customer_id),) if customer_id else ()


def _required_id(body: Mapping[str, object], key: str) -> str:
    """Shopify's ids are integers above 2**53; anything else passed through a hand that isn't Shopify's."""
    value = body[key]
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 2**64:
        raise PermanentError(f"{key} is not a Shopify id")
    return str(value)


def _gid_number(value: object) -> str:
    match = _CUSTOMER_GID.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise PermanentError("a merge names a customer without a gid://shopify/Customer/… id")
    return match[1]


Reader = Callable[[Mapping[str, object]], Extraction]

READERS: Mapping[str, tuple[shopify_shapes.Shape, Reader]] = MappingProxyType(
    {
        "customers/create": (shopify_shapes.CUSTOMER, _profile),
        "customers/update": (shopify_shapes.CUSTOMER, _profile),
        "customers/enable": (shopify_shapes.CUSTOMER, _profile),
        "customers/disable": (shopify_shapes.CUSTOMER, _profile),
        "customers/delete": (shopify_shapes.DELETED_CUSTOMER, _deletion),
        "customers/merge": (shopify_shapes.MERGE, _merge),
        "customers_email_marketing_consent/update": (shopify_shapes.EMAIL_CONSENT, _email_consent),
        "customers_marketing_consent/update": (shopify_shapes.SMS_CONSENT, _sms_consent),
        "orders/create": (shopify_shapes.ORDER, _order),
        "orders/updated": (shopify_shapes.ORDER, _order),
        "customers/data_request": (shopify_shapes.DATA_REQUEST, _data_request),
        "customers/redact": (shopify_shapes.CUSTOMER_REDACT, _customer_redact),
        "shop/redact": (shopify_shapes.SHOP_REDACT, _shop_redact),
    }
)
"""Every topic that is processed: its body's shape and its reader."""
