"""taskiq, two brokers: ``stream`` acknowledges after the run, so that what a killed worker had is delivered
again; ``list`` pops, so that it is lost.

Two worker processes with 100 tasks at a time each; results are off, as they are by default.
"""

from __future__ import annotations

import peer
from taskiq_redis import ListQueueBroker, RedisStreamBroker

broker = ListQueueBroker(peer.URL) if peer.VARIANT == "list" else RedisStreamBroker(peer.URL)


@broker.task
async def noop() -> None:
    """Do nothing."""
    peer.tick()


async def enqueue(count: int) -> None:
    """Send no-op tasks."""
    await broker.startup()
    for _ in range(count):
        await noop.kiq()
    await broker.shutdown()


OPTIONS = "--workers 2 --max-async-tasks 100 --log-level ERROR"
SYSTEM = peer.System(["taskiq", "worker", "tasks:broker", *OPTIONS.split()], {"enqueue": enqueue})
