"""A Dramatiq broker with one queue per tenant and one fair consumer for all of them.

Dramatiq knows a single queue (``dxflow``); the tenant's queue travels in the message's options:

- ``tenant_queue``: public name ``{family}_queue_{did}``; without it the message goes to ``dxflow`` itself;
- ``family``: whose in-flight limit applies; the actor's option of that name, else the name's, is the default;
- ``weight``: how many turns the queue has where others have one (1 to 100, 1 unless given);
- ``exchange``: name of a Redis hash in which the tenant's DID is bound to the queue, for operators to read.

Promises: a message is delivered at least once while Redis keeps its data; a queue's messages start in the
order they were queued; at most ``limit`` of a queue are leased at a time, over all processes. A process that
dies or hangs loses its leases to others, so handlers must be idempotent, and what only one may do needs a
guard in the database. Redis may be wiped: the event table is what refills it (``mark``, ``known``).
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import dramatiq
from dramatiq.errors import QueueJoinTimeout, QueueNotFound
from dramatiq.middleware import Middleware

from . import reads
from .connection import ClientFactory, client_factory, connection_failures, shards_for
from .consumer import LeasedMessage, LeaseGuard, TenantConsumer
from .hub import Hub
from .leases import Holdings
from .names import QUEUE, check_queue_name, did_of, family_of
from .poison import OnPoison, PoisonReport
from .rounds import Terms
from .scripts import Entry
from .shards import Shards

#: A message leased this often without being settled is given up.
MAX_DELIVERIES = 5
#: Turns in a row that a queue may have at most.
MAX_WEIGHT = 100
#: Seconds between looks while ``join`` waits.
JOIN_INTERVAL_S = 0.02


class TenantBroker(dramatiq.Broker):
    """``source`` is an address (``config/redis_address.py``) or a factory of clients, whose ``shards`` are then
    to be told where it is a Cluster's. Nothing connects before the first command.

    ``limits`` says how many messages of one queue may be in flight, per family; the default is 1.
    ``on_poison`` is told of every message given up; until it returns, the message stays in ``dxflow:poison``.
    Build it before or after a fork, but start a Worker only in the process that keeps it.
    """

    def __init__(
        self,
        source: str | ClientFactory,
        *,
        lease_ms: int = 10_000,
        limits: Mapping[str, int] | None = None,
        middleware: list[Middleware] | None = None,
        on_poison: OnPoison | None = None,
        max_deliveries: int = MAX_DELIVERIES,
        shards: Shards | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._holdings = Holdings(clock)
        super().__init__(middleware=[LeaseGuard(self._holdings), *(middleware or [])])
        self.actor_options |= {"family", "exchange"}
        self._limits = dict(limits or {})
        self._terms = Terms(lease_ms, max_deliveries, clock)
        self._hub = Hub(client_factory(source), shards or shards_for(source))
        self._poison = PoisonReport(self._hub, on_poison, clock)

    # Declaring

    def declare_actor(self, actor: dramatiq.Actor[Any, Any]) -> None:
        """Declare an actor; whatever queue it names, Dramatiq's queue is ``dxflow``."""
        actor.queue_name = QUEUE
        super().declare_actor(actor)

    def declare_queue(self, queue_name: str) -> None:
        """Declare ``dxflow``; ValueError for any other name. Idempotent."""
        if queue_name != QUEUE:
            raise ValueError(f"{QUEUE!r} is the only queue to declare, not {queue_name!r}")
        if QUEUE not in self.queues:
            self.emit_before("declare_queue", QUEUE)
            self.queues[QUEUE] = None
            self.emit_after("declare_queue", QUEUE)

    # Sending

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        """Queue a message, in ``delay`` milliseconds if given. A second one with the same id changes nothing.

        Raises ValueError for a malformed queue name and ConnectionClosed if Redis doesn't answer.
        """
        return self.enqueue_all([message], delay=delay)[0]

    def enqueue_all(
        self, messages: Iterable[dramatiq.Message[Any]], *, delay: int | None = None
    ) -> list[dramatiq.Message[Any]]:
        """Queue many messages at once, in order; one round trip per shard.

        Raises what ``enqueue`` does; after ConnectionClosed some may be queued, and sending all of them again
        is harmless.
        """
        copies = [message.copy(queue_name=QUEUE) for message in messages]
        entries = [self._entry(message, max(0, delay or 0)) for message in copies]
        for message in copies:
            self.emit_before("enqueue", message, delay)
        with connection_failures():
            self._hub.scripts.enqueue(entries)
        for message in copies:
            self.emit_after("enqueue", message, delay)
        return copies

    def _entry(self, message: dramatiq.Message[Any], delay_ms: int) -> Entry:
        queue = str(message.options.get("tenant_queue") or QUEUE)
        check_queue_name(queue)
        did = did_of(queue) or ""
        limit = self._limits.get(self._option(message, "family") or family_of(queue), 1)
        weight = _checked_weight(message.options.get("weight", 1))
        exchange = self._option(message, "exchange") if did else ""
        return Entry(message.message_id, queue, message.encode(), limit, weight, delay_ms, exchange, did)

    def _option(self, message: dramatiq.Message[Any], name: str) -> str:
        actor = self.actors.get(message.actor_name)
        default = actor.options.get(name) if actor else None
        return str(message.options.get(name) or default or "")

    # Receiving

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 30_000) -> TenantConsumer:
        """A consumer of every tenant's messages; ``timeout`` in milliseconds. One at a time per broker."""
        self._check(queue_name)
        with connection_failures():
            return TenantConsumer(
                self._hub, self._holdings, self._terms, self._poison, prefetch=prefetch, timeout_ms=timeout
            )

    def wake(self, queue: str) -> None:
        """End the parking of a tenant queue, because what it waited for is free."""
        with connection_failures():
            self._hub.scripts.wake(queue)

    def take_over(self) -> None:
        """Declare every other holder dead. For the sole user of a Redis, before its Worker starts.

        Every lease ends and its message goes back to the front of its queue (a delivery is counted), nothing
        counts as in flight or parked, and the register locks of those queues are deleted.
        """
        with connection_failures():
            self._hub.scripts.take_over(self._terms.max_deliveries)

    # Asking

    def mark(self) -> bool:
        """Leave a marker in every shard; True if one was missing, so (a part of) Redis is new or was wiped."""
        with connection_failures():
            return reads.leave_marker(self._hub, secrets.token_hex(8).encode())

    def known(self, messages: Iterable[tuple[str, str]]) -> set[str]:
        """The ids of those (queue, id) that are still queued, delayed or in flight, or may be: in a Cluster
        nobody knows what a node that is away has."""
        with connection_failures():
            return reads.known(self._hub, messages)

    def active(self, limit: int = 1000) -> list[str]:
        """Names of queues with something ready, in flight, delayed or parked, ``limit`` at most."""
        with connection_failures():
            return reads.active(self._hub, limit)

    def depths(self, queue_names: Sequence[str]) -> Mapping[str, reads.Depth]:
        """How many messages of each named queue are ready, in flight and delayed, and since when. In a Cluster,
        queues whose node is away are left out."""
        with connection_failures():
            return reads.depths(self._hub, queue_names)

    # Tests and tools

    def flush(self, queue_name: str) -> None:
        """Drop every tenant's messages."""
        self._check(queue_name)
        with connection_failures():
            self._hub.scripts.flush()

    def flush_all(self) -> None:
        """Drop every tenant's messages."""
        self.flush(QUEUE)

    def join(self, queue_name: str, *, timeout: int | None = None) -> None:
        """Wait until nothing is queued, delayed or in flight; QueueJoinTimeout after ``timeout`` ms."""
        self._check(queue_name)
        deadline = None if timeout is None else time.monotonic() + timeout / 1000
        with connection_failures():
            while reads.size(self._hub):
                if deadline is not None and time.monotonic() >= deadline:
                    raise QueueJoinTimeout(queue_name)  # type: ignore[no-untyped-call]  # unannotated in dramatiq
                time.sleep(JOIN_INTERVAL_S)

    def close(self) -> None:
        """Close the connections; consumers close their own."""
        self._hub.close()

    def _check(self, queue_name: str) -> None:
        if queue_name != QUEUE:
            raise QueueNotFound(queue_name)  # type: ignore[no-untyped-call]  # unannotated in dramatiq


def _checked_weight(weight: object) -> int:
    if type(weight) is int and 1 <= weight <= MAX_WEIGHT:
        return weight
    raise ValueError(f"a queue's weight is a whole number from 1 to {MAX_WEIGHT}, not {weight!r}")


__all__ = ["MAX_DELIVERIES", "LeasedMessage", "TenantBroker"]
