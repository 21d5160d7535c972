"""The broker as the engine runs it: its middleware, its limits, its lock, from the settings."""

from __future__ import annotations

from typing import Any, Final

import dramatiq
from dramatiq.middleware import CurrentMessage, ShutdownNotifications
from redis.backoff import NoBackoff
from redis.retry import Retry

from ..config.settings import Settings
from ..engine import machine, runner
from ..engine.core import Core
from ..engine.errors import PermanentError
from ..engine.store import scope
from .broker.broker import TenantBroker
from .broker.connection import Client, Lazy, client_factory, shards_for
from .metrics import Metrics
from .middleware.limits import TimeLimit
from .middleware.locking import RedlockMiddleware
from .middleware.redlock import Redlock
from .middleware.retries import RetryMiddleware
from .middleware.tenancy import Tenancy

TIME_LIMIT_MS: Final = 120_000
LOCK_NODE_TIMEOUT_S: Final = 0.25
STEP_LIMITS: Final = dict.fromkeys(machine.FAMILIES, 1)
"""Messages of one tenant in flight: one, so that a tenant's events keep their order and share batches."""


def broker_for(core: Core, settings: Settings, metrics: Metrics) -> TenantBroker:
    """A broker without actors yet; nothing connects before its first command."""
    url = str(settings.redis_url)
    addresses = settings.lock_urls or (url,)
    nodes = [_lock_node(node) for node in addresses]
    middleware: list[dramatiq.Middleware] = [
        TimeLimit(time_limit=TIME_LIMIT_MS),
        ShutdownNotifications(),
        CurrentMessage(),
        Tenancy(),
        RetryMiddleware(core, metrics.count),
        RedlockMiddleware(Redlock(nodes, settings.lock_ttl_ms), shards=shards_for(addresses[0])),
    ]
    return TenantBroker(
        url,
        lease_ms=settings.lease_ms,
        limits=STEP_LIMITS,
        middleware=middleware,
        on_poison=lambda message: _fail_poison(core, metrics, message),
    )


def _lock_node(url: str) -> Client:
    """A client that gives up quickly and leaves trying again to its caller."""
    timeouts = {"socket_timeout": LOCK_NODE_TIMEOUT_S, "socket_connect_timeout": LOCK_NODE_TIMEOUT_S}
    return Lazy(client_factory(url, retry=Retry(NoBackoff(), 0), **timeouts))


def _fail_poison(core: Core, metrics: Metrics, message: dramatiq.Message[Any]) -> None:
    """A message that killed its worker again and again ends as failed events that people can see."""
    error = PermanentError("the worker died each time it tried this; see the process log")
    call = message.kwargs
    with scope.afresh(call["tenant_id"]):
        metrics.count(runner.fail_batch(core, call["workflow"], call["step"], call["event_ids"], error))
