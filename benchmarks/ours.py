"""dxflow's broker as a system to measure, spoken to like its peers (``peers/shared/peer.py``).

The bare ``TenantBroker`` under a stock ``dramatiq.Worker`` with 8 threads in one process and Dramatiq's default
middleware; a queue per tenant, ``BENCH_TENANTS`` of them beginning with number ``BENCH_FIRST``, each with
``BENCH_LIMIT`` messages in flight at most. Variant ``cli`` is Dramatiq's command line with two such processes.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from itertools import islice
from typing import Any

import dramatiq
import peer
import sending
from dramatiq.middleware import default_middleware

from dxflow.actors.broker.broker import TenantBroker
from dxflow.actors.broker.names import QUEUE
from dxflow.engine.machine import REGISTER, REGISTER_EXCHANGE, queue_name

FIRST = int(os.environ.get("BENCH_FIRST", "0"))
TENANTS = int(os.environ.get("BENCH_TENANTS", "10000"))
BULK = 1000
"""Messages of one call of ``enqueue_all``, and of one fetch when queues are emptied without a Worker."""

broker = TenantBroker(
    peer.URL,
    limits={REGISTER: int(os.environ.get("BENCH_LIMIT", "1"))},
    middleware=[kind() for kind in default_middleware],
)
dramatiq.set_broker(broker)


@dramatiq.actor(broker=broker, queue_name=QUEUE, exchange=REGISTER_EXCHANGE)
def noop(sent: float | None) -> None:
    """Do nothing."""
    peer.tick(sent)


def message(tenant: int, sent: float | None = None) -> dramatiq.Message[Any]:
    """A no-op for the tenant of this number."""
    queue = queue_name(REGISTER, f"did:dep:{FIRST + tenant:040x}")
    return noop.message_with_options(args=(sent,), tenant_queue=queue)


def send(tenant: int, sent: float | None = None) -> None:
    """Send one message."""
    broker.enqueue(message(tenant, sent))


def bulk(count: int) -> None:
    """Send many at a time, to the tenants in turn."""
    messages: Iterator[dramatiq.Message[Any]] = (message(number % TENANTS) for number in range(count))
    while some := list(islice(messages, BULK)):
        broker.enqueue_all(some)


def visit(count: int) -> None:
    """Send a message to each of ``count`` tenants and acknowledge it, in bulk: from then on they are known."""
    consumer = broker.consume(QUEUE, prefetch=BULK, timeout=1000)
    for first in range(0, count, BULK):
        size = min(BULK, count - first)
        broker.enqueue_all([message(first + number) for number in range(size)])
        while size:
            if (leased := next(consumer)) is not None:
                consumer.ack(leased)
                size -= 1
    consumer.close()


def work() -> None:
    """One process with 8 threads, until SIGTERM."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # no thread but this one is to get it
    broker.emit_after("process_boot")
    worker = dramatiq.Worker(broker, worker_threads=8)
    worker.start()
    signal.sigwait({signal.SIGTERM})
    worker.stop(timeout=2000)


CLI = ["dramatiq", "ours", "-p", "2", "-t", "8"]
SYSTEM = peer.System(
    CLI if peer.VARIANT == "cli" else work,
    {
        "enqueue": sending.plain(send, TENANTS),
        "trickle": sending.trickle(send, TENANTS),
        "bulk": bulk,
        "visit": visit,
    },
)
