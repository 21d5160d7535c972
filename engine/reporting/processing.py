"""Records of processing activities (GDPR Art. 30), drawn from what was processed, not from what was planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, cast

from peewee import JOIN, fn

from ..store import models
from .periods import Period
from .report import Cell

TITLE = "Records of processing activities"
COLUMNS: Mapping[str, str] = {
    "activity": "Activity",
    "purpose": "Purpose",
    "legal_basis": "Legal basis",
    "subjects": "Categories of data subjects",
    "data": "Categories of data",
    "sources": "Where the data came from",
    "recipients": "Recipients",
    "people": "People",
    "times": "Times",
    "first_seen": "First seen",
    "last_seen": "Last seen",
}
NOTES = (
    "GDPR Art. 30(1): drawn from every activity that dxflow logged in the period. Recipients are those that "
    "dxflow itself passes something to for this purpose; others have to be added by hand, as have transfers to "
    "third countries and the contact of the data protection officer.",
    "Time limits for erasure (Art. 30(1)(f)): an activity stays as a commitment in the append-only log; what "
    "opens it, and all that names a person, is erased with the person (docs/erasure.md).",
    "Security measures (Art. 30(1)(g)): personal data is sealed with AES-256-GCM under a key for each person, "
    "wrapped by keys for each data controller; identifiers meet only as keyed blind indexes; the rows of each "
    "data controller are kept apart by the queries and by row-level security; every change and every look at a "
    "person is an entry in an append-only Merkle log; access is by role, with a second factor.",
)
_PEOPLE = {
    "marketing_consent": "subscribers",
    "marketing_profile": "subscribers",
    "marketing_removal": "subscribers",
    "email_change": "subscribers",
    "email_bounce": "subscribers",
    "rights_request": "people who make requests",
    "user_record": "staff and users",
    "membership_record": "staff and users",
    "data_controller_record": "none",
}
_OTHERWISE = "customers"
Key = tuple[str, str, str]


@dataclass(slots=True)
class _Seen:
    data: set[str] = field(default_factory=set)
    sources: set[str] = field(default_factory=set)
    times: int = 0
    people: int = 0
    first: datetime | None = None
    last: datetime | None = None

    def add(self, fields: Any, source: str, times: int, first: datetime, last: datetime) -> None:
        """One group of activities that had the same fields and source."""
        self.data |= {str(one) for one in fields} if isinstance(fields, list) else set()
        self.sources.add(source)
        self.times += times
        self.first = min(self.first or first, first)
        self.last = max(self.last or last, last)


def rows(tenant_id: str, period: Period) -> list[Mapping[str, Cell]]:
    """One row per activity, purpose and legal basis."""
    found: dict[Key, _Seen] = {}
    for activity, purpose, basis, fields, source, times, first, last in _groups(tenant_id, period):
        seen = found.setdefault((activity, purpose, basis), _Seen())
        seen.add(fields, source, int(times), first, last)
    for activity, purpose, basis, people in _people(tenant_id, period):
        found[activity, purpose, basis].people = int(people)
    told = _recipients(tenant_id)
    return [
        {
            "activity": key[0],
            "purpose": key[1],
            "legal_basis": key[2],
            "subjects": _PEOPLE.get(key[0], _OTHERWISE),
            "data": sorted(seen.data),
            "sources": sorted(seen.sources),
            "recipients": sorted(told.get(key[1], ())),
            "people": seen.people,
            "times": seen.times,
            "first_seen": _text(period.day(seen.first)),
            "last_seen": _text(period.day(seen.last)),
        }
        for key, seen in sorted(found.items())
    ]


def _groups(tenant_id: str, period: Period) -> Iterable[tuple[Any, ...]]:
    """(activity, purpose, basis, fields, source, how many, first, last)"""
    row = models.ProcessingActivity
    grouped = (row.activity_type, row.purpose, row.legal_basis, row.fields, row.source)
    ends = (fn.MIN(row.occurred_at), fn.MAX(row.occurred_at))
    query = row.select(
        *grouped, fn.COUNT(row.id), *(end.converter(row.occurred_at.python_value) for end in ends)
    )
    found: Iterable[tuple[Any, ...]] = _within(query, tenant_id, period).group_by(*grouped).tuples()
    return found


def _people(tenant_id: str, period: Period) -> Iterable[tuple[str, str, str, int]]:
    row = models.ProcessingActivity
    grouped = (row.activity_type, row.purpose, row.legal_basis)
    query = row.select(*grouped, fn.COUNT(fn.DISTINCT(row.subject_id)))
    found: Iterable[tuple[str, str, str, int]] = _within(query, tenant_id, period).group_by(*grouped).tuples()
    return found


def _recipients(tenant_id: str) -> dict[str, set[str]]:
    """Platforms that were told of consents, by purpose."""
    push, connector = models.ConsentPush, models.Connector
    query = (
        push.select(push.purpose, connector.platform)
        .join(connector, JOIN.INNER, on=connector.id == push.connector_id)
        .where(push.tenant_id == tenant_id, push.state == "done")
        .distinct()
    )
    told = cast("Iterable[tuple[str, str]]", query.tuples())
    found: dict[str, set[str]] = {}
    for purpose, platform in told:
        found.setdefault(purpose, set()).add(platform)
    return found


def _within(query: Any, tenant_id: str, period: Period) -> Any:
    row = models.ProcessingActivity
    query = query.where(row.tenant_id == tenant_id)
    if period.begin is not None:
        query = query.where(row.occurred_at >= period.begin)
    return query if period.end is None else query.where(row.occurred_at < period.end)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
