"""One of the Redis nodes that a lock is asked of: what it says, whether it answers, and what it is still owed.

A node that says nothing is no vote: refused connections, timeouts and errors (LOADING, READONLY, a wrong
password) all count the same. One that let a question time out isn't asked again for a second, so that a node
that hangs costs one timeout a second and not one per lock. A node is logged when it goes away and when it is
back, not at every question.

What couldn't be undone on a node is undone when it answers again (``settle``, and before the same resource is
taken there). A SET whose answer never came may stand there all the same, or even come to stand there later,
when a stopped node goes on. Should the undoing ever overtake it, the TTL ends it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import islice
from typing import TypeVar

import redis
import structlog
from redis.exceptions import RedisClusterException

T = TypeVar("T")

log = structlog.get_logger(__name__)

_RELEASE = (
    "local held = redis.call('GET', KEYS[1]) for _, token in ipairs(ARGV) do "
    "if token == held then return redis.call('DEL', KEYS[1]) end end return 0"
)
_EXTEND = (
    "if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end "
    "return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
)
_LOOK = "return {redis.call('GET', KEYS[1]) or '', redis.call('PTTL', KEYS[1])}"
#: How long a node that let a question time out is left alone, seconds.
REST_S = 1.0
#: How much of what a node is owed is kept; what is beyond it is left to the TTL.
_TOKENS_OWED, _RESOURCES_OWED = 8, 10_000
#: Resources settled at a time, so that whoever does it isn't held up.
_SETTLED_AT_ONCE = 256


class LockNode:
    """Thread-safe. ``client`` must give up quickly and must not retry; ``number`` tells the node in logs."""

    def __init__(self, client: redis.Redis, number: int, clock: Callable[[], float]) -> None:
        self._client = client
        self._number = number
        self._clock = clock
        self._guard = threading.Lock()
        self._rests_until: float | None = None
        self._is_away = False
        self._standing: set[str] = set()
        self._owed: dict[str, list[str]] = {}

    def take(self, resource: str, token: str, ttl_ms: int) -> bool:
        """SET NX PX; False if the key is another's or the node didn't answer."""

        def ask(client: redis.Redis) -> bool:
            self._standing.add(token)  # from here on, answer or none
            return bool(client.set(resource, token, nx=True, px=ttl_ms))

        answer = self._ask(ask) if self._undo(resource) else None
        if answer is False:
            self._standing.discard(token)
        if answer is not None:
            self._say_it_is_back()
        return bool(answer)

    def extend(self, resource: str, token: str, ttl_ms: int) -> bool:
        """Start the TTL again, if the key carries this token."""
        return bool(self._ask(lambda client: client.eval(_EXTEND, 1, resource, token, str(ttl_ms))))

    def free(self, resource: str, token: str) -> bool:
        """Delete the key if it carries this token, now or when the node answers again; whether it did now."""
        answer = self._ask(lambda client: client.eval(_RELEASE, 1, resource, token))
        if answer is None and token in self._standing:
            self._owe(resource, [token])
        self._standing.discard(token)
        return bool(answer)

    def pttl(self, resource: str) -> int | None:
        """Milliseconds until the key expires, as Redis says it; None without an answer."""
        return self._ask(lambda client: int(client.pttl(resource)))

    def look(self, resource: str) -> tuple[str, int] | None:
        """The token that the key carries here (empty for none) and its PTTL; None without an answer."""
        answer = self._ask(lambda client: client.eval(_LOOK, 1, resource))
        return None if answer is None else (bytes(answer[0]).decode("ascii", "replace"), int(answer[1]))

    def settle(self) -> None:
        """Undo what an outage left on the node, as far as it answers."""
        with self._guard:
            resources = list(islice(self._owed, _SETTLED_AT_ONCE))
        for resource in resources:
            if not self._undo(resource):
                return

    def _undo(self, resource: str) -> bool:
        """Whether nothing is owed on this resource, or no longer."""
        with self._guard:
            tokens = self._owed.pop(resource, None)
        if tokens is None:
            return True
        if self._ask(lambda client: client.eval(_RELEASE, 1, resource, *tokens)) is not None:
            return True
        self._owe(resource, tokens)
        return False

    def _owe(self, resource: str, tokens: list[str]) -> None:
        with self._guard:
            kept = self._owed.pop(resource, [])
            self._owed[resource] = (kept + tokens)[-_TOKENS_OWED:]
            if len(self._owed) > _RESOURCES_OWED:
                del self._owed[next(iter(self._owed))]

    def _ask(self, question: Callable[[redis.Redis], T]) -> T | None:
        """The answer, or None for none."""
        if not self._may_ask():
            return None
        try:
            answer = question(self._client)
        except (redis.RedisError, RedisClusterException) as error:
            self._note(error)
            return None
        self._rests_until = None
        return answer

    def _may_ask(self) -> bool:
        """Not while it rests; after that, one caller a second tries whether it is back."""
        with self._guard:
            if self._rests_until is None:
                return True
            now = self._clock()
            if now < self._rests_until:
                return False
            self._rests_until = now + REST_S
            return True

    def _note(self, error: Exception) -> None:
        with self._guard:
            is_news, self._is_away = not self._is_away, True
            if isinstance(error, redis.TimeoutError):
                self._rests_until = self._clock() + REST_S
        if is_news:
            log.warning("lock_node_away", node=self._number, error=type(error).__name__)

    def _say_it_is_back(self) -> None:
        """Once it takes locks again: a replica, say, answers other questions all the time."""
        with self._guard:
            is_news, self._is_away = self._is_away, False
        if is_news:
            log.info("lock_node_back", node=self._number)
