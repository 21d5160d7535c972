"""Deliveries become event rows here, and nobody is told "accepted" before the commit.

Commits are shared: a thread that finds another one committing leaves its row in the pile, and whoever gets the
turn next commits the whole pile in one transaction. A lone delivery pays one commit and no hand-over; under
load one commit carries many. There is no writer thread, so nothing to start, fork or stop.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from . import machine, moments
from .core import Core
from .errors import PermanentError, Unavailable
from .store import models, quick, scope

WORKFLOW = "webhook"

_COLUMNS = (
    "id", "tenant_id", "connector_id", "source", "topic", "workflow", "step", "state", "trust", "dedup_key",
    "body_mac", "payload_sealed", "meta", "due_at", "received_at", "updated_at",
)  # fmt: skip
_KEY = _COLUMNS.index("dedup_key")


@dataclass(frozen=True, slots=True)
class Arrival:
    """One authentic delivery. ``key`` tells it from every other of its connector."""

    tenant_id: str
    connector_id: str
    source: str
    topic: str
    trust: str
    key: tuple[str | bytes, ...]
    body: bytes
    meta: Mapping[str, str]
    handled: bool


@dataclass(frozen=True, slots=True)
class Accepted:
    """``status`` is accepted, duplicate (``event_id`` is the first one's) or ignored (stored, no workflow)."""

    event_id: str
    status: str


@dataclass(slots=True)
class _Waiting:
    """A row in the pile, and what became of it."""

    row: tuple[object, ...]
    handled: bool
    known_as: tuple[str, ...] = ()
    """What the delivery's key would be under other versions of the tenant's link key."""
    accepted: Accepted | None = None
    fault: str | None = None


@dataclass(slots=True)
class Inbox:
    """Shared by all threads of a process."""

    core: Core
    largest: int = 256
    _pile: list[_Waiting] = field(default_factory=list)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def accept(self, arrival: Arrival) -> Accepted:
        """Commit the delivery; returns after the commit. Raises Unavailable when it couldn't be made."""
        key, *others = self.core.keys.macs(arrival.tenant_id, "dedup", *arrival.key)
        waiting = _Waiting(self._row(arrival, key), arrival.handled, tuple(others))
        self._pile.append(waiting)
        with self._turn:
            while waiting.accepted is None and waiting.fault is None:
                batch = self._pile[: self.largest]
                del self._pile[: len(batch)]  # others append meanwhile: never assign the rest
                self._commit(batch)
        if waiting.accepted is None:
            raise Unavailable(waiting.fault or "the delivery could not be stored")
        return waiting.accepted

    @scope.everyone("a pile holds deliveries of several tenants")
    def _commit(self, batch: list[_Waiting]) -> None:
        """Store the batch and tell everybody; a row that the database refuses doesn't cost its neighbours."""
        if self.core.store.dialect == "postgresql":  # one order everywhere: no deadlocks on UNIQUE keys
            batch = sorted(batch, key=lambda waiting: str(waiting.row[_KEY]))
        for waiting in batch:
            waiting.fault = "the delivery could not be stored"  # until the commit shows otherwise
        try:
            with self.core.store.transaction(urgent=True):
                results = [self._insert(waiting) for waiting in batch]
                self.core.store.announce()
        except Unavailable as error:
            for waiting in batch:
                waiting.fault = str(error)
        except Exception as error:  # noqa: BLE001  # its text may quote the row: only the kind is passed on
            for waiting in batch:
                waiting.fault = f"the delivery could not be stored ({type(error).__name__})"
                if len(batch) > 1:
                    self._commit([waiting])
        else:
            for waiting, result in zip(batch, results, strict=True):
                waiting.accepted = result
            self.core.bell.set()

    def _insert(self, waiting: _Waiting) -> Accepted:
        if waiting.known_as:  # only while a link key is being rotated
            where = {"connector_id": waiting.row[2]}
            for event in quick.by_ids(models.Event, waiting.known_as, key="dedup_key", **where).values():
                return Accepted(event.id, "duplicate")
        if quick.insert(models.Event, dict(zip(_COLUMNS, waiting.row, strict=True)), ignore=True) == 1:
            return Accepted(str(waiting.row[0]), "accepted" if waiting.handled else "ignored")
        first = models.Event.get(connector_id=waiting.row[2], dedup_key=waiting.row[_KEY])
        return Accepted(first.id, "duplicate")

    def _row(self, arrival: Arrival, key: str) -> tuple[object, ...]:
        core, event_id = self.core, self.core.new_id()
        now = moments.to_text(core.clock())
        step = machine.first_step(WORKFLOW) if arrival.handled else machine.DONE
        return (
            event_id,
            arrival.tenant_id,
            arrival.connector_id,
            arrival.source,
            arrival.topic,
            WORKFLOW,
            step,
            "received" if arrival.handled else "done",
            arrival.trust,
            key,
            core.keys.mac(arrival.tenant_id, "body", arrival.body),
            _seal(core, arrival.tenant_id, event_id, arrival.body),
            dict(arrival.meta),
            now if arrival.handled else None,
            now,
            now,
        )


def _seal(core: Core, tenant_id: str, event_id: str, body: bytes) -> bytes:
    return core.keys.seal(tenant_id, body, table="events", column="payload_sealed", row_id=event_id)


def open_payload(core: Core, event: models.Event) -> bytes:
    """The raw body as it was received. Raises PermanentError for an event that came without one."""
    if event.payload_sealed is None:
        raise PermanentError("this event carries no body")
    return core.keys.unseal(
        event.tenant_id, event.payload_sealed, table="events", column="payload_sealed", row_id=event.id
    )
