"""Clients of the dispatcher, and how their failures look to Dramatiq."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias

import redis
from dramatiq.errors import ConnectionClosed
from redis.backoff import ExponentialWithJitterBackoff, NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.connection import parse_url
from redis.exceptions import ClusterError, ReadOnlyError, RedisClusterException, TryAgainError
from redis.retry import Retry
from redis.sentinel import Sentinel

from ...config.redis_address import CLUSTER, SENTINEL, RedisAddress
from .shards import CLUSTER as CLUSTER_OF_SHARDS
from .shards import SINGLE, Shards

#: redis-py has no common type for its two clients; what is used here they share.
Client: TypeAlias = Any
#: Gives a new client (bytes in, bytes out) at every call, so that its settings may be changed by the taker.
ClientFactory = Callable[[], Client]

#: redis-py's own default, spelled out because blocking reads have to end before it.
SOCKET_TIMEOUT_S = 5.0
#: A worker process needs one connection per thread that enqueues, and three more.
MAX_CONNECTIONS = 256

#: How often a Cluster's client may choose another node.
CHOICES = 2

#: What a command may end with. RedisClusterException is no RedisError.
FAILURES = (redis.RedisError, RedisClusterException)
#: Those of them that mean the server is away, or isn't the one to ask any more (a failover, a resharding).
AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    ReadOnlyError,
    ClusterError,
    TryAgainError,
    RedisClusterException,
)


def client_factory(source: str | ClientFactory, **defaults: Any) -> ClientFactory:
    """A factory for an address (``config/redis_address.py``); a factory is given back as it is.

    ``defaults`` are redis-py's settings; those in the address's query (``?socket_timeout=1``) win. Clients of
    one server or of a Sentinel connect with their first command, a Cluster's when it is made.
    """
    if callable(source):
        return source
    address = RedisAddress.parse(source)
    options = {"socket_timeout": SOCKET_TIMEOUT_S, "max_connections": MAX_CONNECTIONS, **defaults}
    if address.kind == CLUSTER:
        return lambda: _cluster(address, options)
    if address.kind == SENTINEL:
        return lambda: _behind_sentinels(address, options)
    return lambda: redis.Redis.from_url(address.text, **options)


def shards_for(source: str | ClientFactory) -> Shards:
    """How the dispatcher at this address is laid out."""
    clustered = isinstance(source, str) and RedisAddress.parse(source).kind == CLUSTER
    return CLUSTER_OF_SHARDS if clustered else SINGLE


def _cluster(address: RedisAddress, options: dict[str, Any]) -> RedisCluster:
    """Without full coverage too: shards whose node is up go on while another node is away.

    The client asks one of the nodes about commands, and chooses another when it tries again: without a second
    try, that node being away would fail every key.
    """
    settings = _settings(address, options)
    settings.pop("db", None)
    settings.pop("retry", None)
    retry = Retry(NoBackoff(), CHOICES)
    node: Any = ClusterNode  # unannotated in redis-py
    nodes = [node(host, port) for host, port in address.nodes]
    return RedisCluster(startup_nodes=nodes, require_full_coverage=False, retry=retry, **settings)


def _behind_sentinels(address: RedisAddress, options: dict[str, Any]) -> redis.Redis:
    """A client of whoever is the master. Sentinels are asked without a password unless the query has one."""
    settings = _settings(address, options)
    timeout = settings["socket_timeout"]
    asking: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    for name in ("username", "password"):
        if value := settings.pop(f"sentinel_{name}", None):
            asking[name] = value
    sentinels: Any = Sentinel  # unannotated in redis-py
    client: redis.Redis = sentinels(list(address.nodes), sentinel_kwargs=asking).master_for(
        str(address.service), **settings
    )
    return client


def _settings(address: RedisAddress, options: dict[str, Any]) -> dict[str, Any]:
    """redis-py's keyword arguments of an address with several nodes."""
    read: Any = parse_url  # unannotated in redis-py
    settings = {**options, **read(address.without_nodes)}
    for name in ("host", "port", "connection_class"):
        settings.pop(name, None)
    return settings | ({"ssl": True} if settings.pop("ssl", "") in ("true", "1", "yes") else {})


class Lazy:
    """A client that is made with its first command, as those of one server behave by themselves."""

    def __init__(self, make_client: ClientFactory) -> None:
        self._make_client = make_client
        self._guard = threading.Lock()
        self._made: Client | None = None

    def __getattr__(self, name: str) -> Any:
        with self._guard:
            if self._made is None:
                self._made = self._make_client()
        return getattr(self._made, name)


def retrying(client: Client) -> Client:
    """For commands that are safe to repeat: three more tries within about half a second."""
    client.set_retry(Retry(ExponentialWithJitterBackoff(base=0.02, cap=0.3), 3))
    return client


def single_shot(client: Client) -> Client:
    """For commands whose failure the caller wants to know at once."""
    client.set_retry(Retry(NoBackoff(), 0))
    return client


def socket_timeout(client: Client) -> float:
    """Seconds after which a silent server counts as gone."""
    configured = client.get_connection_kwargs().get("socket_timeout", SOCKET_TIMEOUT_S)
    return float(configured) if configured else SOCKET_TIMEOUT_S


@contextmanager
def connection_failures() -> Iterator[None]:
    """Turn a lost or silent server into Dramatiq's ConnectionClosed, which makes Worker start a new consumer.

    redis-py's TimeoutError is no ConnectionError: left alone, it would end as an unexpected error.
    """
    try:
        yield
    except AWAY as error:
        text = f"{type(error).__name__}: {error}"
        raise ConnectionClosed(text) from error  # type: ignore[no-untyped-call]  # unannotated in dramatiq
