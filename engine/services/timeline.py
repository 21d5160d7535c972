"""Everything that happened to one person's data, in one list, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..store import models
from . import subjects
from .pages import Page, Place, cut, older, read_place

# Each kind of entry, its table, and the column that says when it happened.
_SOURCES: Sequence[tuple[str, Any, Any]] = (
    ("event", models.Event, models.Event.received_at),
    ("consent", models.Consent, models.Consent.occurred_at),
    ("rights_request", models.RightsRequest, models.RightsRequest.received_at),
    ("processing_activity", models.ProcessingActivity, models.ProcessingActivity.occurred_at),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: ``row`` is an Event, a Consent, a RightsRequest or a ProcessingActivity."""

    at: datetime
    kind: str
    row: Any


def of_subject(tenant_id: str, subject_id: str, *, limit: int = 50, cursor: str | None = None) -> Page[Entry]:
    """A page of the person's timeline. Raises NotFound for a data subject that isn't this tenant's."""
    subjects.get(tenant_id, subject_id)
    after = None if cursor is None else read_place("timeline", cursor)
    entries = [
        Entry(getattr(row, at.name), kind, row)
        for kind, model, at in _SOURCES
        for row in _rows(model, at, tenant_id, subject_id, after, limit + 1)
    ]
    entries.sort(key=lambda entry: (entry.at, entry.row.id), reverse=True)
    return cut("timeline", entries, limit, lambda entry: Place(entry.at, entry.row.id))


def _rows(model: Any, at: Any, tenant_id: str, subject_id: str, after: Place | None, count: int) -> list[Any]:
    query = model.select().where(model.tenant_id == tenant_id, model.subject_id == subject_id)
    return list(older(query, at, model.id, after).limit(count))
