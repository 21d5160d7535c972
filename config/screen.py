"""A screen that redraws itself in place, until a key, Ctrl-C or SIGTERM ends it.

The terminal is given back as it was, however it ends: the other screen, its cursor, echo and line mode.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import FrameType

from rich.console import Console, RenderableType
from rich.live import Live

_QUIT = b"qQ\x03\x04"  # the last two are Ctrl-C and Ctrl-D
_ESCAPE = b"\x1b"  # alone; with more behind it, it is an arrow or a function key
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

Draw = Callable[[], RenderableType]


def show(console: Console, draw: Draw, interval_s: float) -> None:
    """Draw, and again each ``interval_s`` seconds, when the window changes and at any key but ``q``. For the
    main thread only."""
    with ExitStack() as stack:
        waiting = [stack.enter_context(_signals())]
        if sys.stdin.isatty():
            stack.enter_context(_keys())
            waiting.append(sys.stdin.fileno())
        # Drawn before the screen is taken: an error at the first look belongs on the ordinary one.
        live = Live(draw(), console=console, screen=True, auto_refresh=False)
        stack.enter_context(live)
        live.refresh()
        while not _ended(waiting, interval_s):
            live.update(draw(), refresh=True)


def _ended(waiting: list[int], timeout_s: float) -> bool:
    """Wait for the time, a key or a signal; True if it asks to end."""
    for descriptor in select.select(waiting, [], [], timeout_s)[0]:
        read = os.read(descriptor, 64)
        if read[:1] in _QUIT or read == _ESCAPE:  # nothing read: the terminal is gone
            return True
    return False


@contextmanager
def _keys() -> Iterator[None]:
    """Keys come one by one and unseen."""
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    tty.setcbreak(descriptor)
    try:
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextmanager
def _signals() -> Iterator[int]:
    """Signals as bytes to read beside the keys: ``q`` for those that stop, anything else for a new window."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)

    def tell(number: int, frame: FrameType | None) -> None:
        del frame
        os.write(writer, b"q" if number in _STOPPING else b"w")

    before = {number: signal.signal(number, tell) for number in (*_STOPPING, signal.SIGWINCH)}
    try:
        yield reader
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        os.close(reader)
        os.close(writer)
