"""Clients of the dispatcher, and how their failures look to Dramatiq."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import redis
from dramatiq.errors import ConnectionClosed
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.retry import Retry

#: Gives a new client (bytes in, bytes out) at every call, so that its settings may be changed by the taker.
ClientFactory = Callable[[], redis.Redis]

#: redis-py's own default, spelled out because blocking reads have to end before it.
SOCKET_TIMEOUT_S = 5.0
#: A worker process needs one connection per thread that enqueues, and three more.
MAX_CONNECTIONS = 256


def client_factory(source: str | ClientFactory) -> ClientFactory:
    """A factory for a URL (``redis://``, ``rediss://``, ``unix://``); a factory is given back as it is.

    Settings in the URL's query (``?socket_timeout=1``) win. Nothing connects before the first command.
    """
    if callable(source):
        return source
    url = source

    def make() -> redis.Redis:
        return redis.Redis.from_url(url, socket_timeout=SOCKET_TIMEOUT_S, max_connections=MAX_CONNECTIONS)

    return make


def retrying(client: redis.Redis) -> redis.Redis:
    """For commands that are safe to repeat: three more tries within about half a second."""
    client.set_retry(Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.3), 3))
    return client


def single_shot(client: redis.Redis) -> redis.Redis:
    """For commands that aren't (a repeated fetch would lease twice): the first failure is the answer."""
    client.set_retry(Retry(NoBackoff(), 0))
    return client


def socket_timeout(client: redis.Redis) -> float:
    """Seconds after which a silent server counts as gone."""
    configured = client.connection_pool.connection_kwargs.get("socket_timeout", SOCKET_TIMEOUT_S)
    return float(configured) if configured else SOCKET_TIMEOUT_S


@contextmanager
def connection_failures() -> Iterator[None]:
    """Turn a lost or silent server into Dramatiq's ConnectionClosed, which makes Worker start a new consumer.

    redis-py's TimeoutError is no ConnectionError: left alone, it would end as an unexpected error.
    """
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError) as error:
        text = f"{type(error).__name__}: {error}"
        raise ConnectionClosed(text) from error  # type: ignore[no-untyped-call]  # unannotated in dramatiq
