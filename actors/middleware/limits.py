"""Time limits for actors: Dramatiq's own, but for its thread, which never ends.

An actor may run for the milliseconds of its message's or its own ``time_limit``; then TimeLimitExceeded is
raised in its thread. Where threads are threads it strikes between two of Python's instructions, so a system
call that hangs is interrupted when it returns; where gevent has made greenlets of them it strikes at the next
point where the greenlet waits.
"""

from __future__ import annotations

import importlib
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import dramatiq
import structlog
from dramatiq.broker import MessageProxy
from dramatiq.middleware.time_limit import TimeLimitExceeded
from dramatiq.threading import raise_thread_exception
from typing_extensions import override

from ...engine import greenlets
from .around import Around

log = structlog.get_logger(__name__)

#: Seconds between two looks at the deadlines.
INTERVAL_S = 0.5
#: Seconds that the end of a worker waits for the thread.
_JOIN_S = 5.0


class _Deadlines(Protocol):
    def start(self) -> None: ...

    def stop(self) -> None: ...

    def begin(self, limit_ms: float) -> None: ...

    def end(self) -> None: ...


class TimeLimit(Around):
    """``time_limit`` is in milliseconds, the default of actors that name none."""

    def __init__(self, *, time_limit: float, interval_s: float = INTERVAL_S) -> None:
        self._time_limit = time_limit
        self._deadlines: _Deadlines = _OfGreenlets() if greenlets.are_here() else _OfThreads(interval_s)

    @property
    def actor_options(self) -> set[str]:
        """``time_limit`` in milliseconds."""
        return {"time_limit"}

    @override
    def after_process_boot(self, broker: dramatiq.Broker) -> None:
        """Begin to look at the deadlines."""
        self._deadlines.start()

    @override
    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Stop looking."""
        self._deadlines.stop()

    @override
    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Start this thread's time."""
        options = broker.get_actor(message.actor_name).options
        limit = message.options.get("time_limit") or options.get("time_limit") or self._time_limit
        self._deadlines.begin(limit)

    @override
    def leave(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """End it."""
        self._deadlines.end()


class _OfThreads:
    """One thread looks at all of them."""

    def __init__(self, interval_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval_s = interval_s
        self._clock = clock
        self._until: dict[int, float] = {}
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run, name="dxflow-time-limits", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(_JOIN_S)

    def begin(self, limit_ms: float) -> None:
        with self._guard:
            self._until[threading.get_ident()] = self._clock() + limit_ms / 1000

    def end(self) -> None:
        with self._guard:
            self._until.pop(threading.get_ident(), None)

    def _run(self) -> None:
        while not self._stopping.wait(self._interval_s):
            now = self._clock()
            # Under the lock, so that none is hit whose message has just ended.
            with self._guard:
                for thread in [one for one, until in self._until.items() if until <= now]:
                    del self._until[thread]
                    log.warning("time_limit_exceeded")
                    raise_thread_exception(thread, TimeLimitExceeded)  # type: ignore[no-untyped-call]  # in dramatiq


class _OfGreenlets:
    """gevent's own timers; nothing has to look."""

    def __init__(self) -> None:
        self._timeout: Any = importlib.import_module("gevent").Timeout  # optional: there when it has patched
        self._running: dict[int, Any] = {}

    def start(self) -> None:
        """Each timer starts by itself."""

    def stop(self) -> None:
        """Each timer ends with its message."""

    def begin(self, limit_ms: float) -> None:
        timer = self._timeout(limit_ms / 1000, TimeLimitExceeded)
        self._running[threading.get_ident()] = timer
        timer.start()

    def end(self) -> None:
        timer = self._running.pop(threading.get_ident(), None)
        if timer is not None:
            timer.close()
