"""``/api/v1/queues``: how full the tenant's queues are."""

from __future__ import annotations

from dataclasses import asdict

from ...engine.services import queues as service
from .operation import Call
from .values import Listed, Nothing, Shape


class Queue(Shape):
    """``ready`` and ``in_flight`` count messages, each with up to 64 events; ``delayed`` counts messages held
    back and events between two attempts, ``failed`` events. ``oldest_age`` is in seconds."""

    name: str
    ready: int
    in_flight: int
    delayed: int
    failed: int
    oldest_age: float | None


class QueueList(Listed[Queue]):
    """All queues of the tenant, on one page."""


def listing(call: Call[Nothing, Nothing]) -> QueueList:
    """Every queue."""
    found = service.of_tenant(call.core, call.tenant_id, call.depths)
    return QueueList(items=[Queue(**asdict(queue)) for queue in found], next_cursor=None)
