"""Celery, prefork: two worker processes that fetch 64 tasks each ahead.

Whatever costs and isn't needed for running tasks is off: results, gossip, mingle, heartbeats. Delivery is
Celery's default, acknowledged before the task runs: a killed worker loses what it had begun.
"""

from __future__ import annotations

import celery
import peer

app = celery.Celery("tasks", broker=peer.URL)
app.conf.update(
    task_ignore_result=True, worker_prefetch_multiplier=64, broker_connection_retry_on_startup=True
)


@app.task
def noop() -> None:
    """Do nothing."""
    peer.tick()


@app.task
def step(left: int) -> None:
    """One link of a chain."""
    peer.tick()
    if left > 1:
        step.delay(left - 1)


def enqueue(count: int) -> None:
    """Send no-op tasks."""
    for _ in range(count):
        noop.delay()


def chain(length: int, count: int) -> None:
    """Send the first links."""
    for _ in range(count):
        step.delay(length)


OPTIONS = "-P prefork -c 2 --without-gossip --without-mingle --without-heartbeat -l error"
SYSTEM = peer.System(
    ["celery", "-A", "tasks", "worker", *OPTIONS.split()], {"enqueue": enqueue, "chain": chain}
)
