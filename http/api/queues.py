"""``/api/v1/queues``: how full the tenant's queues are; pausing and resuming its work."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...engine.services.traffic import pausing
from ...engine.services.traffic import queues as service
from ...engine.store import models
from .operation import Call
from .values import Listed, Moment, Nothing, Shape


class Queue(Shape):
    """One of the tenant's queues. Events wait in the database and travel to the workers in messages, up to 64
    in each: all counts but `messages` are of events."""

    name: Annotated[str, Field(description="as in Redis")]
    weight: Annotated[
        int, Field(description="turns that the tenant gets in a round of all tenants, 1 to 100")
    ]
    ready: Annotated[int, Field(description="events whose time has come and that no worker has")]
    in_flight: Annotated[
        int,
        Field(
            description="events that a worker has; while some messages of the queue wait and others are "
            "worked on, an even share of their events (ready + in_flight is exact)"
        ),
    ]
    delayed: Annotated[int, Field(description="events between two attempts, or put off for a moment")]
    failed: Annotated[int, Field(description="events given up, to be replayed or discarded")]
    events: Annotated[int, Field(description="unfinished events: ready + in_flight + delayed")]
    oldest_age: Annotated[
        float | None,
        Field(description="seconds since the oldest event ready or in flight was received; null without any"),
    ]
    parked: Annotated[
        bool,
        Field(description="whether the queue rests because its lock is held elsewhere; costs no attempt"),
    ]
    parked_until: Annotated[
        Moment | None, Field(description="when a parked queue is tried again at the latest")
    ]
    messages: Annotated[int, Field(description="messages that Redis holds for this queue")]


class QueueList(Listed[Queue]):
    """All queues of the tenant, on one page."""

    paused_at: Annotated[
        Moment | None, Field(description="since when no worker takes the tenant's events; null while they do")
    ]


class Pause(Shape):
    """Whether the tenant's work rests. Deliveries are accepted all the same, and wait."""

    paused: bool
    paused_at: Moment | None
    paused_by: Annotated[
        str | None, Field(description="`user:<id>`, `key:<id>`, or `system` for the command line")
    ]


def listing(call: Call[Nothing, Nothing]) -> QueueList:
    """Every queue."""
    found = service.of_tenant(call.core, call.tenant_id, call.depths)
    items = [Queue(**service.as_json(queue)) for queue in found]
    return QueueList(items=items, next_cursor=None, paused_at=pausing.since(call.tenant_id))


def pause(call: Call[Nothing, Nothing]) -> Pause:
    """No work from here on."""
    return _pause(pausing.pause(call.core, call.tenant_id, call.caller.actor))


def resume(call: Call[Nothing, Nothing]) -> Pause:
    """Work goes on."""
    return _pause(pausing.resume(call.core, call.tenant_id, call.caller.actor))


def _pause(row: models.DataController) -> Pause:
    return Pause(paused=row.paused_at is not None, paused_at=row.paused_at, paused_by=row.paused_by)
