"""What runs beside a worker of this broker: relay and watch, which feed it, the coverer of its logs, and the
anchorer that brings their root onto a chain.

A middleware, so that it makes no difference whose Worker it is: the engine's or the ``dramatiq`` command's.
"""

from __future__ import annotations

import dramatiq
import structlog
from dramatiq.middleware import Middleware
from typing_extensions import override

from ..engine.anchorer import Anchorer
from ..engine.core import Core
from ..engine.coverer import Coverer
from .broker.broker import TenantBroker
from .dispatcher import Dispatcher
from .relay import Relay
from .watch import Watch

logger = structlog.get_logger(__name__)


class Sources(Middleware):
    """``patience`` is how many seconds each of them may take to stop."""

    def __init__(self, core: Core, broker: TenantBroker, dispatcher: Dispatcher) -> None:
        self.patience = 5.0
        self._core, self._broker, self._dispatcher = core, broker, dispatcher
        self._relay: Relay | None = None
        self._watch: Watch | None = None
        self._coverer: Coverer | None = None
        self._anchorer: Anchorer | None = None

    @override
    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start them: there is somebody to work."""
        self._relay = Relay(self._core, self._broker, self._dispatcher)
        self._watch = Watch(self._core)
        self._relay.start()
        self._watch.start()
        self._coverer = Coverer(self._core)
        self._coverer.start()
        self._anchorer = Anchorer.of(self._core)
        if self._anchorer is not None:
            self._anchorer.start()
        logger.info("engine_started", threads=worker.worker_threads)

    @override
    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Stop them first, so that nothing new comes while the workers finish."""
        for source in (self._watch, self._relay, self._coverer, self._anchorer):
            if source is not None:
                source.stop(self.patience)

    @property
    def alive(self) -> bool:
        """Whether the relay runs; without it a process does nothing."""
        return self._relay is not None and self._relay.alive
