"""The busiest tenants, look by look: what waits for each, and how much was done since the look before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from ...core import Core
from ...store import models
from . import queues
from .backlog import Reading
from .queues import Depths, Order, Overview, Queue

LARGEST = 1000
"""The most tenants that can be shown."""

_Known = tuple[str, int]
"""A tenant's name and the weight of its queues."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """All queues of one tenant together; the fields as in ``queues.Queue``. ``done_per_second`` counts the
    events that came to their end, None at the first look."""

    did: str
    name: str
    weight: int
    ready: int
    in_flight: int | None
    delayed: int
    failed: int
    parked_until: datetime | None
    oldest_age: float | None
    done_per_second: float | None

    @property
    def active(self) -> int:
        """Events that are to be worked on, now or later."""
        return self.ready + (self.in_flight or 0) + self.delayed


@dataclass(frozen=True, slots=True)
class Picture:
    """One look. ``tenants`` come in the order asked for, ``busy`` counts all that have
    something to be worked on, and ``total`` is of all tenants. ``error`` says why Redis couldn't be asked."""

    at: datetime
    tenants: list[Tenant]
    busy: int
    total: Tenant
    error: str | None


@dataclass(slots=True)
class Top:
    """Looks at the installation again and again; remembers the look before."""

    core: Core
    depths: Depths
    limit: int
    order: Order = "depth"
    _before: Reading | None = field(default=None, init=False)

    def look(self) -> Picture:
        """Raises Unavailable when the database doesn't answer."""
        since = None if self._before is None else self._before.newest
        overview = queues.overview(self.core, self.depths, LARGEST, self.order, since)
        rates = _rates(self._before, overview.reading)
        self._before = overview.reading
        tenants = sorted(self._tenants(overview, rates), key=self._rank, reverse=True)
        total = _together("", ("", 1), [*overview.queues, *overview.rest], _sum(rates))
        return Picture(overview.reading.at, tenants[: self.limit], overview.busy, total, overview.error)

    def _tenants(self, overview: Overview, rates: dict[str, float] | None) -> list[Tenant]:
        """Those told one by one, and those that had something done and have nothing left."""
        own = defaultdict[str, list[Queue]](list)
        for queue in overview.queues:
            own[queue.tenant_id].append(queue)
        done = rates or {}
        idle = set(done) - {tenant_id for tenant_id, _ in overview.reading.queues}
        for tenant_id in sorted(idle, key=lambda one: done[one], reverse=True)[:LARGEST]:
            own[tenant_id] = []
        names = _names(own)
        return [
            _together(
                queues.public_did(tenant_id, self.core.did_method),
                names.get(tenant_id, ("", 1)),
                found,
                None if rates is None else rates.get(tenant_id, 0.0),
            )
            for tenant_id, found in own.items()
        ]

    def _rank(self, tenant: Tenant) -> tuple[float, ...]:
        depth = (tenant.active, tenant.done_per_second or 0.0, tenant.failed)
        age = -1.0 if tenant.oldest_age is None else tenant.oldest_age
        return (age, *depth) if self.order == "age" else depth


def anybody() -> bool:
    """Whether there is a tenant to look at."""
    return bool(models.DataController.select().exists())


def _rates(before: Reading | None, after: Reading) -> dict[str, float] | None:
    """Events that ended, per second and tenant: what there was and came, and isn't there any more.

    A transaction that takes longer than a look hides its arrivals from it (PostgreSQL): then it is too few.
    """
    if before is None:
        return None
    seconds = max((after.at - before.at).total_seconds(), 0.001)
    left = dict(after.arrived)
    for reading, sign in ((before, 1), (after, -1)):
        for (tenant_id, _), found in reading.queues.items():
            left[tenant_id] = left.get(tenant_id, 0) + sign * (found.active + found.failed)
    return {tenant_id: round(number / seconds, 1) for tenant_id, number in left.items() if number > 0}


def _sum(rates: dict[str, float] | None) -> float | None:
    return None if rates is None else round(sum(rates.values()), 1)


def _together(did: str, known: _Known, found: Iterable[Queue], rate: float | None) -> Tenant:
    own = list(found)
    in_flight = [queue.in_flight for queue in own if queue.in_flight is not None]
    return Tenant(
        did,
        *known,
        ready=sum(queue.ready for queue in own),
        in_flight=sum(in_flight) if in_flight or not own else None,
        delayed=sum(queue.delayed for queue in own),
        failed=sum(queue.failed for queue in own),
        parked_until=max((queue.parked_until for queue in own if queue.parked_until), default=None),
        oldest_age=max((queue.oldest_age for queue in own if queue.oldest_age is not None), default=None),
        done_per_second=rate,
    )


def _names(tenant_ids: Iterable[str]) -> dict[str, _Known]:
    controller = models.DataController
    columns = (controller.id, controller.name, controller.queue_weight)
    wanted = controller.select(*columns).where(controller.id.in_(list(tenant_ids)))
    return {row.id: (row.name, row.queue_weight) for row in wanted}
