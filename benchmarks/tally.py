"""Hears from the tasks: each writes 16 bytes to a named pipe when it starts (``peers/shared/peer.py``)."""

from __future__ import annotations

import fcntl
import os
import select
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from stage import Child, StageFailed

RECORD = struct.Struct("2d")
CAPACITY = 1 << 20
"""Bytes the pipe should hold, so that no task waits for the bench."""
SILENCE_S = 60.0
GLANCE_S = 0.004
"""Seconds between two looks while ticks come in: reading each by itself would cost the system its core."""


class Tick(NamedTuple):
    """When a task started, by the monotonic clock, and its latency, -1 for none to tell; in seconds."""

    at: float
    latency: float


class Tally:
    """The reading end. ``path`` must not exist yet."""

    def __init__(self, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self._pipe = os.open(path, os.O_RDWR | os.O_NONBLOCK)  # for writing too: never at its end
        if hasattr(fcntl, "F_SETPIPE_SZ"):  # Linux
            fcntl.fcntl(self._pipe, fcntl.F_SETPIPE_SZ, CAPACITY)
        self._rest = b""

    def read(self) -> list[Tick]:
        """What came since the last time."""
        data = self._rest
        while select.select([self._pipe], [], [], 0)[0]:
            data += os.read(self._pipe, CAPACITY)
        whole = len(data) // RECORD.size * RECORD.size
        self._rest = data[whole:]
        return [Tick(*record) for record in RECORD.iter_unpack(data[:whole])]

    def wait(self, count: int, worker: Child, counts: Callable[[Tick], bool] = lambda _: True) -> list[Tick]:
        """Wait for ``count`` ticks, or more, for which ``counts`` holds. Raises StageFailed when the worker has
        died or tells nothing for a minute."""
        found: list[Tick] = []
        last = time.monotonic()
        while len(found) < count:
            if new := [one for one in self.read() if counts(one)]:
                found += new
                last = time.monotonic()
            elif worker.process.poll() is not None or time.monotonic() - last > SILENCE_S:
                raise StageFailed(f"{len(found)} of {count} messages ran; {worker.fault()}")
            else:
                time.sleep(GLANCE_S)
        return found

    def close(self) -> None:
        """Close and remove the pipe."""
        os.close(self._pipe)
        self.path.unlink()
