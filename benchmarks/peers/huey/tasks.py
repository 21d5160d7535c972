"""huey, two settings: ``process`` has two worker processes, ``thread`` eight threads in one.

Results are off. A task is popped and then run: a killed worker loses what it had begun.
"""

from __future__ import annotations

import huey
import peer

app = huey.RedisHuey(url=peer.URL, results=False)


@app.task()
def noop() -> None:
    """Do nothing."""
    peer.tick()


def enqueue(count: int) -> None:
    """Send no-op tasks."""
    for _ in range(count):
        noop()


WORKERS = {"process": "-k process -w 2", "thread": "-k thread -w 8"}
COMMAND = ["huey_consumer", "tasks.app", *WORKERS[peer.VARIANT or "process"].split(), "--no-periodic", "-q"]
SYSTEM = peer.System(COMMAND, {"enqueue": enqueue})
