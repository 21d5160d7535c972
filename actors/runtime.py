"""What runs in a worker process: the broker, Dramatiq's worker threads, the relay and the watch.

``Engine`` is the public face: any program may start one, after its forks and before it needs it.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Self

import dramatiq
import structlog
from dramatiq import Worker
from dramatiq.errors import BrokerError

from ..config import logging
from ..config.errors import StartError
from ..config.settings import Settings
from ..config.valkey import OwnValkey
from ..engine.core import Core
from ..engine.errors import Unavailable
from ..engine.inbox import Accepted, Arrival, Inbox
from ..engine.store import scope
from ..engine.wiring import core_for
from . import present
from .broker.broker import TenantBroker
from .broker.reads import Depth
from .dispatcher import Dispatcher
from .metrics import Metrics
from .middleware.locking import holders
from .middleware.redlock import Holder
from .parts import Parts
from .present import running
from .sources import Sources
from .starter import Starter
from .wiring import broker_for
from .workflows import declare

logger = structlog.get_logger(__name__)

WORKER_TIMEOUT_MS = 500
"""How long an idle thread may take to notice a stop."""


class _Opened(NamedTuple):
    """What a process has opened; a fork of it opens its own."""

    process: int
    core: Core
    inbox: Inbox


class Engine:
    """The actors' side of dxflow. ``sole`` says that nobody else uses this Redis, so that what an earlier
    process left in flight can be taken over at once instead of waiting for its leases to end.

    Any program may start one, from any thread, after its forks: threads and connections belong to the process
    that called ``start``. Without DXFLOW_REDIS_URL the engine brings its own Valkey, restarts it when it dies,
    and holds the data directory for itself. ``with Engine():`` starts and stops it.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        sole: bool = False,
        middleware: Sequence[dramatiq.Middleware] = (),
    ) -> None:
        """Prepare; nothing is opened or started yet. ``middleware`` comes after ours. Raises SettingsError."""
        self._given = self.settings = settings or Settings.load()
        self.metrics = Metrics()
        self._sole = sole
        self._middleware = middleware
        self._guard = threading.Lock()
        self._starter: Starter | None = None
        self._own_redis: OwnValkey | None = None
        self._opened: _Opened | None = None
        self._broker: TenantBroker | None = None
        self._parts: Parts | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def core(self) -> Core:
        """The opened store, keys and log."""
        return self._open_store().core

    @property
    def broker(self) -> TenantBroker:
        """The dispatcher. Raises Unavailable before ``start`` when there is no Redis to dispatch through."""
        if self._broker is None:
            if self.settings.redis_url is None:
                raise Unavailable("set DXFLOW_REDIS_URL, or start the engine to get the embedded Valkey")
            self._broker = broker_for(self.core, self.settings, self.metrics)
        return self._broker

    def start(self) -> None:
        """Open everything and begin to work; returns when it does. A stopped engine may be started again.

        Raises StartError or DxflowError with one clear line, also when this engine runs already.
        """
        self._forget_parent()
        self._start(alone=True)

    def begin(self, *, alone: bool = True) -> None:
        """``start`` for the worker of a server, which mustn't end because its database or Redis is away: then
        try again each second beside it, until ``stop``. Raises StartError for what waiting can't mend.

        ``alone``: no other process uses this Redis at the moment. Only then is anything taken over.
        """
        self._forget_parent()
        present.enter(self)
        self._starter = Starter(lambda: self._start(alone))
        try:
            self._starter.begin()
        except BaseException:
            self.stop(0.0)
            raise

    def prepare(self) -> TenantBroker:
        """Open everything and declare the actors, for a Worker that somebody else starts on this broker."""
        self._prepare()
        return self.broker

    def stop(self, timeout_s: float = 20.0) -> None:
        """Let steps in progress finish, at most ``timeout_s`` seconds; the rest stays in the event table.

        Stopping twice, or what never started, does nothing; nor does it in a fork of the process that started.
        """
        self._forget_parent()
        if self._starter is not None:
            self._starter.stop(timeout_s / 2)
        if not self._guard.acquire(timeout=max(1.0, timeout_s / 2)):
            logger.warning("engine_stuck")  # a start hangs on its database: it ends with the process
            return
        try:
            self._close(timeout_s)
        finally:
            self._guard.release()
        self._starter = None
        present.leave(self)

    def submit(self, event: Arrival) -> Accepted:
        """Commit an authentic delivery by other means than HTTP; returns after the commit."""
        with scope.of(event.tenant_id):
            return self._open_store().inbox.accept(event)

    def depths(self, queue_names: Sequence[str]) -> Mapping[str, Depth]:
        """How full these tenant queues are. Raises Unavailable when Redis doesn't answer."""
        try:
            return self.broker.depths(queue_names)
        except BrokerError as error:
            raise Unavailable("Redis doesn't answer") from error

    def locks(self, queue_names: Sequence[str]) -> Mapping[str, Holder]:
        """Who has the locks of these register queues, where somebody has. Raises Unavailable."""
        return holders(self.broker, queue_names)

    def checks(self) -> Mapping[str, Callable[[], str]]:
        """The parts of readiness: each says that it is well, or raises Unavailable."""
        return {"database": self._check_database, "redis": self._check_redis, "actors": self._check_actors}

    def _open_store(self) -> _Opened:
        if self._opened is None or self._opened.process != os.getpid():
            core = core_for(self.settings)
            self._opened = _Opened(os.getpid(), core, Inbox(core))
        return self._opened

    def _start(self, alone: bool) -> None:
        logging.adopt()
        with self._guard:
            if self._parts is not None:
                raise StartError("this engine runs already; stop it before you start it again")
            present.enter(self)
            try:
                self._open(alone)
            except BaseException:
                self._close(0.0)
                if self._starter is None:
                    present.leave(self)
                raise

    def _prepare(self) -> Sources:
        dispatcher = Dispatcher(self.core, self.broker)
        declare(self.broker, self.core, dispatcher, self.metrics)
        sources = Sources(self.core, self.broker, dispatcher)
        for one in (*self._middleware, sources):
            self.broker.add_middleware(one)
        return sources

    def _open(self, alone: bool) -> None:
        if self._given.redis_url is None:
            self._own_redis = OwnValkey(self._given.data_dir)
            self.settings = self._given.model_copy(update={"redis_url": self._own_redis.start()})
        sources = self._prepare()
        if alone and (self._sole or self._own_redis):
            self._take_over()
        threads = self.settings.worker_threads
        worker = Worker(self.broker, worker_threads=threads, worker_timeout=WORKER_TIMEOUT_MS)
        self._parts = Parts(worker, sources)
        self._parts.start()

    def _close(self, timeout_s: float) -> None:
        """Undo ``_open``, however far it came."""
        if self._parts is not None:
            self._parts.stop(timeout_s)
            logger.info("engine_stopped")
        if self._broker is not None:
            self._broker.close()
        if self._own_redis is not None:
            self._own_redis.stop()
        if self._opened is not None and self._opened.process == os.getpid():
            self._opened.core.store.close()
        self._reset()

    def _reset(self) -> None:
        self.settings = self._given
        self._parts = self._broker = self._own_redis = None

    def _forget_parent(self) -> None:
        """In a fork of the process that started this engine: what runs there isn't ours to touch."""
        if self._parts is not None and self._parts.process != os.getpid():
            self._guard, self._starter = threading.Lock(), None
            self._reset()

    def _check_database(self) -> str:
        self.core.store.ping()
        return f"{self.core.store.dialect} answers"

    def _check_redis(self) -> str:
        self.depths(["dxflow"])
        return "answers"

    def _check_actors(self) -> str:
        if self._starter is not None and self._starter.waits:
            raise Unavailable("the engine waits for its database or Redis")
        if self._parts is None:
            return "run in other processes"
        self._parts.check()
        return f"{self.settings.worker_threads} threads"

    def _take_over(self) -> None:
        try:
            self.broker.take_over()
        except BrokerError as error:
            raise Unavailable("Redis doesn't answer") from error


__all__ = ["Engine", "running"]
