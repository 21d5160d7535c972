"""How an idle consumer hears that work has come, without asking for it.

Outside a Cluster it blocks on the bell, a list with one token, so that one consumer wakes per ring. In a
Cluster the shards' bells are on several nodes and nobody can block on all of them: they ring on a channel too.
Either way a lost ring only delays: consumers look by themselves every half lease.
"""

from __future__ import annotations

import random
from typing import Any, Protocol

from .connection import AWAY, Client, socket_timeout
from .shards import CHANNEL, Shards


class Bell(Protocol):
    """What a consumer waits on; for its thread alone."""

    def wait(self, seconds: float) -> set[int]:
        """The shards that rang, none if it stayed quiet. Raises redis-py's errors."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


def bell_for(client: Client, shards: Shards) -> Bell:
    """The bell of this layout."""
    return _Channel(client, shards) if shards.tagged else _List(client, shards)


class _List:
    def __init__(self, client: Client, shards: Shards) -> None:
        self._client = client
        self._key = shards.internal(0, "bell")

    def wait(self, seconds: float) -> set[int]:
        return {0} if self._client.blpop([self._key], timeout=seconds) else set()

    def close(self) -> None:
        """The connection is the client's."""


class _Channel:
    """Every node of a Cluster passes on what is published at any: one that answers will do."""

    def __init__(self, client: Client, shards: Shards) -> None:
        self._shards = {shards.tag(shard).encode(): shard for shard in shards}
        self._subscription: Any = _subscription(client)

    def wait(self, seconds: float) -> set[int]:
        """Blocks for the first ring and takes those that came with it."""
        rang: set[int] = set()
        message = self._subscription.get_message(timeout=seconds)
        while message is not None:
            if message["data"] in self._shards:
                rang.add(self._shards[message["data"]])
            message = self._subscription.get_message(timeout=0)
        return rang

    def close(self) -> None:
        self._subscription.close()


def _subscription(client: Client) -> Any:
    """Confirmed before the first look, so that no ring is missed. Raises the last node's error."""
    nodes = client.get_nodes() if hasattr(client, "get_nodes") else [None]
    while True:
        node = nodes.pop(random.randrange(len(nodes)))  # noqa: S311 - only to spread the load
        where = {} if node is None else {"node": node}
        subscription = client.pubsub(ignore_subscribe_messages=True, **where)
        try:
            subscription.subscribe(CHANNEL)
            subscription.get_message(timeout=socket_timeout(client))
        except AWAY:
            subscription.close()
            if not nodes:
                raise
        else:
            return subscription
