"""Mailchimp's audience forms: what is read from each.

Subscribing is consent, unsubscribing withdraws it. Three things look like a withdrawal and are none: a
contact deleted from the audience (``action=delete``, unless for a spam complaint), an address that bounces
(``cleaned``), and an address that changes (``upemail``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from ..errors import PermanentError
from . import activities
from .base import Change, ConsentSignal, Extraction, Person
from .bodies import categories, full_name, has_address, mapping, printable, text, time_of

Form = Mapping[str, object]


def read(topic: str, form: Form) -> Extraction:
    """Read a form under its type. Raises PermanentError when it lacks what its type promises."""
    if topic not in READERS:
        raise PermanentError("no workflow handles this Mailchimp webhook type")
    return READERS[topic](form)


def _subscribe(form: Form) -> Extraction:
    return _member(form, Change.UPSERT, activities.MARKETING_CONSENT, "granted")


def _unsubscribe(form: Form) -> Extraction:
    """A withdrawal is recorded also for somebody unknown, so that a later import can't undo it."""
    data = _data(form)
    if text(data.get("action")) == "delete" and text(data.get("reason")) != "abuse":
        return _member(form, Change.MATCH_ONLY, activities.MARKETING_REMOVAL)
    return _member(form, Change.UPSERT, activities.MARKETING_CONSENT, "withdrawn")


def _profile(form: Form) -> Extraction:
    return _member(form, Change.UPSERT, activities.MARKETING_PROFILE)


def _member(form: Form, change: Change, activity: activities.Activity, state: str = "") -> Extraction:
    data = _data(form)
    merges = mapping(data.get("merges"))
    person = Person(
        email=text(data.get("email")) or text(merges.get("EMAIL")),
        phone=text(merges.get("PHONE")),
        name=full_name(merges, "FNAME", "LNAME"),
        external_ids=_external(data, "id"),
    )
    fields = categories(
        _somebody(person),
        address=has_address(merges.get("ADDRESS")) or text(merges.get("ADDRESS")),
        interests=text(merges.get("INTERESTS")) or merges.get("GROUPINGS"),
        ip_address=text(data.get("ip_opt")) or text(data.get("ip_signup")),
    )
    at = time_of(form.get("fired_at"), naive_is_utc=True)
    evidence = printable({key: source.get(key) for source, key in _evidence(form, data)})
    signal = ConsentSignal(activities.DIRECT_MARKETING, "email", state, at, evidence)
    consents = (signal,) if state else ()
    return Extraction(change, *activity, fields=fields, person=person, consents=consents, occurred_at=at)


def _evidence(form: Form, data: Form) -> list[tuple[Form, str]]:
    return [(form, "type"), (data, "action"), (data, "reason"), (data, "campaign_id")]


def _address_change(form: Form) -> Extraction:
    """``upemail``: the member has a new id with the new address; the old id is not told."""
    data = _data(form)
    person = Person(email=text(data.get("new_email")), external_ids=_external(data, "new_id"))
    previous = Person(email=text(data.get("old_email")))
    if person.email is None or previous.email is None:
        raise PermanentError("an address change lacks the old or the new address")
    return Extraction(
        Change.MOVE,
        *activities.EMAIL_CHANGE,
        fields=("email",),
        person=person,
        previous=previous,
        occurred_at=time_of(form.get("fired_at"), naive_is_utc=True),
    )


def _cleaned(form: Form) -> Extraction:
    person = _somebody(Person(email=text(_data(form).get("email"))))
    return Extraction(
        Change.MATCH_ONLY,
        *activities.EMAIL_BOUNCE,
        fields=("email",),
        person=person,
        occurred_at=time_of(form.get("fired_at"), naive_is_utc=True),
    )


def _somebody(person: Person) -> Person:
    if person.nameless:
        raise PermanentError("the form names no member of the audience")
    return person


def _data(form: Form) -> dict[str, object]:
    data = mapping(form.get("data"))
    if text(data.get("list_id")) is None:
        raise PermanentError("the form names no audience (data[list_id])")
    return data


def _external(data: Form, key: str) -> tuple[tuple[str, str], ...]:
    """Member ids are unique within their audience only."""
    list_id, member_id = text(data.get("list_id")), text(data.get(key))
    return (("mailchimp", f"{list_id}:{member_id}"),) if member_id else ()


READERS: Mapping[str, Callable[[Form], Extraction]] = MappingProxyType(
    {
        "subscribe": _subscribe,
        "unsubscribe": _unsubscribe,
        "profile": _profile,
        "upemail": _address_change,
        "cleaned": _cleaned,
    }
)
"""Every webhook type that is processed; ``campaign`` concerns no person."""
