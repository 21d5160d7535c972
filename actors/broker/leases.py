"""What this process holds: leased messages, and settlements Redis hasn't heard of yet.

It belongs to the broker and outlives consumers: Dramatiq replaces a consumer after a connection error, while
its worker threads go on with messages the old one fetched and acknowledge them to the new one.
"""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .scripts import Lease, Leased, Settlement

#: How long a settlement may wait for company, seconds. A crash within it means a second delivery.
LINGER_S = 0.005
#: A process holds what it works off in this time, seconds, at least what its Worker asks for and at most so
#: many times that: fewer and larger fetches where messages are quick, and nothing hoarded where they are slow.
AHEAD_S = 0.008
_MOST = 16


@dataclass(slots=True)
class _Held:
    lease: Lease
    deadline: float


class Pace:
    """How many messages end in a second, smoothed over the last few looks; idle time counts as slow."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since = clock()
        self._ended = 0
        self._rate = 0.0

    def count(self, ended: int) -> None:
        """Note ended messages."""
        self._ended += ended

    def capacity(self, least: int) -> int:
        """How many messages to hold now."""
        elapsed = self._clock() - self._since
        if elapsed >= AHEAD_S:
            self._rate = (self._rate + self._ended / elapsed) / 2
            self._since, self._ended = self._clock(), 0
        return min(max(least, int(self._rate * AHEAD_S)), least * _MOST)


class Holdings:
    """Thread-safe. ``clock`` is monotonic, in seconds; ``holder`` is this process's name in Redis."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.holder = secrets.token_hex(8)
        self._clock = clock
        self._fetches: Counter[int] = Counter()
        self._held: dict[str, _Held] = {}
        self._pending: dict[str, Settlement] = {}
        lock = threading.Lock()
        self._room = threading.Condition(lock)
        self._work = threading.Condition(lock)
        self._wanted_held = 0
        self._idle = False
        self._interrupted = False
        self._pace = Pace(clock)

    def take(self, leased: Iterable[Leased], deadline: float) -> None:
        """Note freshly leased messages, valid until ``deadline`` unless renewed."""
        with self._room:
            for one in leased:
                self._held[one.token] = _Held(Lease(one.message_id, one.token, one.shard), deadline)

    def fetch_number(self, shard: int) -> int:
        """The number of the next fetch from a shard: the last one's, as long as that has no answer."""
        return self._fetches[shard] + 1

    def fetched(self, shard: int) -> None:
        """The fetch was answered."""
        self._fetches[shard] += 1

    def settle(self, settlements: Iterable[Settlement]) -> None:
        """Let go of leases; Redis is told with the next flush or fetch."""
        with self._room:
            for one in settlements:
                self._held.pop(one.token, None)
                self._pending[one.token] = one
                self._pace.count(1)
            if len(self._held) <= self._wanted_held:
                self._room.notify_all()
            if self._idle or len(self._pending) == 1:
                self._work.notify_all()

    def drain(self, shard: int | None = None) -> list[Settlement]:
        """Take the pending settlements (of one shard) away to send; ``restore`` those that couldn't be sent."""
        with self._room:
            taken = [one for one in self._pending.values() if shard is None or one.shard == shard]
            for one in taken:
                del self._pending[one.token]
            return taken

    def restore(self, settlements: Sequence[Settlement]) -> None:
        """Put drained settlements back before the newer ones. Sending one twice is harmless."""
        with self._room:
            self._pending = {one.token: one for one in settlements} | self._pending

    def leases(self) -> list[Lease]:
        """Everything held."""
        with self._room:
            return [held.lease for held in self._held.values()]

    def renewed(self, tokens: Iterable[str], deadline: float) -> None:
        """Note a successful renewal."""
        with self._room:
            for token in tokens:
                if token in self._held:
                    self._held[token].deadline = deadline

    def lost(self, tokens: Iterable[str]) -> None:
        """Mark leases that Redis gave to somebody else or forgot. They still occupy room until settled."""
        self.renewed(tokens, float("-inf"))

    def is_valid(self, token: str) -> bool:
        """Whether the lease is held and hasn't run out by this process's clock."""
        with self._room:
            held = self._held.get(token)
            return held is not None and self._clock() < held.deadline

    def wait_for_room(self, least: int, until: float) -> int:
        """How many more messages fit, 0 if none by ``until``; ``least`` is what the Worker asks to hold.

        With little room it waits a moment for more, so that under load one fetch carries several messages.
        """
        with self._room:
            capacity = self._pace.capacity(least)
            self._wait_until_held(capacity - 1, until - self._clock())
            if len(self._held) > capacity // 2:
                self._wait_until_held(capacity // 2, LINGER_S)
            return max(0, capacity - len(self._held))

    def _wait_until_held(self, most: int, timeout: float) -> None:
        self._wanted_held = most
        self._room.wait_for(lambda: len(self._held) <= most, max(0.0, timeout))

    def go_idle(self) -> bool:
        """The consumer is about to block; from now on settlements don't linger. False if some are pending."""
        with self._room:
            self._idle = not self._pending
            return self._idle

    def end_idle(self) -> None:
        """The consumer is back and will send settlements with its fetches."""
        with self._room:
            self._idle = False

    def wait_for_settlements(self, until: float) -> None:
        """Return when settlements are worth sending on their own, at ``until``, or when interrupted."""
        with self._work:
            self._work.wait_for(lambda: self._pending or self._interrupted, max(0.0, until - self._clock()))
            if self._pending and not self._idle:
                self._work.wait_for(lambda: self._idle or self._interrupted, LINGER_S)
            self._interrupted = False

    def interrupt(self) -> None:
        """Wake ``wait_for_settlements``."""
        with self._work:
            self._interrupted = True
            self._work.notify_all()
