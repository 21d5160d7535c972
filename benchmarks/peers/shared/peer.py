"""What every measured system shares: how a task says that it ran, and what a script can be told to do.

It must run in each peer's own environment, so it needs the standard library alone. ``enqueue COUNT`` sends
no-op tasks, one call each, and prints the seconds that took; ``chain LENGTH COUNT`` sends tasks that each send
the next; ``trickle COUNT GAP`` sends slowly; ``worker`` becomes the worker, as its own command line starts it.
"""

from __future__ import annotations

import asyncio
import inspect
import os
import struct
import sys
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

URL = os.environ["BENCH_REDIS_URL"]
"""``redis://host:port/0`` of the one server that all of them use, one after the other."""
VARIANT = os.environ.get("BENCH_VARIANT", "")
"""Which of its settings a system runs with, where two are worth measuring."""
_PIPE = os.open(os.environ["BENCH_PIPE"], os.O_WRONLY)
_RECORD = struct.Struct("2d")

Fill = Callable[..., Coroutine[object, object, None] | None]


def tick(sent: float | None = None) -> None:
    """Tell the bench that a task starts: one write of 16 bytes to a pipe, atomic from any thread or process.

    They are the time, in seconds of the machine's monotonic clock, and the latency where ``sent`` says when the
    message was sent, else -1.
    """
    now = time.monotonic()
    os.write(_PIPE, _RECORD.pack(now, -1.0 if sent is None else now - sent))


def own(program: str) -> str:
    """The path of a program in this script's own environment."""
    return str(Path(sys.executable).parent / program)


@dataclass(frozen=True)
class System:
    """``worker`` is a command, run ``processes`` times, or a function; ``fills`` are functions by the word that
    calls them, given the numbers after it."""

    worker: Sequence[str] | Callable[[], None]
    fills: Mapping[str, Fill]
    processes: int = 1


def run(system: System, word: str, numbers: Iterable[int]) -> None:
    """Do what the command line says; ``worker`` doesn't return."""
    if word in system.fills:
        began = time.monotonic()
        filled = system.fills[word](*numbers)
        if inspect.iscoroutine(filled):
            asyncio.run(filled)
        print(time.monotonic() - began)
    elif callable(system.worker):
        system.worker()
    else:
        for _ in range(system.processes - 1):
            if os.fork() == 0:
                break
        os.execv(own(system.worker[0]), list(system.worker))
