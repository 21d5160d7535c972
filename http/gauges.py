"""The queues as Prometheus gauges: the installation's, so the same from each of its processes.

What a scrape costs depends on how many events are unfinished, and not on how many tenants or keys there are: a
statement, a question to Redis, and ``LIMIT`` tenants at most with series of their own. A look that was dear (a
large backlog, a Redis that answers late) is shown again for a while, so that however often and by how many
Prometheus asks, looking takes at most a tenth of the time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import structlog
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..engine.core import Core
from ..engine.faults import where
from ..engine.services.patience import Patient
from ..engine.services.traffic import queues
from ..engine.services.traffic.queues import Depths, Overview, Queue

logger = structlog.get_logger(__name__)

LIMIT = 1000
"""Tenants with series of their own, those with most unfinished events; the others are summed up."""

REST_FACTOR = 9.0
LONGEST_REST = 60.0
"""Seconds."""

_OF_QUEUE: tuple[tuple[str, str, Callable[[Queue], float | None]], ...] = (
    (
        "dxflow_queue_ready",
        "Events whose time has come and that no worker has (while Redis is down, those with a worker too)",
        lambda queue: queue.ready,
    ),
    ("dxflow_queue_in_flight", "Events that a worker has", lambda queue: queue.in_flight),
    ("dxflow_queue_delayed", "Events between two attempts, or put off", lambda queue: queue.delayed),
    ("dxflow_queue_failed", "Events given up, to be replayed or discarded", lambda queue: queue.failed),
    (
        "dxflow_queue_parked",
        "1 while the queue rests because its lock is held elsewhere",
        lambda queue: None if queue.in_flight is None else queue.parked,
    ),
    (
        "dxflow_queue_oldest_age_seconds",
        "Seconds since the oldest event ready or in flight was received",
        lambda queue: queue.oldest_age,
    ),
)


@dataclass(frozen=True, slots=True)
class _Look:
    """``overview`` is None where the database didn't answer."""

    overview: Overview | None
    seconds: float


class QueueGauges(Collector):
    """Collects when it is scraped; any number of threads may scrape at once, and share a look."""

    def __init__(self, core: Core, depths: Depths, tick: Callable[[], float] = time.monotonic) -> None:
        self._core, self._depths, self._tick = core, Patient(depths), tick
        self._turn = threading.Lock()
        self._last: _Look | None = None
        self._good_until = 0.0

    def collect(self) -> Iterator[Metric]:
        """Gauges of every queue that has something in it, and of the installation."""
        look = self._look()
        overview = look.overview
        yield _one("dxflow_database_up", "1 if the database answered", overview is not None)
        yield _one("dxflow_queues_read_seconds", "Seconds it took to read these gauges", look.seconds)
        if overview is not None:
            yield _one("dxflow_redis_up", "1 if Redis answered", overview.error is None)
            yield from _installation(overview)
            yield from _queues([*overview.queues, *overview.rest])

    def _look(self) -> _Look:
        with self._turn:
            if self._last is None or self._tick() >= self._good_until:
                began = self._tick()
                overview = self._overview()
                self._last = _Look(overview, self._tick() - began)
                self._good_until = self._tick() + min(LONGEST_REST, REST_FACTOR * self._last.seconds)
            return self._last

    def _overview(self) -> Overview | None:
        try:
            return queues.overview(self._core, self._depths, LIMIT)
        except Exception as error:  # noqa: BLE001  # whatever it is, the process's own counters must be told
            logger.warning("queues_not_read", **where(error))
            return None


def _installation(overview: Overview) -> Iterator[Metric]:
    events = GaugeMetricFamily("dxflow_events", "Unfinished events by state", labels=["state"])
    for state, number in overview.states.items():
        events.add_metric([state], number)
    yield events
    yield _one("dxflow_tenants_busy", "Tenants with events to be worked on, now or later", overview.busy)
    yield _one(
        "dxflow_events_oldest_age_seconds",
        "Seconds since the oldest event ready or in flight was received; 0 without any",
        overview.oldest_age or 0.0,
    )


def _queues(found: list[Queue]) -> Iterator[Metric]:
    for name, meaning, value in _OF_QUEUE:
        family = GaugeMetricFamily(name, meaning, labels=["tenant", "queue"])
        for queue in found:
            number = value(queue)
            if number is not None:
                family.add_metric([queue.did, queue.family], number)
        yield family


def _one(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(name, meaning, value=value)
