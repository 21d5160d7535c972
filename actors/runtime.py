"""What runs in a worker process: the broker, Dramatiq's worker threads, the relay and the watch.

``Engine`` is the public face: any program may start one, after its forks and before it needs it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import dramatiq
import structlog
from dramatiq import Worker
from dramatiq.errors import BrokerError
from dramatiq.middleware import CurrentMessage, ShutdownNotifications, TimeLimit
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..config.settings import Settings
from ..config.valkey import EmbeddedValkey
from ..engine import machine, runner
from ..engine.core import Core
from ..engine.errors import PermanentError, Unavailable
from ..engine.inbox import Accepted, Arrival, Inbox
from ..engine.wiring import core_for
from .broker.broker import TenantBroker
from .broker.connection import Client, Lazy, client_factory
from .broker.reads import Depth
from .dispatcher import Dispatcher
from .metrics import Metrics
from .middleware.locking import RedlockMiddleware
from .middleware.redlock import Redlock
from .middleware.retries import RetryMiddleware
from .middleware.tenancy import Tenancy
from .relay import Relay
from .watch import Watch
from .workflows import declare

logger = structlog.get_logger(__name__)

TIME_LIMIT_MS = 120_000
LOCK_NODE_TIMEOUT_S = 0.25
STEP_LIMITS = dict.fromkeys(machine.FAMILIES, 1)
"""Messages of one tenant in flight: one, so that a tenant's events keep their order and share batches."""


_running: dict[int, Engine] = {}
"""The engine started in each process; a forked child finds none of its own."""


def running() -> Engine | None:
    """The engine that runs in this process, for an application that shares it."""
    return _running.get(os.getpid())


class Engine:
    """The actors' side of dxflow. ``sole`` says that nobody else uses this Redis, so that what an earlier
    process left in flight can be taken over at once instead of waiting for its leases to end."""

    def __init__(self, settings: Settings | None = None, *, sole: bool = False) -> None:
        """Prepare; nothing is opened or started yet."""
        self.settings = settings or Settings.load()
        self.metrics = Metrics()
        self._sole = sole
        self._valkey: EmbeddedValkey | None = None
        self._core: Core | None = None
        self._inbox: Inbox | None = None
        self._broker: TenantBroker | None = None
        self._parts: _Parts | None = None

    @property
    def core(self) -> Core:
        """The opened store, keys and log."""
        if self._core is None:
            self._core = core_for(self.settings)
        return self._core

    @property
    def broker(self) -> TenantBroker:
        """The dispatcher. Raises Unavailable before ``start`` when there is no Redis to dispatch through."""
        if self._broker is None:
            if self.settings.redis_url is None:
                raise Unavailable("set DXFLOW_REDIS_URL, or start the engine to get the embedded Valkey")
            self._broker = _broker(self.core, self.settings)
        return self._broker

    def start(self) -> None:
        """Open everything and begin to work. Raises StartError or DxflowError with one clear line."""
        if self.settings.redis_url is None:
            self._valkey = EmbeddedValkey(self.settings.data_dir)
            self._valkey.start()
            self.settings = self.settings.model_copy(update={"redis_url": self._valkey.url})
            self._sole = True
        dispatcher = Dispatcher(self.core, self.broker)
        declare(self.broker, self.core, dispatcher, self.metrics)
        if self._sole:
            self._take_over()
        self._parts = _Parts(
            Worker(self.broker, worker_threads=self.settings.worker_threads, worker_timeout=1000),
            Relay(self.core, self.broker, dispatcher),
            Watch(self.core),
        )
        self.broker.emit_after("process_boot")
        self._parts.start()
        _running[os.getpid()] = self
        logger.info("engine_started", threads=self.settings.worker_threads)

    def stop(self, timeout_s: float = 20.0) -> None:
        """Let steps in progress finish, at most ``timeout_s`` seconds; the rest stays in the event table."""
        if _running.get(os.getpid()) is self:
            del _running[os.getpid()]
        if self._parts is not None:
            self._parts.stop(timeout_s)
            self._parts = None
        if self._broker is not None:
            self._broker.close()
            self._broker = None
        if self._valkey is not None:
            self._valkey.stop()
            self._valkey = None
        logger.info("engine_stopped")

    def submit(self, event: Arrival) -> Accepted:
        """Commit an authentic delivery by other means than HTTP; returns after the commit."""
        if self._inbox is None:
            self._inbox = Inbox(self.core)
        return self._inbox.accept(event)

    def depths(self, queue_names: Sequence[str]) -> Mapping[str, Depth]:
        """How full these tenant queues are. Raises Unavailable when Redis doesn't answer."""
        try:
            return self.broker.depths(queue_names)
        except BrokerError as error:
            raise Unavailable("Redis doesn't answer") from error

    def checks(self) -> Mapping[str, Callable[[], str]]:
        """The parts of readiness: each says that it is well, or raises Unavailable."""
        return {"database": self._check_database, "redis": self._check_redis, "actors": self._check_actors}

    def _check_database(self) -> str:
        self.core.store.ping()
        return f"{self.core.store.dialect} answers"

    def _check_redis(self) -> str:
        self.depths(["dxflow"])
        return "answers"

    def _check_actors(self) -> str:
        if self._parts is None:
            return "run in other processes"
        self._parts.check()
        return f"{self.settings.worker_threads} threads"

    def _take_over(self) -> None:
        try:
            self.broker.take_over()
        except BrokerError as error:
            raise Unavailable("Redis doesn't answer") from error


