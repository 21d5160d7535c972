"""How full tenants' queues are, under the names operators see in Redis.

Every count is of events. The table knows them all (``backlog.py``); which of those handed over wait in a
message and which are with a worker, only the dispatcher knows. It counts messages: where some of a queue's wait
while others are worked on, their events are split evenly, which is an estimate; the sum is exact at any moment.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal, Protocol
from urllib.parse import quote

from ... import machine
from ...core import Core
from ...errors import Invalid, Unavailable
from ...identity import did
from ...store import models, scope
from . import backlog
from .backlog import Backlog, Key

REST = "other"
"""Stands for all tenants beyond those shown one by one."""

_ANY = "dxflow"
"""A queue that is always there to ask for: whether Redis answers."""


class Depth(Protocol):
    """Messages of one tenant queue; a message carries up to ``outbox.BATCH`` events. ``parked_ms`` (Unix) is
    when a queue whose lock is held elsewhere is offered again."""

    @property
    def ready(self) -> int: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def delayed(self) -> int: ...
    @property
    def parked_ms(self) -> int | None: ...


Depths = Callable[[Sequence[str]], Mapping[str, Depth]]
"""Asks the dispatcher about queues by name. Raises Unavailable when Redis doesn't answer."""


class Holder(Protocol):
    """Who has a lock: the random ``token`` that its keys carry, for ``left_ms`` more unless it is extended."""

    @property
    def token(self) -> str: ...
    @property
    def left_ms(self) -> int: ...


Locks = Callable[[Sequence[str]], Mapping[str, Holder]]
"""Asks the lock's nodes who has the locks of these register queues; those that nobody has are left out. Raises
Unavailable when too few nodes answer."""

Order = Literal["depth", "age"]


@dataclass(frozen=True, slots=True)
class Queue:
    """One tenant's queue of one family; counts are of events, ``messages`` of what Redis holds for it.

    ``ready``: their time has come and no worker has them; with ``in_flight`` None, because Redis wasn't or
    couldn't be asked, those with a worker too. ``delayed``: between two attempts, or put off. ``failed``: given
    up. ``oldest_age``: seconds since the oldest of those ready or in flight was received, None without any.
    ``parked_until``: until when the queue rests because its lock is held elsewhere. ``weight``: turns that the
    tenant gets in a round of all tenants.
    """

    tenant_id: str
    did: str
    family: str
    ready: int = 0
    in_flight: int | None = None
    delayed: int = 0
    failed: int = 0
    oldest_age: float | None = None
    parked_until: datetime | None = None
    messages: int | None = None
    weight: int = 1

    @property
    def name(self) -> str:
        """As in Redis."""
        return machine.queue_name(self.family, self.did)

    @property
    def active(self) -> int:
        """Events that are to be worked on, now or later."""
        return self.ready + (self.in_flight or 0) + self.delayed

    @property
    def parked(self) -> bool:
        """Whether it rests."""
        return self.parked_until is not None


@dataclass(frozen=True, slots=True)
class Overview:
    """The installation's queues at one moment: those of the tenants with most in them, and ``rest``, which has
    for each family all other tenants together. ``error`` says why Redis couldn't be asked."""

    reading: backlog.Reading
    queues: list[Queue]
    rest: list[Queue]
    error: str | None = None

    @property
    def states(self) -> Mapping[str, int]:
        """Unfinished events by state; ``done`` and ``discarded`` ones are history."""
        return {state: self.reading.states[state] for state in ("received", "running", "retrying", "failed")}

    @property
    def oldest_age(self) -> float | None:
        """Seconds since the oldest event that waits or is worked on was received."""
        ages = [queue.oldest_age for queue in (*self.queues, *self.rest) if queue.oldest_age is not None]
        return max(ages, default=None)

    @property
    def busy(self) -> int:
        """How many tenants have events to be worked on, now or later."""
        return len({tenant_id for (tenant_id, _), found in self.reading.queues.items() if found.active})


def public_did(tenant_id: str, method: str) -> str:
    """The DID in a tenant's queue names: derived, because a row from plain SQL has none before its first step.

    An id that is no UUID has none ever and stands for itself.
    """
    try:
        return did.derive(tenant_id, method)
    except Invalid:
        return quote(tenant_id, safe="")


def of_tenant(core: Core, tenant_id: str, depths: Depths | None) -> list[Queue]:
    """Every queue of the tenant, also those that are empty; what the table alone knows without ``depths``.
    Raises Unavailable when ``depths`` does."""
    reading, name = backlog.of_tenant(core, tenant_id), public_did(tenant_id, core.did_method)
    found = {family: reading.queues.get((tenant_id, family), Backlog()) for family in machine.FAMILIES}
    weight = _weight(tenant_id)
    bare = [
        replace(_bare(tenant_id, name, family, found[family], reading.at), weight=weight) for family in found
    ]
    if depths is None:
        return bare
    answers = depths([queue.name for queue in bare])
    if any(queue.name not in answers for queue in bare):
        raise Unavailable("the node of the Cluster that has these queues doesn't answer")
    return [_asked(queue, found[queue.family], answers[queue.name], reading.at) for queue in bare]


