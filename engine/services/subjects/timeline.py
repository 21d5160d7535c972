"""Everything that happened to one person's data, in one list, newest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import SQL

from ...store import models
from ...store.each import of_each
from ..pages import Page, Place, before, cut, read_place

# Each kind of entry, its table, and the column that says when it happened.
_SOURCES: Sequence[tuple[str, Any, Any]] = (
    ("event", models.Event, models.Event.received_at),
    ("consent", models.Consent, models.Consent.occurred_at),
    ("rights_request", models.RightsRequest, models.RightsRequest.received_at),
    ("processing_activity", models.ProcessingActivity, models.ProcessingActivity.occurred_at),
)
KINDS = tuple(kind for kind, _, _ in _SOURCES)
_THEIR_OWN = ("processing_activity", "rights_request")


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: ``row`` is an Event, a Consent, a RightsRequest or a ProcessingActivity."""

    at: datetime
    kind: str
    row: Any


def of_people(
    tenant_id: str,
    subject_ids: Sequence[str],
    *,
    kinds: Collection[str] = KINDS,
    told: bool = False,
    limit: int = 50,
    cursor: str | None = None,
) -> Page[Entry]:
    """A page of the timeline of somebody, and those merged into them; of these kinds alone. ``told`` leaves out
    the events by which activities and requests went their way: those are entries by themselves."""
    after = None if cursor is None else read_place("timeline", cursor)
    entries = [
        Entry(getattr(row, at.name), kind, row)
        for kind, model, at in _SOURCES
        if kind in kinds
        for row in _rows(model, at, tenant_id, subject_ids, told, after, limit + 1)
    ]
    entries.sort(key=lambda entry: (entry.at, entry.row.id), reverse=True)
    return cut("timeline", entries, limit, lambda entry: Place(entry.at, entry.row.id))


def _rows(
    model: Any, at: Any, tenant_id: str, people: Sequence[str], told: bool, after: Place | None, count: int
) -> list[Any]:
    def of(subject_id: str) -> Any:
        query = model.select().where(model.tenant_id == tenant_id, model.subject_id == subject_id)
        if told and model is models.Event:
            query = query.where(model.workflow.not_in(_THEIR_OWN))
        return query if after is None else query.where(before(at, model.id, after))

    return list(of_each(people, of).order_by(SQL(at.column_name).desc(), SQL("id").desc()).limit(count))
