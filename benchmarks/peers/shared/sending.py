"""How messages are spread over tenants, for the two systems that have many: dxflow and stock Dramatiq."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

Send = Callable[[int, float | None], None]
"""Sends one message to the tenant of that number; with a time, its latency is to be told."""


def plain(send: Send, tenants: int) -> Callable[[int], None]:
    """Sends ``count`` messages as fast as it can, to the tenants in turn."""

    def enqueue(count: int) -> None:
        for number in range(count):
            send(number % tenants, None)

    return enqueue


def trickle(send: Send, tenants: int) -> Callable[[int, int], None]:
    """Sends ``count`` messages to tenants at random, at random gaps of ``gap`` milliseconds on average, so that
    no worker's own rhythm is met or missed on purpose. One more goes ahead untimed: it connects."""
    choice = random.Random(7)

    def trickle(count: int, gap: int) -> None:
        send(0, None)
        for _ in range(count):
            time.sleep(choice.uniform(0.5, 1.5) * gap / 1000)
            send(choice.randrange(tenants), time.monotonic())

    return trickle
