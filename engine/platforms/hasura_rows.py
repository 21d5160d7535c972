"""Rows of an application's own tables, read by common column names.

A table is the operator's, so nothing in it is promised: a column that isn't there is left out, never guessed.
The whole row goes along as ``record`` for the workflow its table maps to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from . import activities
from .base import Change, ConsentSignal, Extraction, Person, RequestSignal
from .bodies import categories, full_name, identifier, text, time_of
from .consent_words import state_of

REQUEST_TYPES = frozenset(
    {
        *("access", "access_categories", "rectification", "erasure", "restriction", "portability"),
        *("objection", "automated_decision_opt_out", "sale_opt_out", "sale_opt_in", "sensitive_limit"),
        *("tracking_opt_out", "consent_withdrawal", "complaint", "other"),
    }
)
REQUEST_SYNONYMS: Mapping[str, str] = MappingProxyType(
    {
        **{"delete": "erasure", "deletion": "erasure", "erase": "erasure", "forget": "erasure"},
        **{"data_access": "access", "export": "portability", "data_portability": "portability"},
        **{"correct": "rectification", "correction": "rectification", "rectify": "rectification"},
        **{"object": "objection", "restrict": "restriction", "opt_out": "sale_opt_out"},
        **{"do_not_sell": "sale_opt_out", "withdraw_consent": "consent_withdrawal"},
    }
)
"""Everyday names of the types above, compared in lower case with ``_`` for blanks and hyphens."""
REGIMES = frozenset({"gdpr", "uk_gdpr", "ccpa", "ccpa_opt_out", "shopify"})

_SEPARATOR = re.compile(r"[\s\-]+")
_ADDRESS_COLUMNS = (
    *(
        "address",
        "address1",
        "address_1",
        "address_line1",
        "street",
        "city",
        "postcode",
        "postal_code",
        "zip",
    ),
    *("legal_address", "billing_address", "shipping_address"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One changed row and what is needed to read it. ``tables`` names the table of each workflow."""

    values: Mapping[str, object]
    deleted: bool
    table: str
    changed_at: datetime | None
    scope: str
    tables: Mapping[str, str]
    consent_column: str

    def text(self, *columns: str) -> str | None:
        """The first of these columns that holds a text."""
        return next((found for column in columns if (found := text(self.values.get(column)))), None)

    def occurred_at(self, *columns: str) -> datetime | None:
        """The first of these columns that holds a time, else when Hasura saw the change.

        A deleted row's columns tell when it was last written, not when it went.
        """
        if self.deleted:
            return self.changed_at
        found = (self.text(column) for column in columns)
        return next((_time(value) for value in found if value), None) or self.changed_at

    def own_id(self) -> tuple[tuple[str, str], ...]:
        """The row as an external id, for rows that are a person."""
        return self._reference(self.table, self.values.get("id"))

    def link_to(self, workflow: str, *columns: str) -> tuple[tuple[str, str], ...]:
        """A foreign key as the external id that the row it points to has."""
        found = (identifier(self.values.get(column)) for column in columns)
        return self._reference(self.tables[workflow], next((value for value in found if value), None))

    def _reference(self, table: str, row_id: object) -> tuple[tuple[str, str], ...]:
        found = identifier(row_id)
        return ((f"{self.scope}:{table}", found),) if found else ()

    def person(self, external_ids: tuple[tuple[str, str], ...]) -> Person:
        """A person by the usual column names."""
        return Person(
            email=self.text("email", "email_address"),
            phone=self.text("phone", "phone_number"),
            name=self.text("name", "full_name") or full_name(self.values),
            external_ids=external_ids,
            email_verified=self.values.get("email_verified") is True,
        )


def _time(value: str) -> datetime | None:
    """PostgreSQL's ``timestamp`` columns have no offset; by convention they hold UTC."""
    return time_of(value, naive_is_utc=True)


