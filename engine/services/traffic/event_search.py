"""Events by what people remember of them, with an answer in time however many there are.

The rule: events are looked through from the newest down, over the index of whichever condition leaves least; of
what it gives, at most ``WINDOW`` are looked at for the other conditions, and the answer says how far that came.
Nothing here searches what is personal: bodies are sealed, and topics and errors name no person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from peewee import SQL, Select

from ... import moments
from ...platforms import PLATFORMS
from ...store import models
from . import events

WINDOW = 10_000
"""Events that one question looks at."""
SOURCES = (*PLATFORMS, "database")

_NEAR = 1000
"""Events are numbered when they are written and timed when they are received: writers overtake each other, but
by fewer events than these."""


@dataclass(frozen=True, slots=True)
class Filters:
    """All conditions together; None where it doesn't matter. ``since`` and ``until`` (which is not included)
    are about the receipt; ``q`` is an event's id, or words of its topic or error."""

    state: str | None = None
    source: str | None = None
    connector_id: str | None = None
    topic: str | None = None
    workflow: str | None = None
    step: str | None = None
    error: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """Newest first. ``older`` is the ``seq`` below which it goes on, None at the end. ``looked_back_to`` is
    when the last event that was looked at was received, where not all were."""

    events: list[models.Event]
    older: int | None = None
    looked_back_to: datetime | None = None


def search(tenant_id: str, filters: Filters, *, limit: int, before: int | None = None) -> Found:
    """A page of a data controller's events, those below the ``seq`` in ``before``."""
    event: Any = models.Event
    identifier = events.id_or_none(filters.q or "")
    if identifier is not None:
        query = event.select(*events.COLUMNS).where(event.id == identifier, event.tenant_id == tenant_id)
        rows = query.where(*_conditions(filters, event).values())
        return Found(list(rows) if before is None else [])
    by_index, others = _conditions(filters, event), _others(filters)
    led = [by_index[name] for name in _led_by(filters)]
    bounds = _between(tenant_id, filters, before)
    reach = event.select().where(event.tenant_id == tenant_id, *led, *bounds).order_by(event.seq.desc())
    rows = _rows(_looked_through(reach, filters, others, limit + 1))
    if len(rows) > limit:
        return Found(rows[:limit], rows[limit - 1].seq)
    last = reach.columns(event.seq).offset(WINDOW - 1).limit(1).scalar() if others else None
    if last is None:
        return Found(rows)
    return Found(rows, last, event.select(event.received_at).where(event.seq == last).get().received_at)


def _looked_through(reach: Any, filters: Filters, others: Sequence[str], limit: int) -> list[int]:
    """The first events of the window that fit the other conditions, by number. The window is a query of its
    own, so that no planner takes another index than the one meant; both databases keep its order."""
    event: Any = models.Event
    if not others:
        return _numbers(reach.columns(event.seq).limit(limit))
    read = {_COLUMNS.get(name, name) for name in others} | ({"error"} if "q" in others else set())
    columns = [getattr(event, name) for name in sorted(read)]
    looked = reach.columns(event.seq, *columns).limit(WINDOW).alias("looked")
    fits = _conditions(filters, looked.c)
    query = Select((looked,), (looked.c.seq,)).where(*(fits[name] for name in others)).limit(limit)
    return _numbers(query.bind(models.database))


def _rows(numbers: Sequence[int]) -> list[models.Event]:
    if not numbers:
        return []
    query = models.Event.select(*events.COLUMNS).where(models.Event.seq.in_(numbers))
    return sorted(query, key=lambda row: -row.seq)


_COLUMNS = {"since": "received_at", "until": "received_at", "q": "topic"}
"""What a condition reads where its name doesn't say it."""


def _conditions(filters: Filters, of: Any) -> dict[str, Any]:
    """Each condition by the name of its filter, on the table itself or what was read of it."""
    plain = ("source", "connector_id", "topic", "workflow", "step", "error")
    given = {name: getattr(filters, name) for name in plain}
    found = {name: getattr(of, name) == value for name, value in given.items() if value is not None}
    if filters.state is not None:  # spelled out: a partial index isn't found by a parameter
        found["state"] = of.state == (SQL("'failed'") if filters.state == "failed" else filters.state)
    if filters.since is not None:
        found["since"] = of.received_at >= moments.to_text(filters.since)
    if filters.until is not None:
        found["until"] = of.received_at < moments.to_text(filters.until)
    if filters.q and events.id_or_none(filters.q or "") is None:
        found["q"] = of.topic.contains(filters.q) | of.error.contains(filters.q)
    return found


def _others(filters: Filters) -> list[str]:
    """The conditions that each event must be looked at for."""
    return [name for name in _conditions(filters, models.Event) if name not in _led_by(filters)]


def _led_by(filters: Filters) -> tuple[str, ...]:
    """The conditions by whose index events are looked through: few are in a state that isn't their last."""
    if filters.state == "failed" and None not in (filters.workflow, filters.step, filters.error):
        return ("state", "workflow", "step", "error")
    if filters.connector_id is not None and filters.state in (None, "done"):
        return ("connector_id",)
    return () if filters.state is None else ("state",)


def _between(tenant_id: str, filters: Filters, before: int | None) -> list[Any]:
    """The numbers between which events of that time are. Taken from the events at both ends of the time alone:
    what has a wrong time there makes the distance longer, and hides no other event."""
    event: Any = models.Event
    named = _conditions(Filters(since=filters.since, until=filters.until), event)
    own = event.select(event.seq).where(event.tenant_id == tenant_id, *named.values()).limit(_NEAR)
    below = [] if before is None else [before]
    if filters.until is not None:
        below.append(1 + max(_numbers(own.order_by(event.received_at.desc())), default=0))
    bounds = [event.seq < min(below)] if below else []
    if filters.since is not None:
        bounds.append(event.seq >= min(_numbers(own.order_by(event.received_at)), default=0))
    return bounds


def _numbers(query: Any) -> list[int]:
    return [row[0] for row in query.tuples()]
