"""Registrations per second in one tenant, against an engine that takes the lock for each activity.

Both use the same Redlock, fence, agent and log, on SQLite and one lock node on this machine: the peer locks,
commits and releases for each activity, dxflow for as many as one message carries. One row calls the agent
alone; the other runs the whole step ``processing_activity.register`` as the worker does, with all it writes.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import stage
from measure import Figure, Goal, Readings, Scale, Verdict, spread, take
from server import valkey

from dxflow.actors.broker.names import LOCK_TEMPLATE
from dxflow.actors.middleware.redlock import Redlock
from dxflow.engine import runner
from dxflow.engine.agent import Item
from dxflow.engine.core import Core
from dxflow.engine.outbox import BATCH, Outbox
from dxflow.engine.services import tenants
from dxflow.engine.store import models, quick

T = TypeVar("T")
GOAL = Goal(reach=20, aim=50)
SINGLES, MANY = 400, 6_400
"""Activities of a reading, locked one by one and in batches."""
TTL_MS = 45_000


@dataclass(frozen=True, slots=True)
class Office:
    """One tenant, and who registers for it."""

    core: Core
    tenant_id: str
    lock: Redlock

    def agent(self, count: int, batch: int) -> float:
        """Activities per second through the agent, ``batch`` under one lock."""
        return self._timed([_item(number) for number in range(count)], batch, self._call_agent)

    def step(self, count: int, batch: int) -> float:
        """Activities per second through the whole step."""
        return self._timed(self._published(count), batch, self._run_step)

    def _timed(self, work: Sequence[T], batch: int, register: Callable[[Sequence[T], int], None]) -> float:
        resource = LOCK_TEMPLATE.replace("{did}", self.tenant_id)
        began = time.monotonic()
        for first in range(0, len(work), batch):
            lease = self.lock.acquire(resource)
            if lease is None:
                raise stage.StageFailed("the lock was refused to its only taker")
            register(work[first : first + batch], self.core.log.fence(self.tenant_id))
            self.lock.release(lease)
        return len(work) / (time.monotonic() - began)

    def _call_agent(self, items: Sequence[Item], fence: int) -> None:
        self.core.agent.register(self.tenant_id, items, fence)

    def _run_step(self, event_ids: Sequence[str], fence: int) -> None:
        report = runner.run_step(self.core, "processing_activity", "register", event_ids, fence)
        if report.moved != len(event_ids):
            raise stage.StageFailed(f"{report.moved} of {len(event_ids)} activities were registered")

    def _published(self, count: int) -> list[str]:
        """Events of new activities that stand before their registration."""
        with self.core.store.transaction():
            for _ in range(count):
                self._insert_activity()
        outbox, event_ids = Outbox(self.core), list[str]()
        while rows := outbox.due(count):
            for dispatch in outbox.claim(rows, lambda _: set()):
                report = runner.run_step(self.core, dispatch.workflow, dispatch.step, dispatch.event_ids)
                event_ids += [one for follow in report.follow_ups for one in follow.event_ids]
        return event_ids

    def _insert_activity(self) -> None:
        now = self.core.clock()
        quick.insert(
            models.ProcessingActivity,
            {
                "id": self.core.new_id(),
                "tenant_id": self.tenant_id,
                "activity_type": "newsletter",
                "legal_basis": "consent",
                "purpose": "monthly news",
                "fields": ["email", "first_name"],
                "source": "benchmark",
                "occurred_at": now,
                "created_at": now,
                "registration_state": "new",
            },
        )


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """The agent alone and the whole step, each one by one and in batches."""
    place.mkdir()
    singles, many = scale.messages(SINGLES), scale.messages(MANY)
    with stage.installation(place / "home", 1) as home, valkey(place) as server:
        office = Office(home.core, tenants.every()[0].id, Redlock([server.client], TTL_MS))
        readings = take(
            scale,
            lambda: {"agent one": office.agent(singles, 1)},
            lambda: {"agent batch": office.agent(many, BATCH)},
            lambda: {"step one": office.step(singles, 1)},
            lambda: {"step batch": office.step(many, BATCH)},
        )
    yield _figure(readings)


def _figure(readings: Readings) -> Figure:
    figure = Figure(
        "registrations: activities per second in one tenant",
        ("what is done", "one lock each /s", f"{BATCH} under a lock /s", "ratio"),
        ("one lock each: Redlock, fence, one transaction, release, for every activity; all in one thread",),
    )
    for key, name in (
        ("agent", "the agent's registration alone"),
        ("step", "the whole step of the workflow"),
    ):
        values = [spread(readings.of(f"{key} {kind}")) for kind in ("one", "batch")]
        figure.rows.append((name, *values, spread(readings.ratio(f"{key} batch", f"{key} one"), 1)))
        ratio = readings.versus(f"{key} batch", f"{key} one")
        ours, peer = readings.median(f"{key} batch"), readings.median(f"{key} one")
        title = f"registrations/s in one tenant, {name} (peer: one lock each)"
        figure.verdicts.append(Verdict(title, GOAL, ours, peer, ratio, "/s"))
    return figure


def _item(number: int) -> Item:
    return Item(str(uuid.uuid4()), str(uuid.uuid4()), f"{number:064x}")
