"""Redlock: a lock over one, three or five independent Redis nodes, and the middleware that takes it.

The algorithm is the one published at https://redis.io/docs/latest/develop/clients/patterns/distributed-locks/:
SET NX PX with a random token on every node at once; held if a majority said yes and time is left after
subtracting what asking took and the allowance for clock drift; otherwise undone everywhere.

It promises that two holders at a time are rare, and that a holder's death frees the lock after the TTL. It
doesn't promise mutual exclusion: a paused process, a jumped wall clock, or a node restarted without its data
can give two holders. So it saves work, while the database fences what only one may do
(https://martin.kleppmann.com/2016/02/08/how-to-do-distributed-locking.html).
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import redis
import structlog

T = TypeVar("T")

log = structlog.get_logger(__name__)

_IF_OURS = "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
_RELEASE = (
    "local held = redis.call('GET', KEYS[1]) for _, token in ipairs(ARGV) do "
    "if token == held then return redis.call('DEL', KEYS[1]) end end return 0"
)
_EXTEND = _IF_OURS + "return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
#: Clocks may run apart by 1 % of the TTL, and Redis expires keys to 2 ms.
_DRIFT_RATIO, _DRIFT_S = 0.01, 0.002
#: How many holders may ask the nodes at once before they queue for threads.
_ASKERS = 8
#: Tokens of one resource that wait for an outage to end; there are more only if callers don't rest in it.
_LEFT_OVER = 8


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


class Redlock:
    """``clients`` must give up quickly (socket timeout far below ``ttl_ms``) and must not retry."""

    def __init__(
        self, clients: Sequence[redis.Redis], ttl_ms: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        if not clients:
            raise ValueError("a lock needs at least one node")
        self.ttl_ms = ttl_ms
        self._nodes = list(clients)
        self._quorum = len(self._nodes) // 2 + 1
        self._clock = clock
        self._unreleased: dict[str, list[str]] = {}
        self._pool: ThreadPoolExecutor | None = None
        self._pool_guard = threading.Lock()

    def acquire(self, resource: str) -> Lease | None:
        """Try once; None if another holds it or too few nodes answered. Never raises for a node."""
        if left_over := self._unreleased.pop(resource, None):
            self._delete(resource, left_over)
        token = secrets.token_hex(20)
        started = self._clock()
        votes = self._ask(lambda node: node.set(resource, token, nx=True, px=self.ttl_ms))
        lease = Lease(resource, token, self._valid_until(started), self._clock)
        if sum(map(bool, votes)) >= self._quorum and lease.still_valid():
            return lease
        self.release(lease)
        return None

    def extend(self, lease: Lease) -> bool:
        """Restart the TTL of a lease that is still valid; False if it wasn't or a majority refused."""
        if not lease.still_valid():
            return False
        started = self._clock()
        votes = self._ask(lambda node: node.eval(_EXTEND, 1, lease.resource, lease.token, str(self.ttl_ms)))
        valid_until = self._valid_until(started)
        if sum(map(bool, votes)) < self._quorum or self._clock() >= valid_until:
            return False
        lease.valid_until = valid_until
        lease.extensions += 1
        return True

    def release(self, lease: Lease) -> int:
        """Delete the key wherever it carries this token; how many nodes did. Asks every node."""
        lease.valid_until = float("-inf")
        return self._delete(lease.resource, [lease.token])

    def _delete(self, resource: str, tokens: list[str]) -> int:
        """Without a majority of answers, ask again before this process takes the lock the next time: a node
        that was killed comes back with the key in its file, and would keep the lock for the rest of its TTL."""
        answers = self._ask(lambda node: node.eval(_RELEASE, 1, resource, *tokens))
        if len(answers) - answers.count(None) < self._quorum:
            kept = self._unreleased.setdefault(resource, [])
            kept += tokens[: max(0, _LEFT_OVER - len(kept))]
        return sum(map(bool, answers))

    def busy_ms(self, resource: str) -> int:
        """Milliseconds until enough nodes are free by themselves; 0 if they are now."""
        waits = sorted(self._wait_ms(answer) for answer in self._ask(lambda node: node.pttl(resource)))
        return waits[self._quorum - 1]

    def _wait_ms(self, pttl: Any) -> int:
        if pttl is None or pttl == -1:  # no answer, or a key without expiry, which isn't ours
            return self.ttl_ms
        return max(0, int(pttl))

    def _valid_until(self, started: float) -> float:
        ttl = self.ttl_ms / 1000
        return started + ttl - (ttl * _DRIFT_RATIO + _DRIFT_S)

    def _ask(self, question: Callable[[redis.Redis], T]) -> list[T | None]:
        """Every node's answer, None for one that gave none.

        Waits for stragglers: a SET that arrived after the release would block the lock for a whole TTL.
        """

        def ask(node: redis.Redis) -> T | None:
            try:
                return question(node)
            except redis.RedisError as error:
                log.warning("lock node doesn't answer", error=type(error).__name__)
                return None

        if len(self._nodes) == 1:
            return [ask(self._nodes[0])]
        return list(self._executor().map(ask, self._nodes))

    def _executor(self) -> ThreadPoolExecutor:
        """Made at first use: threads don't survive a fork."""
        with self._pool_guard:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(_ASKERS * len(self._nodes), thread_name_prefix="redlock")
            return self._pool

    def close(self) -> None:
        """End the threads that ask the nodes."""
        with self._pool_guard:
            if self._pool is not None:
                self._pool.shutdown()
                self._pool = None
