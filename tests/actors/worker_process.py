"""A process for the tests to kill: ``python worker_process.py ROLE URL …``. It says so when it is where it
should be, and then waits to be killed."""

from __future__ import annotations

import signal
import sys

import redis

from dxflow.actors.broker.broker import TenantBroker
from dxflow.actors.broker.names import QUEUE
from dxflow.actors.middleware.redlock import Redlock


def hold_messages(url: str, lease_ms: str, wanted: str) -> None:
    """Lease some messages and keep them."""
    broker = TenantBroker(url, lease_ms=int(lease_ms))
    consumer = broker.consume(QUEUE, prefetch=int(wanted), timeout=1000)
    held = 0
    while held < int(wanted):
        held += next(consumer) is not None
    print("holding", flush=True)
    signal.pause()


def hold_lock(url: str, ttl_ms: str, resource: str) -> None:
    """Take a lock and keep it."""
    lease = Redlock([redis.Redis.from_url(url)], int(ttl_ms)).acquire(resource)
    print("holding" if lease else "refused", flush=True)
    signal.pause()


if __name__ == "__main__":
    {"messages": hold_messages, "lock": hold_lock}[sys.argv[1]](*sys.argv[2:])
