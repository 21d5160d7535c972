"""The client that all threads of a process share, and the scripts on it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import Final, TypeVar

import redis

from .connection import AWAY, Client, ClientFactory, retrying
from .scripts import Scripts
from .shards import Shards

T = TypeVar("T")

#: Seconds for which a shard whose node didn't answer isn't asked.
REST_S: Final = 3.0


class Hub:
    """Made at first use: a Cluster's client connects when it is made, and nothing may before the fork."""

    def __init__(self, make_client: ClientFactory, shards: Shards) -> None:
        self.make_client = make_client
        self.shards = shards
        self._guard = threading.Lock()
        self._made: Client | None = None
        self._rests: dict[int, float] = {}

    @property
    def client(self) -> Client:
        """Repeats what is safe to repeat. Raises redis-py's errors when a Cluster can't be reached."""
        with self._guard:
            if self._made is None:
                self._made = retrying(self.make_client())
            return self._made

    @cached_property
    def scripts(self) -> Scripts:
        """The scripts on the shared client."""
        return Scripts(self.client, self.shards)

    def ask(self, shards: Iterable[int], question: Callable[[int], T]) -> dict[int, T]:
        """What each of these shards answers; when none does, the last error is raised.

        Those whose node is away are left out, and not asked again for a moment: each try may take seconds.
        """
        answers, failure = dict[int, T](), None
        for shard in shards:
            try:
                answers[shard] = self._ask(shard, question)
            except AWAY as error:
                failure = error
        if failure and not answers:
            raise failure
        return answers

    def _ask(self, shard: int, question: Callable[[int], T]) -> T:
        if self.shards.count == 1:
            return question(shard)
        if time.monotonic() < self._rests.get(shard, 0.0):
            raise redis.ConnectionError(f"the node of shard {shard} didn't answer a moment ago")
        try:
            return question(shard)
        except AWAY:
            self._rests[shard] = time.monotonic() + REST_S
            raise

    def close(self) -> None:
        """Close the connections; the next use opens new ones."""
        with self._guard:
            if self._made is not None:
                self._made.close()
