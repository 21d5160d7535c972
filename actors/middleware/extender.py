"""One thread that keeps every lock of this process alive while its work runs, and tidies up after outages."""

from __future__ import annotations

import threading

import structlog

from .redlock import Lease, Redlock

log = structlog.get_logger(__name__)

#: A lease is extended at most so often (with a third of the TTL between: ten minutes at 45 s), so that work
#: which hangs gives the lock back in the end.
MAX_EXTENSIONS = 40


class Extender:
    """Extends watched leases every third of the TTL. A lease that can't be extended runs out by itself."""

    def __init__(self, redlock: Redlock, max_extensions: int = MAX_EXTENSIONS) -> None:
        self._redlock = redlock
        self._max_extensions = max_extensions
        self._watched: set[Lease] = set()
        self._guard = threading.Lock()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def watch(self, lease: Lease) -> None:
        """Start extending a lease."""
        with self._guard:
            self._watched.add(lease)

    def unwatch(self, lease: Lease) -> None:
        """Stop extending a lease; unknown ones are fine."""
        with self._guard:
            self._watched.discard(lease)

    def start(self) -> None:
        """Start the thread; once is enough in each process."""
        if self._thread is None or not self._thread.is_alive():
            self._stopping.clear()
            self._thread = threading.Thread(target=self._run, name="dxflow-lock-extender", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread and wait for it."""
        if self._thread is not None:
            self._stopping.set()
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while not self._stopping.wait(self._redlock.ttl_ms / 3000):
            with self._guard:
                leases = list(self._watched)
            for lease in leases:
                self._extend(lease)
            self._redlock.settle()

    def _extend(self, lease: Lease) -> None:
        if lease.extensions < self._max_extensions and self._redlock.extend(lease):
            return
        with self._guard:
            still_wanted = lease in self._watched
        if still_wanted and not lease.still_valid():
            log.error("lock lost while its work runs", lock=lease.resource)
            self.unwatch(lease)
