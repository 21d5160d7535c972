"""The thread beside a consumer: renews its leases and sends settlements the consumer is too idle to carry."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from .connection import FAILURES
from .leases import Holdings
from .scripts import Scripts
from .shards import by_shard

log = structlog.get_logger(__name__)

#: Seconds between tries while Redis doesn't answer.
BACKOFF_S = 0.25
#: Seconds a stopping consumer waits for its keeper.
JOIN_S = 2.0


class Keeper(threading.Thread):
    """Started and stopped by its consumer. Everything it does is safe to repeat."""

    def __init__(
        self, scripts: Scripts, holdings: Holdings, lease_ms: int, clock: Callable[[], float]
    ) -> None:
        super().__init__(name="dxflow-lease-keeper", daemon=True)
        self._scripts = scripts
        self._holdings = holdings
        self._lease_ms = lease_ms
        self._clock = clock
        self._next_renewal = clock()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Loop until stopped. Redis being away is waited out; the consumer is who reports it to Dramatiq."""
        while not self._stopping.is_set():
            self._holdings.wait_for_settlements(self._next_renewal)
            failure = self._attempt(self.flush)
            # Whatever came of that: a node that is away must not cost the leases on others.
            if self._clock() >= self._next_renewal:
                failure = self._attempt(self._renew) or failure
            if failure:
                log.warning("lease keeper can't reach redis", error=type(failure).__name__)
                self._stopping.wait(BACKOFF_S)

    def _attempt(self, duty: Callable[[], None]) -> Exception | None:
        try:
            duty()
        except FAILURES as error:
            return error
        return None

    def flush(self) -> None:
        """Send pending settlements. Where that fails they stay pending, the other shards hear theirs, and the
        last error is raised."""
        failure = None
        for shard, settlements in by_shard(self._holdings.drain(), lambda one: one.shard).items():
            try:
                self._scripts.settle(shard, settlements)
            except FAILURES as error:
                self._holdings.restore(settlements)
                failure = error
        if failure:
            raise failure

    def _renew(self) -> None:
        """Where that fails it is due again at once, the other shards' leases are renewed, and the last error is
        raised."""
        failure, began = None, self._clock()
        for shard, leases in by_shard(self._holdings.leases(), lambda one: one.shard).items():
            started = self._clock()  # asking a shard that is away may have taken a while
            try:
                lost = self._scripts.renew(shard, leases, self._lease_ms)
            except FAILURES as error:
                failure = error
                continue
            self._holdings.renewed({lease.token for lease in leases} - lost, started + self._lease_ms / 1000)
            self._holdings.lost(lost)
        if failure:
            raise failure
        self._next_renewal = began + self._lease_ms / 3000

    def stop(self) -> None:
        """Ask the thread to end and wait a while: a silent server may hold it until a socket timeout."""
        self._stopping.set()
        self._holdings.interrupt()
        if self.is_alive() and threading.current_thread() is not self:
            self.join(JOIN_S)
