"""Waiting for a condition: the only place in the tests where time passes on purpose."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def wait_until(predicate: Callable[[], T], *, timeout: float = 30.0, what: str = "the condition") -> T:
    """Poll until ``predicate()`` is true and return what it gave; AssertionError after ``timeout`` s."""
    deadline = time.monotonic() + timeout
    pause = 0.005
    while not (result := predicate()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout} s for {what}; the last answer was {result!r}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)
    return result