def _of_person(
    row: Row, activity: activities.Activity, person: Person, request: RequestSignal | None = None
) -> Extraction:
    """What all rows about a person share; deletions only ever match."""
    return Extraction(
        Change.NOBODY if person.nameless else Change.MATCH_ONLY if row.deleted else Change.UPSERT,
        *activity,
        fields=_categories(row, person),
        person=None if person.nameless else person,
        consents=_consents(row),
        request=request,
        occurred_at=row.occurred_at("updated_at", "created_at"),
        record=row.values,
    )


def _controller(row: Row) -> Extraction:
    at = row.occurred_at("updated_at", "created_at")
    return Extraction(Change.NOBODY, *activities.CONTROLLER_RECORD, occurred_at=at, record=row.values)


def _subject(row: Row) -> Extraction:
    return _of_person(row, activities.SUBJECT_RECORD, row.person(row.own_id()))


def _user(row: Row) -> Extraction:
    return _of_person(row, activities.USER_RECORD, row.person(row.own_id()))


def _membership(row: Row) -> Extraction:
    return _of_person(row, activities.MEMBERSHIP_RECORD, row.person(row.link_to("user", "user_id")))


def _processing_activity(row: Row) -> Extraction:
    """The row states the activity itself; what it leaves out stays ``unspecified``."""
    person = row.person(row.link_to("data_subject", "data_subject_id", "subject_id"))
    nobody = person.nameless
    stated = activities.Activity(
        row.text("activity_type") or activities.UNSPECIFIED.activity_type,
        row.text("purpose") or activities.UNSPECIFIED.purpose,
        row.text("legal_basis") or activities.UNSPECIFIED.legal_basis,
    )
    return Extraction(
        Change.NOBODY if nobody else Change.MATCH_ONLY if row.deleted else Change.UPSERT,
        *stated,
        fields=_field_names(row.values.get("fields")),
        person=None if nobody else person,
        occurred_at=row.occurred_at("occurred_at", "created_at"),
        record=row.values,
    )


def _rights_request(row: Row) -> Extraction:
    person = row.person(row.link_to("data_subject", "data_subject_id", "subject_id"))
    request = RequestSignal(
        type=request_type(row.text("type", "request_type")),
        regime=_known_regime(row.text("regime")),
        reference=(identifier(row.values.get("id")) or "")[:200],
    )
    return _of_person(row, activities.RIGHTS_REQUEST, person, None if row.deleted else request)


def request_type(value: str | None) -> str:
    """The rights engine's name for a type, ``other`` for one it doesn't know."""
    name = _SEPARATOR.sub("_", (value or "").lower())
    name = REQUEST_SYNONYMS.get(name, name)
    return name if name in REQUEST_TYPES else "other"


def _known_regime(value: str | None) -> str:
    """The regime a row names; empty for none, and then the tenant's jurisdiction decides."""
    name = _SEPARATOR.sub("_", (value or "").lower())
    return name if name in REGIMES else ""


def _field_names(value: object) -> tuple[str, ...]:
    """A text array or JSON array of names; or one text, separated by commas."""
    names = value.split(",") if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(sorted({name[:200] for name in map(text, names) if name}))


def _categories(row: Row, person: Person) -> tuple[str, ...]:
    return categories(
        person,
        address=row.text(*_ADDRESS_COLUMNS),
        birth_date=row.text("birth_date", "date_of_birth", "birthday"),
        gender=row.values.get("gender"),
        ip_address=row.text("ip_address", "source_ip"),
    )


def _consents(row: Row) -> tuple[ConsentSignal, ...]:
    """The operator-mapped column; a deleted row takes back nothing that was said."""
    state = state_of(row.values.get(row.consent_column)) if row.consent_column else None
    if state is None or row.deleted:
        return ()
    at = row.occurred_at("updated_at", "created_at")
    evidence = {"source": "column", "state": state}
    return (ConsentSignal(activities.DIRECT_MARKETING, "email", state, at, evidence),)


READERS: Mapping[str, Callable[[Row], Extraction]] = MappingProxyType(
    {
        "data_controller": _controller,
        "data_subject": _subject,
        "processing_activity": _processing_activity,
        "rights_request": _rights_request,
        "user": _user,
        "membership": _membership,
    }
)
"""How a row is read, by the workflow its table maps to."""
