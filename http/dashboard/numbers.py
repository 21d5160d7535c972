"""The figures on the overview and in the navigation: a fixed number of queries, however many rows there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import Case, fn

from ...engine import moments
from ...engine.store import models

DUE_SOON = timedelta(days=7)
MOST = 1000
MANY = 10_000
CLOSED = ("completed", "rejected", "cancelled", "duplicate")
PENDING = ("received",)
ANSWERED = "response_sent"
"""Open, because recipients aren't done, and owed to nobody any more: never late."""
_RECENT = 8


@dataclass(frozen=True, slots=True)
class Badges:
    """What the navigation counts on every page; more than ``MOST`` isn't counted on."""

    failed: int
    unread: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Requests:
    """The rights management queue in five figures; ``due_soon`` and ``overdue`` are among the first two."""

    pending: int
    in_progress: int
    due_soon: int
    overdue: int
    completed: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Events under way, counted up to ``MANY``, and the receipt of the oldest whose time has come."""

    waiting: int
    oldest: datetime | None


def badges(tenant_id: str, now: datetime) -> Badges:
    """Failed events, unread notices and overdue requests."""
    event, notice, request = models.Event, models.Notification, models.RightsRequest
    failed = event.select(event.seq).where(event.tenant_id == tenant_id, event.state == "failed")
    unread = notice.select(notice.id).where(notice.tenant_id == tenant_id, notice.read_at.is_null())
    overdue = request.select(request.id).where(
        request.tenant_id == tenant_id,
        request.state.not_in((*CLOSED, ANSWERED)),
        request.due < now.date().isoformat(),
    )
    return Badges(*(query.limit(MOST).count() for query in (failed, unread, overdue)))


def requests(tenant_id: str, now: datetime) -> Requests:
    """Counts by where requests stand; a request is overdue from the day after it was due."""
    request = models.RightsRequest
    is_open, owed = request.state.not_in(CLOSED), request.state.not_in((*CLOSED, ANSWERED))
    today, soon = now.date().isoformat(), (now + DUE_SOON).date().isoformat()
    figures = {
        "pending": request.state.in_(PENDING),
        "in_progress": is_open & request.state.not_in(PENDING),
        "due_soon": owed & request.due.between(today, soon),
        "overdue": owed & (request.due < today),
        "completed": request.state == "completed",
    }
    columns = [_count(condition).alias(name) for name, condition in figures.items()]
    query: Any = request.select(*columns).where(request.tenant_id == tenant_id)
    return Requests(**query.dicts().get())


def flow(tenant_id: str, now: datetime) -> Flow:
    """What is under way now: whatever has a time at which somebody is to work on it."""
    event = models.Event
    active = event.select(event.seq).where(event.tenant_id == tenant_id, event.due_at > moments.EVER)
    oldest = [found for state in ("received", "running") if (found := _oldest(tenant_id, state, now))]
    return Flow(active.limit(MANY).count(), min(oldest, default=None))


def _oldest(tenant_id: str, state: str, now: datetime) -> datetime | None:
    """By the order of receipt, which the index on states has: by its time all that wait would be read. Said as
    a range, whose order no other index has: PostgreSQL would look for the first through all that ever came."""
    event = models.Event
    due = (event.due_at <= now) | event.message_id.is_null(False)
    query = event.select(event.received_at).where(
        event.tenant_id == tenant_id, event.state.between(state, state), due
    )
    found = query.order_by(event.state, event.seq).first()
    return None if found is None else found.received_at


def recent(tenant_id: str) -> list[models.Event]:
    """The newest deliveries, without their bodies."""
    event = models.Event
    columns = (event.id, event.source, event.topic, event.state, event.trust, event.received_at)
    query = event.select(*columns).where(event.tenant_id == tenant_id, event.workflow == "webhook")
    return list(query.order_by(event.seq.desc()).limit(_RECENT))


def _count(condition: Any) -> Any:
    return fn.COALESCE(fn.SUM(Case(None, [(condition, 1)], 0)), 0)
