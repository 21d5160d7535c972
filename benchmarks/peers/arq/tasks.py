"""arq: two worker processes with 100 jobs at a time each.

Results aren't kept and the pause between two looks at the queue is short, so that it isn't what is measured. A
job that a killed worker had begun runs again.
"""

from __future__ import annotations

from typing import Any, ClassVar

import arq
import peer
from arq.connections import RedisSettings


async def noop(_context: dict[str, Any]) -> None:
    """Do nothing."""
    peer.tick()


class WorkerSettings:
    """What the command line reads."""

    functions: ClassVar = [noop]
    redis_settings = RedisSettings.from_dsn(peer.URL)
    max_jobs = 100
    keep_result = 0
    poll_delay = 0.02
    log_results = False


async def enqueue(count: int) -> None:
    """Send no-op jobs."""
    pool = await arq.create_pool(WorkerSettings.redis_settings)
    for _ in range(count):
        await pool.enqueue_job("noop")
    await pool.aclose()


SYSTEM = peer.System(["arq", "tasks.WorkerSettings"], {"enqueue": enqueue}, processes=2)
