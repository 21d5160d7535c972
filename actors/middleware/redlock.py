"""Redlock: a lock over one, three or five independent Redis nodes.

The algorithm is the one published at https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/:
SET NX PX with a random token on every node at once; held if a majority said yes and time is left after
subtracting what asking took and the allowance for clock drift; otherwise undone everywhere. A holder extends
its lock on a majority while its work runs. Time is the process's monotonic clock; Redis counts a TTL by its
machine's wall clock.

Promised, while fewer than half of the nodes are away:
- the lock can be had, and its holder can keep it;
- a holder that dies frees it after the TTL at most, and one that lets go frees it at once; a node that was
  away then still carries the key and votes no, until it is undone there (``lock_node.py``) or expires.

Promised always: with half of the nodes or more away, nobody gets it.

Not promised is mutual exclusion. A second one may get it while the first still works: when the first is
paused beyond the TTL, when the wall clocks of nodes that voted for it jump ahead of its TTL, or when such nodes
come back without their keys (give lock nodes ``appendfsync always``, or start a fallen one a TTL later). So the
lock saves work that would be done for nothing, and the database fences what only one may do
(``TenantLog.fence``; https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html says why).
"""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import redis

from ...engine.errors import Unavailable
from .lock_node import LockNode

T = TypeVar("T")

#: Clocks may run apart by 1 % of the TTL, and Redis expires keys to 2 ms.
_DRIFT_RATIO, _DRIFT_S = 0.01, 0.002
#: How many holders may ask the nodes at once before they queue for threads.
_ASKERS = 8


@dataclass(eq=False, slots=True)
class Lease:
    """A lock that was granted. ``valid_until`` is in seconds of the holder's monotonic ``clock``."""

    resource: str
    token: str
    valid_until: float
    clock: Callable[[], float]
    extensions: int = 0

    def still_valid(self, margin: float = 0.0) -> bool:
        """Whether at least ``margin`` seconds are left. Work must stop when they aren't."""
        return self.clock() + margin < self.valid_until


class Holder(NamedTuple):
    """Whose token a majority of the nodes carries; ``left_ms`` until it would run out there by itself."""

    token: str
    left_ms: int


class Redlock:
    """``clients`` must give up quickly (socket timeout far below ``ttl_ms``) and must not retry."""

    def __init__(
        self, clients: Sequence[redis.Redis], ttl_ms: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not clients:
            raise ValueError("a lock needs at least one node")
        self.ttl_ms = ttl_ms
        self._nodes = [LockNode(client, number, clock) for number, client in enumerate(clients, 1)]
        self._quorum = len(self._nodes) // 2 + 1
        self._clock = clock
        self._pool: ThreadPoolExecutor | None = None
        self._pool_owner = 0
        self._pool_guard = threading.Lock()

    def acquire(self, resource: str) -> Lease | None:
        """Try once; None if another holds it or too few nodes answered. Never raises for a node."""
        token = secrets.token_hex(20)
        started = self._clock()
        votes = self._ask(lambda node: node.take(resource, token, self.ttl_ms))
        lease = Lease(resource, token, self._valid_until(started), self._clock)
        if sum(votes) >= self._quorum and lease.still_valid():
            return lease
        self.release(lease)
        return None

    def extend(self, lease: Lease) -> bool:
        """Restart the TTL of a lease that is still valid; False if it wasn't or a majority refused."""
        if not lease.still_valid():
            return False
        started = self._clock()
        votes = self._ask(lambda node: node.extend(lease.resource, lease.token, self.ttl_ms))
        valid_until = self._valid_until(started)
        if sum(votes) < self._quorum or self._clock() >= valid_until:
            return False
        lease.valid_until = valid_until
        lease.extensions += 1
        return True

    def release(self, lease: Lease) -> int:
        """Delete the key wherever it carries this token; how many nodes did. Asks every node, and those that
        don't answer when they do again."""
        lease.valid_until = float("-inf")
        return sum(self._ask(lambda node: node.free(lease.resource, lease.token)))

    def busy_ms(self, resource: str) -> int:
        """Milliseconds until enough nodes are free by themselves; 0 if they are now."""
        waits = sorted(self._wait_ms(pttl) for pttl in self._ask(lambda node: node.pttl(resource)))
        return waits[self._quorum - 1]

    def holder(self, resource: str) -> Holder | None:
        """Who has it, None if nobody does. Raises Unavailable when too few nodes answer to know."""
        told = [answer for answer in self._ask(lambda node: node.look(resource)) if answer is not None]
        if len(told) < self._quorum:
            raise Unavailable("too few of the lock's nodes answer")
        for token, votes in Counter(token for token, _ in told).items():
            if token and votes >= self._quorum:
                left = sorted((ms for one, ms in told if one == token), reverse=True)
                return Holder(token, max(0, left[self._quorum - 1]))
        return None

    def settle(self) -> None:
        """Undo what outages left on nodes that answer again; to be called now and then."""
        for (
            node
        ) in self._nodes:  # one after another: mostly there is nothing to ask, and no thread to keep for it
            node.settle()

    def _wait_ms(self, pttl: int | None) -> int:
        if pttl is None or pttl == -1:  # no answer, or a key without expiry, which isn't ours
            return self.ttl_ms
        return max(0, pttl)

    def _valid_until(self, started: float) -> float:
        ttl = self.ttl_ms / 1000
        return started + ttl - (ttl * _DRIFT_RATIO + _DRIFT_S)

    def _ask(self, question: Callable[[LockNode], T]) -> list[T]:
        """Every node's answer. Waits for all of them, each of which gives up in time: going on with the first
        majority would save nothing while all are well, and let a release overtake the SET it undoes."""
        if len(self._nodes) == 1:
            return [question(self._nodes[0])]
        return list(self._executor().map(question, self._nodes))

    def _executor(self) -> ThreadPoolExecutor:
        """Made at first use, and again in a forked child: threads don't survive a fork."""
        with self._pool_guard:
            if self._pool is None or self._pool_owner != os.getpid():
                self._pool = ThreadPoolExecutor(_ASKERS * len(self._nodes), thread_name_prefix="redlock")
                self._pool_owner = os.getpid()
            return self._pool

    def close(self) -> None:
        """End the threads that ask the nodes; the next question starts them again."""
        with self._pool_guard:
            pool, self._pool = self._pool, None
        if pool is not None and self._pool_owner == os.getpid():
            pool.shutdown()
