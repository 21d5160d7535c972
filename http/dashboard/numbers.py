"""The figures on the overview and in the navigation: a fixed number of queries, however many rows there are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from peewee import Case, fn

from ...engine.outbox import ACTIVE
from ...engine.store import models

DUE_SOON = timedelta(days=7)
CLOSED = ("completed", "rejected", "cancelled", "duplicate")
PENDING = ("received",)
_RECENT = 8


@dataclass(frozen=True, slots=True)
class Badges:
    """What the navigation counts on every page."""

    failed: int
    unread: int


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
    """Events under way, and whether any came from a platform yet."""

    waiting: int
    oldest: datetime | None
    connectors: int
    delivered: bool


def badges(tenant_id: str) -> Badges:
    """Failed events and unread notices."""
    event, notice = models.Event, models.Notification
    failed = event.select().where(event.tenant_id == tenant_id, event.state == "failed").count()
    unread = notice.select().where(notice.tenant_id == tenant_id, notice.read_at.is_null()).count()
    return Badges(failed, unread)


def requests(tenant_id: str, now: datetime) -> Requests:
    """Counts by where requests stand; a request is overdue from the day after it was due."""
    request = models.RightsRequest
    is_open = request.state.not_in(CLOSED)
    today, soon = now.date().isoformat(), (now + DUE_SOON).date().isoformat()
    figures = {
        "pending": request.state.in_(PENDING),
        "in_progress": is_open & request.state.not_in(PENDING),
        "due_soon": is_open & request.due.between(today, soon),
        "overdue": is_open & (request.due < today),
        "completed": request.state == "completed",
    }
    columns = [_count(condition).alias(name) for name, condition in figures.items()]
    query: Any = request.select(*columns).where(request.tenant_id == tenant_id)
    return Requests(**query.dicts().get())


def flow(tenant_id: str) -> Flow:
    """What is under way now."""
    event, connector = models.Event, models.Connector
    active = event.select(event.received_at).where(event.tenant_id == tenant_id, event.state.in_(ACTIVE))
    oldest = active.order_by(event.received_at).first()
    connectors = connector.select().where(connector.tenant_id == tenant_id, connector.disabled_at.is_null())
    delivered = event.select().where(event.tenant_id == tenant_id, event.connector_id.is_null(False)).exists()
    return Flow(active.count(), oldest.received_at if oldest else None, connectors.count(), delivered)


def recent(tenant_id: str) -> list[models.Event]:
    """The newest deliveries, without their bodies."""
    event = models.Event
    columns = (event.id, event.source, event.topic, event.state, event.trust, event.received_at)
    query = event.select(*columns).where(event.tenant_id == tenant_id, event.workflow == "webhook")
    return list(query.order_by(event.seq.desc()).limit(_RECENT))


def _count(condition: Any) -> Any:
    return fn.COALESCE(fn.SUM(Case(None, [(condition, 1)], 0)), 0)
