"""WooCommerce's bodies: which shape each topic has, and what is read from it.

A body is the REST response (wc/v3) as the webhook's owner may see it; when the owner lost that right it is an
error object with a valid signature. ``order_key`` opens the order to whoever holds it: it is never read.
Core has no consent; the option ``consent_meta_key`` says where the shop's plug-in keeps it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from ..errors import PermanentError
from . import activities
from .base import Change, ConsentSignal, Endpoint, Extraction, Person
from .bodies import categories, full_name, has_address, identifier, mapping, sequence, text, time_of
from .consent_words import state_of

Body = Mapping[str, object]

_ORDER_KEYS = frozenset({"order_key", "line_items", "customer_id"})
_CUSTOMER_KEYS = frozenset({"email", "username", "role", "first_name", "last_name"})


def read(topic: str, body: Body, endpoint: Endpoint) -> Extraction:
    """Read a body under its topic. Raises PermanentError when the two don't belong together."""
    if topic not in READERS:
        raise PermanentError("no workflow handles this WooCommerce topic")
    if "code" in body and "message" in body:
        raise PermanentError("an error object: the webhook's owner may not read this resource any more")
    if identifier(body.get("id")) is None:
        raise PermanentError("the body has no id")
    return READERS[topic](body, endpoint)


def _profile(body: Body, endpoint: Endpoint) -> Extraction:
    if _ORDER_KEYS & body.keys() or not _CUSTOMER_KEYS & body.keys():
        raise PermanentError("the body is not a customer")
    billing, shipping = mapping(body.get("billing")), mapping(body.get("shipping"))
    person = Person(
        email=text(body.get("email")) or text(billing.get("email")),
        phone=text(billing.get("phone")),
        name=full_name(body) or full_name(billing),
        external_ids=_external(body.get("id"), endpoint),
    )
    fields = categories(person, address=has_address(billing, shipping), username=text(body.get("username")))
    return _upsert(activities.CUSTOMER_PROFILE, fields, person, body, endpoint)


def _deletion(body: Body, endpoint: Endpoint) -> Extraction:
    if body.keys() != {"id"}:
        raise PermanentError("a deletion carries the id and nothing else")
    person = Person(external_ids=_external(body.get("id"), endpoint))
    return Extraction(Change.MATCH_ONLY, *activities.CUSTOMER_DELETION, person=person)


def _order(body: Body, endpoint: Endpoint) -> Extraction:
    """A customer's order, or a guest's (``customer_id`` 0), who is known by the billing address alone."""
    if not _ORDER_KEYS & body.keys():
        raise PermanentError("the body is not an order")
    billing, shipping = mapping(body.get("billing")), mapping(body.get("shipping"))
    person = Person(
        email=text(billing.get("email")),
        phone=text(billing.get("phone")),
        name=full_name(billing) or full_name(shipping),
        external_ids=_external(body.get("customer_id"), endpoint),
    )
    fields = categories(
        person,
        address=has_address(billing, shipping),
        ip_address=text(body.get("customer_ip_address")),
        device=text(body.get("customer_user_agent")),
        note=text(body.get("customer_note")),
        purchase_history=True,
    )
    if person.nameless:
        return Extraction(Change.NOBODY, *activities.ORDER, fields=fields, occurred_at=_modified(body))
    return _upsert(activities.ORDER, fields, person, body, endpoint)


def _upsert(
    activity: activities.Activity, fields: tuple[str, ...], person: Person, body: Body, endpoint: Endpoint
) -> Extraction:
    return Extraction(
        Change.UPSERT,
        *activity,
        fields=fields,
        person=person,
        consents=_consents(body, endpoint.options.get("consent_meta_key", "").strip()),
        occurred_at=_modified(body),
    )


def _consents(body: Body, meta_key: str) -> tuple[ConsentSignal, ...]:
    """The operator-mapped ``meta_data`` entry; of several with that key the last one, the newest, counts."""
    entries = [mapping(entry) for entry in sequence(body.get("meta_data"))]
    values = [entry.get("value") for entry in entries if meta_key and entry.get("key") == meta_key]
    state = state_of(values[-1]) if values else None
    if state is None:
        return ()
    evidence = {"source": "meta_data", "state": state}
    return (ConsentSignal(activities.DIRECT_MARKETING, "email", state, _modified(body), evidence),)


def _external(value: object, endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    """Ids count up from 1 in every shop, so they are scoped to the connector."""
    found = identifier(value)
    return ((f"woocommerce:{endpoint.connector_id}", found),) if found else ()


def _modified(body: Body) -> datetime | None:
    return time_of(body.get("date_modified_gmt"), naive_is_utc=True)


READERS: Mapping[str, Callable[[Body, Endpoint], Extraction]] = MappingProxyType(
    {
        "customer.created": _profile,
        "customer.updated": _profile,
        "customer.deleted": _deletion,
        "order.created": _order,
        "order.updated": _order,
    }
)
"""Every topic that is processed; a deleted order names nobody, a restored one says nothing new."""
