"""Stock Dramatiq with its Redis broker and default middleware, acknowledged after the run.

``BENCH_TENANTS`` queues, one per tenant, or one for all. ``worker`` is a Worker with 8 threads in one process;
variant ``cli`` is Dramatiq's command line with two such processes. It runs in dxflow's own environment, so both
use the same Dramatiq and the same redis-py.
"""

from __future__ import annotations

import os
import signal

import dramatiq
import peer
import redis
import sending
from dramatiq.brokers.redis import RedisBroker

TENANTS = int(os.environ.get("BENCH_TENANTS", "1"))
# Each queue's consumer holds a connection; redis-py's own limit of 100 would be the first thing to fail.
broker = RedisBroker(client=redis.Redis.from_url(peer.URL, max_connections=20_000))
dramatiq.set_broker(broker)


@dramatiq.actor
def noop(sent: float | None) -> None:
    """Do nothing."""
    peer.tick(sent)


@dramatiq.actor
def step(left: int) -> None:
    """One link of a chain."""
    peer.tick()
    if left > 1:
        step.send(left - 1)


def send(tenant: int, sent: float | None = None) -> None:
    """Send one message to a tenant's queue."""
    message = noop.message(sent)
    broker.enqueue(message.copy(queue_name=f"tenant_{tenant}") if TENANTS > 1 else message)


def chain(length: int, count: int) -> None:
    """Send the first links."""
    for _ in range(count):
        step.send(length)


def work() -> None:
    """One process with 8 threads, until SIGTERM."""
    for tenant in range(TENANTS if TENANTS > 1 else 0):
        broker.declare_queue(f"tenant_{tenant}")
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # no thread but this one is to get it
    broker.emit_after("process_boot")
    worker = dramatiq.Worker(broker, worker_threads=8)
    worker.start()
    signal.sigwait({signal.SIGTERM})
    worker.stop(timeout=2000)


CLI = ["dramatiq", "tasks", "-p", "2", "-t", "8"]
SYSTEM = peer.System(
    CLI if peer.VARIANT == "cli" else work,
    {"enqueue": sending.plain(send, TENANTS), "trickle": sending.trickle(send, TENANTS), "chain": chain},
)