class _Parts:
    """The threads of a running engine, started and stopped in order."""

    def __init__(self, worker: Worker, relay: Relay, watch: Watch) -> None:
        self._worker, self._relay, self._watch = worker, relay, watch

    def start(self) -> None:
        self._worker.start()
        self._relay.start()
        self._watch.start()

    def stop(self, timeout_s: float) -> None:
        """Sources first, so that nothing new comes while the workers finish."""
        self._watch.stop(timeout_s / 4)
        self._relay.stop(timeout_s / 4)
        self._worker.stop(timeout=int(timeout_s * 500))

    def check(self) -> None:
        """Raises Unavailable for a thread that died."""
        if not (self._relay.alive and all(thread.is_alive() for thread in self._worker.workers)):
            raise Unavailable("a thread of the engine has died; restart this process")


def _broker(core: Core, settings: Settings) -> TenantBroker:
    url = str(settings.redis_url)
    nodes = [_lock_node(node) for node in settings.lock_urls or (url,)]
    middleware: list[dramatiq.Middleware] = [
        TimeLimit(time_limit=TIME_LIMIT_MS),
        ShutdownNotifications(),
        CurrentMessage(),
        Tenancy(),
        RetryMiddleware(core),
        RedlockMiddleware(Redlock(nodes, settings.lock_ttl_ms)),
    ]
    return TenantBroker(
        url,
        lease_ms=settings.lease_ms,
        limits=STEP_LIMITS,
        middleware=middleware,
        on_poison=lambda message: _fail_poison(core, message),
    )


def _lock_node(url: str) -> Client:
    """A client that gives up quickly and leaves trying again to its caller."""
    timeouts = {"socket_timeout": LOCK_NODE_TIMEOUT_S, "socket_connect_timeout": LOCK_NODE_TIMEOUT_S}
    return Lazy(client_factory(url, retry=Retry(NoBackoff(), 0), **timeouts))


def _fail_poison(core: Core, message: dramatiq.Message[Any]) -> None:
    """A message that killed its worker again and again ends as failed events that people can see."""
    error = PermanentError("the worker died each time it tried this; see the process log")
    runner.fail_batch(
        core, message.kwargs["workflow"], message.kwargs["step"], message.kwargs["event_ids"], error
    )


__all__ = ["Engine", "running"]
