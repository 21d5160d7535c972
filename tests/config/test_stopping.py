"""A signal ends a wait, also one that came before it, and interrupts nothing."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from dxflow.config import stopping


@pytest.mark.parametrize("number", stopping.SIGNALS)
def test_a_signal_ends_a_wait(number: signal.Signals) -> None:
    with stopping.signals() as told:
        assert not told(0)
        sender = threading.Timer(0.05, os.kill, (os.getpid(), number))
        sender.start()
        assert told(None)
        sender.join()
        assert told(0), "who asks again hears it again"


def test_one_that_came_at_work_is_heard_at_the_next_wait_however_often_it_came() -> None:
    with stopping.signals() as told:
        for _ in range(100_000):  # more than a pipe holds
            signal.raise_signal(signal.SIGINT)
        assert told(None)


def test_afterwards_signals_mean_what_they_meant() -> None:
    before = [signal.getsignal(number) for number in stopping.SIGNALS]
    with stopping.signals():
        assert [signal.getsignal(number) for number in stopping.SIGNALS] != before
    assert [signal.getsignal(number) for number in stopping.SIGNALS] == before
