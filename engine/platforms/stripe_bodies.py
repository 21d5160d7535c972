"""Stripe's snapshot events: what is read from each.

A customer says nothing about consent; only a completed checkout does. Subscriptions name their customer by id
alone, so they link by ``("stripe", "cus_…")``. Source: https://docs.stripe.com/api/events/types
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from ..errors import PermanentError
from . import activities
from .base import Change, ConsentSignal, Extraction, Person
from .bodies import categories, has_address, mapping, text, unix_time_of

_PROMOTIONS = {"opt_in": "granted", "opt_out": "withdrawn"}


def read(topic: str, event: Mapping[str, object]) -> Extraction:
    """Read an event under its type. Raises PermanentError when its object is of another kind."""
    if topic not in READERS:
        raise PermanentError("no workflow handles this Stripe event type")
    kind, reader = READERS[topic]
    resource = mapping(mapping(event.get("data")).get("object"))
    if resource.get("object") != kind:
        raise PermanentError(f"the event's object is not a {kind}")
    return reader(resource, unix_time_of(event.get("created")))


def _profile(customer: Mapping[str, object], at: datetime | None) -> Extraction:
    return _customer(customer, at, Change.UPSERT, activities.CUSTOMER_PROFILE)


def _deletion(customer: Mapping[str, object], at: datetime | None) -> Extraction:
    return _customer(customer, at, Change.MATCH_ONLY, activities.CUSTOMER_DELETION)


def _customer(
    customer: Mapping[str, object], at: datetime | None, change: Change, activity: activities.Activity
) -> Extraction:
    shipping = mapping(customer.get("shipping"))
    person = Person(
        email=text(customer.get("email")),
        phone=text(customer.get("phone")),
        name=text(customer.get("name")),
        external_ids=_required(customer.get("id")),
    )
    fields = categories(
        person,
        phone=person.phone or text(shipping.get("phone")),
        name=person.name or text(shipping.get("name")),
        address=has_address(customer.get("address"), shipping.get("address")),
    )
    return Extraction(change, *activity, fields=fields, person=person, occurred_at=at)


def _subscription(subscription: Mapping[str, object], at: datetime | None) -> Extraction:
    """Newer accounts name ``customer_account`` (``acct_…``) in place of ``customer``."""
    external_ids = _external(subscription.get("customer")) or _external(subscription.get("customer_account"))
    if not external_ids:
        raise PermanentError("the subscription names no customer")
    return Extraction(
        Change.UPSERT,
        *activities.SUBSCRIPTION,
        fields=("subscription",),
        person=Person(external_ids=external_ids),
        occurred_at=at,
    )


def _checkout(session: Mapping[str, object], at: datetime | None) -> Extraction:
    details = mapping(session.get("customer_details"))
    collected = mapping(mapping(session.get("collected_information")).get("shipping_details"))
    person = Person(
        email=text(details.get("email")) or text(session.get("customer_email")),
        phone=text(details.get("phone")),
        name=text(details.get("name")) or text(collected.get("name")),
        external_ids=_external(session.get("customer")) or _external(session.get("customer_account")),
    )
    fields = categories(
        person,
        address=has_address(details.get("address"), collected.get("address")),
        purchase_history=True,
    )
    return Extraction(
        Change.NOBODY if person.nameless else Change.UPSERT,
        *activities.CHECKOUT,
        fields=fields,
        person=None if person.nameless else person,
        consents=() if person.nameless else _consents(mapping(session.get("consent")), at),
        occurred_at=at,
    )


def _consents(consent: Mapping[str, object], at: datetime | None) -> tuple[ConsentSignal, ...]:
    """``consent.promotions`` and ``consent.terms_of_service``; null means that nobody was asked."""
    signals = []
    promotions = text(consent.get("promotions"))
    if promotions in _PROMOTIONS:
        state, evidence = _PROMOTIONS[promotions], {"promotions": promotions}
        signals.append(ConsentSignal(activities.DIRECT_MARKETING, "email", state, at, evidence))
    if consent.get("terms_of_service") == "accepted":
        evidence = {"terms_of_service": "accepted"}
        signals.append(ConsentSignal(activities.TERMS_OF_SERVICE, "all", "granted", at, evidence))
    return tuple(signals)


def _external(reference: object) -> tuple[tuple[str, str], ...]:
    """A reference is an id, or the whole object where the endpoint expands it."""
    found = text(reference) or text(mapping(reference).get("id"))
    return (("stripe", found),) if found else ()


def _required(reference: object) -> tuple[tuple[str, str], ...]:
    external_ids = _external(reference)
    if not external_ids:
        raise PermanentError("the customer has no id")
    return external_ids


Reader = Callable[[Mapping[str, object], datetime | None], Extraction]

_SUBSCRIPTION_CHANGES = (
    *("created", "updated", "deleted", "paused", "resumed"),
    *("pending_update_applied", "pending_update_expired", "trial_will_end"),
)
READERS: Mapping[str, tuple[str, Reader]] = MappingProxyType(
    {
        "customer.created": ("customer", _profile),
        "customer.updated": ("customer", _profile),
        "customer.deleted": ("customer", _deletion),
        "checkout.session.completed": ("checkout.session", _checkout),
        **{
            f"customer.subscription.{name}": ("subscription", _subscription) for name in _SUBSCRIPTION_CHANGES
        },
    }
)
"""Every event type that is processed: the kind of its object and its reader."""
