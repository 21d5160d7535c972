"""How full a tenant's queues are, under the names operators see in Redis."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import peewee

from .. import machine
from ..core import Core
from ..identity import did
from ..store import models


class Depth(Protocol):
    """Messages of one tenant queue; a message carries up to ``outbox.BATCH`` events."""

    @property
    def ready(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def delayed(self) -> int: ...
    @property
    def oldest_enqueued_ms(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Queue:
    """``ready`` and ``in_flight`` count messages; ``delayed`` adds the events that wait for their next attempt,
    ``failed`` counts events. ``oldest_age`` is in seconds, None while nothing is ready."""

    name: str
    ready: int
    in_flight: int
    delayed: int
    failed: int
    oldest_age: float | None


def of_tenant(
    core: Core, tenant_id: str, depths: Callable[[Sequence[str]], Mapping[str, Depth]]
) -> list[Queue]:
    """Every queue of the tenant, also those that are empty. Raises Unavailable when ``depths`` does."""
    tenant = did.derive(tenant_id, core.did_method)
    names = {family: machine.queue_name(family, tenant) for family in machine.FAMILIES}
    found, resting = depths(list(names.values())), _resting(tenant_id)
    return [_queue(core, names[family], found[names[family]], resting[family]) for family in machine.FAMILIES]


def _queue(core: Core, name: str, depth: Depth, resting: Mapping[str, int]) -> Queue:
    age = None
    if depth.oldest_enqueued_ms is not None:
        age = max(0.0, round(core.clock().timestamp() - depth.oldest_enqueued_ms / 1000, 3))
    delayed = depth.delayed + resting["retrying"]
    return Queue(name, depth.ready, depth.in_flight, delayed, resting["failed"], age)


def _resting(tenant_id: str) -> dict[str, dict[str, int]]:
    """Events of each family that the dispatcher doesn't hold: waiting for another attempt, or given up."""
    event = models.Event
    query = (
        event.select(event.workflow, event.step, event.state, peewee.fn.COUNT(event.seq))
        .where(event.tenant_id == tenant_id, event.state.in_(("retrying", "failed")))
        .group_by(event.workflow, event.step, event.state)
    )
    counts = {family: {"retrying": 0, "failed": 0} for family in machine.FAMILIES}
    rows: Iterable[tuple[str, str, str, int]] = query.tuples()  # type: ignore[assignment]  # as its stubs can't say
    for workflow, step, state, number in rows:
        counts[machine.queue_family(workflow, step)][state] += number
    return counts