def _weight(tenant_id: str) -> int:
    controller = models.DataController
    row = controller.select(controller.queue_weight).where(controller.id == tenant_id).first()
    return 1 if row is None else int(row.queue_weight)


def as_json(queue: Queue) -> dict[str, Any]:
    """``{"name", "weight", "ready", "in_flight", "delayed", "failed", "events", "oldest_age", "parked",
    "parked_until", "messages"}``; ``in_flight`` and ``messages`` are None where Redis wasn't asked."""
    return {
        "name": queue.name,
        "weight": queue.weight,
        "ready": queue.ready,
        "in_flight": queue.in_flight,
        "delayed": queue.delayed,
        "failed": queue.failed,
        "events": queue.active,
        "oldest_age": queue.oldest_age,
        "parked": queue.parked,
        "parked_until": queue.parked_until,
        "messages": queue.messages,
    }


@scope.everyone("the whole installation's queues, for whoever runs it")
def overview(
    core: Core, depths: Depths, limit: int, order: Order = "depth", since: int | None = None
) -> Overview:
    """The whole installation: a statement and one question to Redis, however many tenants there are.

    The first ``limit`` tenants are told one by one: those with most to do (``depth``) or with the oldest event
    (``age``). Without Redis it says what the table knows. ``since`` as in ``backlog.of_all``.
    """
    reading = backlog.of_all(core, since)
    known, rest = _told_one_by_one(core, reading, limit, order)
    # Redis has nothing of a queue whose events were not handed over: its messages are made of them.
    handed = [queue.name for queue, found in known if found.handed]
    try:
        answers = depths(handed or [_ANY])
    except Unavailable as error:
        return Overview(reading, [queue for queue, _ in known], rest, str(error))
    told = [_asked(queue, found, answers.get(queue.name), reading.at) for queue, found in known]
    return Overview(reading, told, rest)


def _told_one_by_one(
    core: Core, reading: backlog.Reading, limit: int, order: Order
) -> tuple[list[tuple[Queue, Backlog]], list[Queue]]:
    chosen, rest = _first(reading.queues, limit, order), defaultdict[str, Backlog](Backlog)
    known = []
    for (tenant_id, family), found in reading.queues.items():
        if tenant_id in chosen:
            name = public_did(tenant_id, core.did_method)
            known.append((_bare(tenant_id, name, family, found, reading.at), found))
        else:
            rest[family] += found
    return known, [_bare(REST, REST, family, found, reading.at) for family, found in rest.items()]


def _first(queues: Mapping[Key, Backlog], limit: int, order: Order) -> set[str]:
    sums = defaultdict[str, Backlog](Backlog)
    for (tenant_id, _), found in queues.items():
        sums[tenant_id] += found

    def rank(tenant_id: str) -> tuple[float, int, int, str]:
        found = sums[tenant_id]
        oldest = -found.oldest.timestamp() if order == "age" and found.oldest else float("-inf")
        return oldest, found.active, found.failed, tenant_id

    return set(heapq.nlargest(limit, sums, key=rank))


def _bare(tenant_id: str, name: str, family: str, found: Backlog, at: datetime) -> Queue:
    """What the table alone can tell."""
    return Queue(
        tenant_id,
        name,
        family,
        ready=found.due + found.handed,
        delayed=found.delayed,
        failed=found.failed,
        oldest_age=_age(found, at),
    )


def _asked(queue: Queue, found: Backlog, depth: Depth | None, at: datetime) -> Queue:
    """The same with what Redis says; ``depth`` is None where there was nothing to ask for."""
    if depth is None:
        return replace(queue, in_flight=0, messages=0)
    messages = depth.ready + depth.in_flight + depth.delayed
    in_flight = _share(found.handed, depth.in_flight, messages)
    put_off = _share(found.handed - in_flight, depth.delayed, depth.ready + depth.delayed)
    return replace(
        queue,
        ready=found.due + found.handed - in_flight - put_off,
        in_flight=in_flight,
        delayed=found.delayed + put_off,
        parked_until=_later(depth.parked_ms, at),
        messages=messages,
    )


def _share(events: int, part: int, whole: int) -> int:
    """``part`` of ``whole`` messages' events, rounded up: what is in flight shows as at least one."""
    return -(-events * part // whole) if part else 0


def _later(parked_ms: int | None, at: datetime) -> datetime | None:
    """A time that is over parks nothing: the next fetch offers that queue."""
    until = None if parked_ms is None else datetime.fromtimestamp(parked_ms / 1000, UTC)
    return until if until is not None and until > at else None


def _age(found: Backlog, at: datetime) -> float | None:
    return None if found.oldest is None else max(0.0, round((at - found.oldest).total_seconds(), 3))
