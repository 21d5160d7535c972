"""The log of processing activities as people search it: newest first, by what they ask for, in bounded time.

There is an index on when an activity was recorded, and one on what isn't registered yet; none on purposes or
sources, which would cost every activity a write and are asked for rarely. A search by those looks through
``WINDOW`` activities at a time and says how far back it came; the next page goes on from there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from peewee import SQL, Select, fn

from ... import moments
from ...errors import Invalid
from ...store import models
from ..pages import Page, Place, by_time, cut, mark, older, read_place

WINDOW = 20_000
STATES = ("pending", "queued", "failed", "registered")
REGISTERED = "registered"
MOST = 1000
LIST = "data_processing_activities"

_NO_ID = "00000000-0000-0000-0000-000000000000"
# As a literal: only so does SQLite see that the partial index fits.
_UNREGISTERED = SQL("registration_state <> 'registered'")


@dataclass(frozen=True, slots=True)
class Search:
    """What to show; empty means all. ``first`` and ``last`` are days (UTC) on which it was recorded, both
    included."""

    purpose: str = ""
    legal_basis: str = ""
    activity_type: str = ""
    source: str = ""
    state: str = ""
    first: date | None = None
    last: date | None = None

    @property
    def narrow(self) -> bool:
        """Whether it asks for what no index knows."""
        return bool(self.purpose or self.legal_basis or self.activity_type or self.source) or (
            self.state == REGISTERED
        )


@dataclass(frozen=True, slots=True)
class Found:
    """A page; ``searched_to`` is how far back was looked, where the search isn't at the end."""

    page: Page[models.ProcessingActivity]
    searched_to: datetime | None = None


def search(tenant_id: str, wanted: Search, *, limit: int = 50, cursor: str | None = None) -> Found:
    """A page of what fits. Raises Invalid for a cursor of another list and an unknown state."""
    if wanted.state and wanted.state not in STATES:
        raise Invalid("state", f"{wanted.state[:40]!r}; allowed are {', '.join(STATES)}")
    row = models.ProcessingActivity
    query = _between(row.select().where(row.tenant_id == tenant_id), wanted)
    if wanted.state and wanted.state != REGISTERED:
        query = query.where(_UNREGISTERED, row.registration_state == wanted.state)
        return Found(by_time(_fitting(query, wanted), row.created_at, row.id, limit=limit, cursor=cursor))
    if not wanted.narrow:
        return Found(by_time(query, row.created_at, row.id, limit=limit, cursor=cursor))
    return _windowed(query, tenant_id, wanted, limit, cursor)


def unregistered(tenant_id: str, since: datetime | None = None) -> dict[str, int]:
    """How many wait to be registered, or failed to be, by state; more than ``MOST`` aren't counted on."""
    row = models.ProcessingActivity
    counts = {}
    for state in STATES[:-1]:
        query = row.select(row.id).where(
            row.tenant_id == tenant_id, _UNREGISTERED, row.registration_state == state
        )
        if since is not None:
            query = query.where(row.created_at >= since)
        counts[state] = int(query.limit(MOST).count())
    return counts


def _windowed(query: Any, tenant_id: str, wanted: Search, limit: int, cursor: str | None) -> Found:
    """Those that fit among the next ``WINDOW``."""
    row, after = models.ProcessingActivity, None if cursor is None else read_place(LIST, cursor)
    places = _between(row.select(row.created_at).where(row.tenant_id == tenant_id), wanted)
    window = older(places, row.created_at, row.id, after).limit(WINDOW)
    bound: Any = Select([window], [fn.MIN(window.c.created_at), fn.COUNT(SQL("1"))])
    floor, looked_at = bound.bind(row._meta.database).tuples().execute()[0]
    if not looked_at:
        return Found(Page([], None))
    fitting = _fitting(older(query, row.created_at, row.id, after), wanted).where(row.created_at >= floor)
    page = cut(LIST, list(fitting.limit(limit + 1)), limit, lambda one: Place(one.created_at, one.id))
    if page.next_cursor is not None or looked_at < WINDOW:
        return Found(page)
    reached = moments.from_text(floor) if isinstance(floor, str) else floor
    return Found(Page(page.rows, mark(LIST, Place(reached, _NO_ID))), reached)


def _between(query: Any, wanted: Search) -> Any:
    row = models.ProcessingActivity
    if wanted.first is not None:
        query = query.where(row.created_at >= begin(wanted.first))
    if wanted.last is not None:
        query = query.where(row.created_at < begin(wanted.last) + timedelta(days=1))
    return query


def _fitting(query: Any, wanted: Search) -> Any:
    row = models.ProcessingActivity
    asked = {
        row.purpose: wanted.purpose,
        row.legal_basis: wanted.legal_basis,
        row.activity_type: wanted.activity_type,
        row.source: wanted.source,
        row.registration_state: wanted.state,
    }
    for column, value in asked.items():
        if value:
            query = query.where(column == value)
    return query


def begin(day: date) -> datetime:
    """The first moment of a day (UTC)."""
    return datetime.combine(day, time.min, UTC)
