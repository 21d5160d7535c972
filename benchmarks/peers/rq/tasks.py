"""rq: a pool of two SimpleWorkers, which run jobs in their own process instead of forking for each.

Results aren't kept. A job that a killed worker had begun is found by rq's own maintenance and marked as failed.
"""

from __future__ import annotations

import peer
import redis
import rq


def noop() -> None:
    """Do nothing."""
    peer.tick()


def enqueue(count: int) -> None:
    """Send no-op jobs."""
    queue = rq.Queue(connection=redis.Redis.from_url(peer.URL))
    for _ in range(count):
        queue.enqueue("tasks.noop", result_ttl=0)


OPTIONS = "-n 2 -w rq.SimpleWorker --logging-level ERROR"
SYSTEM = peer.System(["rq", "worker-pool", *OPTIONS.split(), "--url", peer.URL], {"enqueue": enqueue})
