"""``/api/v1/events``: what came in, what became of it, and what people decide about failures."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from ...engine.services import pages, rows
from ...engine.services.pages import Order
from ...engine.services.traffic import event_search
from ...engine.services.traffic import events as service
from ...engine.services.traffic.events import State
from ...engine.store import models
from .operation import Call
from .values import ONE_LINE, Id, Line, Listed, Moment, Nothing, Optional, Paging, Shape, one_line, place_in

_LIST = "events"


class Event(Shape):
    """One run of one workflow. ``next_attempt_at`` is set while it waits to be tried again."""

    id: Id
    source: str
    topic: str
    workflow: str
    step: str
    state: State
    trust: str
    attempts: int
    error: str | None
    next_attempt_at: Moment | None
    received_at: Moment
    history: list[dict[str, Any]]


class EventPage(Listed[Event]):
    """Events, newest first. A question looks at so many events at most: where more are left, ``looked_back_to``
    says when the last one that was looked at was received, and ``next_cursor`` goes on there. Such a page may
    have fewer items than ``limit``, or none; only a ``next_cursor`` of null means that there are no more."""

    looked_back_to: Moment | None


class EventQuery(Paging):
    """``q`` looks in topic and error, or is an event's id."""

    cursor: Annotated[str | None, place_in(_LIST, Order.NUMBER)] = None
    state: State | None = None
    source: Line | None = None
    q: Line | None = None


Reason = Annotated[
    str,
    Field(min_length=1, max_length=service.REASON_LENGTH, json_schema_extra={"pattern": ONE_LINE}),
    AfterValidator(one_line),
]


class Discard(Optional):
    """Why it is given up; stays with the event."""

    reason: Reason = service.NO_REASON


class ReplayFilter(Optional):
    """Which failed events: all conditions together, and all of them without any. ``error`` is a part of the
    error's text."""

    state: Literal["failed"] = "failed"
    error: Line | None = None
    since: Moment | None = None
    ids: Annotated[list[Id], Field(max_length=1000)] | None = None


class Replayed(Shape):
    """How many events were set going again."""

    replayed: int


def listing(call: Call[EventQuery, Nothing]) -> EventPage:
    """Newest first."""
    query = call.query
    filters = event_search.Filters(state=query.state, source=query.source, q=query.q)
    before = None if query.cursor is None else pages.read_number(_LIST, query.cursor)
    found = event_search.search(call.tenant_id, filters, limit=query.limit, before=before)
    return EventPage(
        items=[_shape(row) for row in found.events],
        next_cursor=None if found.older is None else pages.numbered(_LIST, found.older),
        looked_back_to=found.looked_back_to,
    )


def show(call: Call[Nothing, Nothing]) -> Event:
    """One."""
    return _shape(service.show(call.tenant_id, call.id))


def replay(call: Call[Nothing, Nothing]) -> Event:
    """Try again."""
    return _shape(service.replay(call.core, call.tenant_id, call.id, call.caller.actor))


def discard(call: Call[Nothing, Discard]) -> Event:
    """Give up."""
    return _shape(service.discard(call.core, call.tenant_id, call.id, call.body.reason, call.caller.actor))


def replay_many(call: Call[Nothing, ReplayFilter]) -> Replayed:
    """Try every failed event again that fits."""
    body = call.body
    count = service.replay_many(
        call.core, call.tenant_id, call.caller.actor, error=body.error, since=body.since, ids=body.ids
    )
    return Replayed(replayed=count)


def _shape(row: models.Event) -> Event:
    values = rows.event(row)
    return Event.model_validate({name: values[name] for name in Event.model_fields})
