"""Waiting for the signals that ask a program to end, for its main thread.

They are bytes in a pipe, and interrupt nothing: an exception out of a handler is lost where Python can't raise
it (in a destructor, in a callback), and an event that one sets can wait for a lock that this very thread has.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

SIGNALS = (signal.SIGINT, signal.SIGTERM)

Told = Callable[[float | None], bool]
"""Waits so many seconds, or for ever: whether the program was asked to end, now or before."""


@contextmanager
def signals() -> Iterator[Told]:
    """While the block runs these signals are heard by ``Told`` alone."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    before = {number: signal.signal(number, lambda *_: _tell(writer)) for number in SIGNALS}
    try:
        yield lambda seconds: bool(select.select([reader], [], [], seconds)[0])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)


def _tell(writer: int) -> None:
    with suppress(BlockingIOError):  # told so often that the pipe is full
        os.write(writer, b"q")
