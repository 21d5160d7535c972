"""The data controller's queues: what waits and with whom, the lock, what is tried again, and the pause."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from ....engine import machine
from ....engine.access.roles import Permission
from ....engine.errors import Unavailable
from ....engine.services.patience import Patient
from ....engine.services.traffic import pausing, queues, workload
from ....engine.services.traffic.queues import Depth, Holder, Queue
from ....engine.store import models
from ...outside import Outside
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way

LATE = timedelta(minutes=5)
"""Whatever waits longer than this says that no worker takes events."""

_PATIENCE_S = 1.5
_RETRIES = 20
_DEAR_S = 0.1

CARRIES: Mapping[str, tuple[str, str]] = {
    machine.WORKFLOW: ("Workflows", "Deliveries and changes, from the first step to the last here"),
    machine.REGISTER: ("Registration", "Processing activities on their way into the append-only log"),
    machine.RESULTS: ("Results", "What the log answered, to be written back"),
    machine.OUTSIDE: ("Outside", "Mail, platforms and webhooks: whoever may be slow to answer"),
}
"""What each family of queues is called, and what it carries."""


Found = tuple[list[Queue], str]
"""The queues, and why Redis couldn't be asked."""


@dataclass(slots=True)
class Looks:
    """Dear looks at tenants' queues, shown again until looking took a tenth of the time: counting a backlog
    reads all of it, and a page that stands open asks every five seconds."""

    tick: Callable[[], float] = time.monotonic
    _kept: dict[str, tuple[float, Found]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, tenant_id: str, look: Callable[[], Found]) -> Found:
        """What ``look`` finds, or found a moment ago."""
        began = self.tick()
        until, found = self._kept.get(tenant_id, (began, ([], "")))
        if began < until:
            return found
        found = look()
        spent = self.tick() - began
        with self._lock:
            self._kept = {one: kept for one, kept in self._kept.items() if kept[0] > began}
            if spent > _DEAR_S and not found[1]:
                self._kept[tenant_id] = (began + spent * 10, found)
        return found


@dataclass(frozen=True, slots=True)
class Asked:
    """Who knows what the table doesn't, each with an end to the waiting; and what was dear to find out."""

    depths: Patient[Depth]
    locks: Patient[Holder]
    looks: Looks = field(default_factory=Looks)

    @classmethod
    def of(cls, outside: Outside) -> Asked:
        """For the rest of this process."""
        return cls(Patient(outside.depths, _PATIENCE_S), Patient(outside.locks, _PATIENCE_S))


@dataclass(frozen=True, slots=True)
class Lock:
    """The lock under which the tenant's register is written. ``holder`` is None while nobody has it; ``error``
    says why that isn't known. ``fence`` is the newest fencing token that was handed out."""

    name: str
    fence: int
    holder: Holder | None = None
    error: str = ""


def screens(shared: Desk) -> dict[str, Screen]:
    """The queues, and the switch."""
    manage = Permission.MANAGE_TENANT
    show = partial(_show, Asked.of(shared.outside))
    return {
        "/queues": Screen(shared, get=Way(show, Permission.LOOK)),
        "/queues/pause": Screen(shared, post=Way(pause, manage)),
        "/queues/resume": Screen(shared, post=Way(resume, manage)),
    }


def _show(asked: Asked, visit: Visit) -> Page:
    rows, error = asked.looks.of(visit.tenant_id, lambda: _queues(asked, visit))
    oldest = _oldest(rows, visit.now)
    controller = models.DataController.get_by_id(visit.tenant_id)
    values = {
        "queues": rows,
        "carries": CARRIES,
        "redis_error": error,
        "oldest": {row.family: _since(row, visit.now) for row in rows},
        "late": oldest is not None and visit.now - oldest > LATE,
        "waiting": sum(row.active for row in rows),
        "failed": sum(row.failed for row in rows),
        "longest": oldest,
        "lock": _lock(asked, rows, visit.tenant_id),
        "retrying": workload.retrying(visit.tenant_id, _RETRIES),
        "max_attempts": visit.core.policy.max_attempts,
        "elsewhere": [] if visit.signed.vouched_for else _elsewhere(visit),
        "paused_by": controller.paused_by,
    }
    return Page("watch/queues.html", values)


def pause(visit: Visit) -> Redirect:
    """Let the tenant's events wait."""
    pausing.pause(visit.core, visit.tenant_id, visit.signed.actor)
    return Redirect(f"{visit.base}/queues", note="work.paused")


def resume(visit: Visit) -> Redirect:
    """Let its work go on."""
    pausing.resume(visit.core, visit.tenant_id, visit.signed.actor)
    return Redirect(f"{visit.base}/queues", note="work.resumed")


def _queues(asked: Asked, visit: Visit) -> Found:
    """Without Redis with what the table alone knows."""
    try:
        return queues.of_tenant(visit.core, visit.tenant_id, asked.depths), ""
    except Unavailable as error:
        return queues.of_tenant(visit.core, visit.tenant_id, None), str(error)


def _lock(asked: Asked, rows: list[Queue], tenant_id: str) -> Lock:
    queue = next(row for row in rows if row.family == machine.REGISTER)
    head = models.AuditHead.get_or_none(tenant_id=tenant_id)
    lock = Lock(f"{machine.REGISTER}_{queue.did}", head.fence if head else 0)
    try:
        return Lock(lock.name, lock.fence, asked.locks([queue.name]).get(queue.name))
    except Unavailable as error:
        return Lock(lock.name, lock.fence, error=str(error))


def _elsewhere(visit: Visit) -> list[workload.Load]:
    return workload.elsewhere(visit.core, visit.signed.user_id, visit.tenant_id)


def _since(row: Queue, now: datetime) -> datetime | None:
    return None if row.oldest_age is None else now - timedelta(seconds=row.oldest_age)


def _oldest(rows: list[Queue], now: datetime) -> datetime | None:
    return min((at for row in rows if (at := _since(row, now)) is not None), default=None)
