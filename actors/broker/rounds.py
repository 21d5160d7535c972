"""Which shard is asked next, and the fetches that ask.

Shards take turns. Each is asked when its bell rang, when something in it falls due, and every half lease. One
whose node is away is left alone for a second while the others go on; when none answers, that is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

import structlog

from .connection import FAILURES
from .leases import Holdings
from .scripts import Fetch, Fetched, Scripts

#: Seconds until a shard whose node didn't answer is asked again.
RETRY_S: Final = 1.0
_NOTHING: Final = Fetched(None, 0, [])

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """How a consumer leases. Times in milliseconds; ``clock`` is monotonic, in seconds."""

    lease_ms: int
    max_deliveries: int
    clock: Callable[[], float]


class Rounds:
    """For the consumer's thread alone."""

    def __init__(self, scripts: Scripts, holdings: Holdings, terms: Terms) -> None:
        self._scripts = scripts
        self._holdings = holdings
        self._terms = terms
        self._look_at = [terms.clock()] * scripts.shards.count
        self._away: set[int] = set()
        self._last = -1

    @property
    def soonest(self) -> float:
        """When the next shard is to be asked, by the clock."""
        return min(self._look_at)

    def is_due(self) -> bool:
        """Whether a shard is to be asked now."""
        return self.soonest <= self._terms.clock()

    def look_at_once(self, shards: Iterable[int]) -> None:
        """Their bells rang."""
        for shard in shards:
            self._look_at[shard] = self._terms.clock()

    def next(self, room: int) -> Fetched:
        """Up to ``room`` messages of the next shard that is due, or else of the one that is due soonest."""
        shard = self._choose()
        self._last = shard
        try:
            fetched = self._fetch(shard, room)
        except FAILURES as error:
            self._note_away(shard, error)
            return _NOTHING
        self._away.discard(shard)
        self._look_at[shard] = self._next_look(fetched, room)
        return fetched

    def _choose(self) -> int:
        now, count = self._terms.clock(), len(self._look_at)
        in_turn = ((self._last + 1 + step) % count for step in range(count))
        due = next((shard for shard in in_turn if self._look_at[shard] <= now), None)
        return self._look_at.index(self.soonest) if due is None else due

    def _fetch(self, shard: int, room: int) -> Fetched:
        settlements = self._holdings.drain(shard)
        number = self._holdings.fetch_number(shard)
        started = self._terms.clock()
        fetch = Fetch(self._holdings.holder, number, room, self._terms.lease_ms, self._terms.max_deliveries)
        try:
            fetched = self._scripts.fetch(shard, fetch, settlements)
        except FAILURES:
            self._holdings.restore(settlements)
            raise
        self._holdings.fetched(shard)
        self._holdings.take(fetched.leased, started + self._terms.lease_ms / 1000)
        return fetched

    def _note_away(self, shard: int, error: Exception) -> None:
        is_news = shard not in self._away
        self._away.add(shard)
        if len(self._away) == len(self._look_at):
            raise error
        if is_news:
            log.warning("shard doesn't answer", shard=shard, error=type(error).__name__)
        self._look_at[shard] = self._terms.clock() + RETRY_S

    def _next_look(self, fetched: Fetched, room: int) -> float:
        now, half_a_lease = self._terms.clock(), self._terms.lease_ms / 2000
        if len(fetched.leased) == room:
            return now
        if fetched.next_due_ms is None:
            return now + half_a_lease
        return now + min(half_a_lease, fetched.next_due_ms / 1000)
