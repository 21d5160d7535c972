"""The Lua scripts, with types: every change of the dispatcher's state is one of these calls.

Each script is atomic and touches one shard, so a crash leaves the shard before or after it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from functools import cache
from importlib import resources
from typing import Any, Literal, NamedTuple

from redis.exceptions import NoScriptError

from .connection import Client
from .names import LOCK_TEMPLATE
from .shards import Shards, by_shard

#: What may become of a leased message: done; back to the front; the same and its queue rests; given up.
Verb = Literal["ack", "front", "park", "poison"]


class Settlement(NamedTuple):
    """The end of one lease. ``ms`` is how long a parked queue rests."""

    message_id: str
    token: str
    verb: Verb
    ms: int = 0
    shard: int = 0


class Leased(NamedTuple):
    """One leased message: ``token`` proves the lease, ``redeliveries`` counts earlier leases that ran out."""

    message_id: str
    token: str
    queue: str
    payload: bytes
    redeliveries: int
    shard: int = 0


class Fetch(NamedTuple):
    """What a holder asks for: how many messages, leased for how long, given up after how many silent ends of
    a lease. ``number`` rises with each fetch of the holder; one sent again gets the same answer."""

    holder: str
    number: int
    wanted: int
    lease_ms: int
    max_deliveries: int


class Fetched(NamedTuple):
    """Answer to a fetch. ``next_due_ms``: when to look again (0 now, None never unless the bell rings)."""

    next_due_ms: int | None
    poisoned: int
    leased: list[Leased]


class Entry(NamedTuple):
    """A message to enqueue. ``limit``: how many of its queue may be in flight; ``weight``: how many turns that
    has where others have one; ``exchange``: where its DID is bound to it, or ''."""

    message_id: str
    queue: str
    payload: bytes
    limit: int = 1
    weight: int = 1
    delay_ms: int = 0
    exchange: str = ""
    did: str = ""


class Lease(NamedTuple):
    """What names a lease that is held."""

    message_id: str
    token: str
    shard: int = 0


#: Scripts that touch no lease: what they needn't define on each call, they don't.
_BRIEF = frozenset({"enqueue", "wake", "flush"})


@cache
def _source(name: str) -> tuple[str, str]:
    """A script's text and its SHA-1, by which the server knows it."""
    room = resources.files(__package__)
    parts = ["common", name] if name in _BRIEF else ["common", "leases", name]
    text = "".join(room.joinpath(f"{part}.lua").read_text("utf-8") for part in parts)
    return text, hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - as Redis names scripts


class Scripts:
    """The scripts on one client; its retry policy is theirs."""

    def __init__(self, client: Client, shards: Shards) -> None:
        self.client = client
        self.shards = shards

    def _call(self, name: str, shard: int, arguments: Iterable[str | bytes | int]) -> Any:
        """The text is sent when the server doesn't know it: new, restarted, wiped, or another one by now."""
        text, sha = _source(name)
        key = self.shards.internal(shard)
        values = tuple(arguments)
        try:
            return self.client.evalsha(sha, 1, key, *values)
        except NoScriptError:
            return self.client.eval(text, 1, key, *values)

    def enqueue(self, entries: Sequence[Entry]) -> int:
        """Queue messages, in order within a queue; returns how many were new. One whose id is queued, delayed
        or in flight already changes nothing."""
        groups = by_shard(entries, lambda entry: self.shards.of(entry.queue))
        return sum(
            sum(self._call("enqueue", shard, [part for entry in group for part in entry]))
            for shard, group in groups.items()
        )

    def fetch(self, shard: int, fetch: Fetch, settlements: Sequence[Settlement]) -> Fetched:
        """Settle, then lease up to ``wanted`` messages, one per ready queue in turn."""
        head = (fetch.wanted, fetch.lease_ms, fetch.holder, fetch.number, fetch.max_deliveries)
        wait, poisoned, rows = self._call("fetch", shard, (*head, *_flat(settlements)))
        leased = [_leased(shard, *row) for row in rows]
        return Fetched(None if wait < 0 else wait, poisoned, leased)

    def settle(self, shard: int, settlements: Sequence[Settlement]) -> None:
        """End leases. One that isn't there any more, or under another token, changes nothing."""
        self._call("settle", shard, _flat(settlements))

    def renew(self, shard: int, leases: Iterable[Lease], lease_ms: int) -> set[str]:
        """Extend leases; returns the tokens of those that are gone."""
        pairs = [text for lease in leases for text in (lease.message_id, lease.token)]
        return {token.decode() for token in self._call("renew", shard, [lease_ms, *pairs])}

    def wake(self, queue: str) -> None:
        """End the parking of a queue."""
        self._call("wake", self.shards.of(queue), [queue])

    def take_over(self, max_deliveries: int) -> None:
        """End every lease and all parking, and delete the register locks of those queues."""
        for shard in self.shards:
            while self._call("take_over", shard, [max_deliveries, LOCK_TEMPLATE]):
                continue

    def flush(self) -> None:
        """Drop every message."""
        for shard in self.shards:
            self._call("flush", shard, [])


def _flat(settlements: Sequence[Settlement]) -> list[str | int]:
    return [part for settlement in settlements for part in settlement[:4]]


def _leased(shard: int, message_id: bytes, token: bytes, value: bytes, redeliveries: int) -> Leased:
    queue, _newline, payload = value.partition(b"\n")
    return Leased(message_id.decode(), token.decode(), queue.decode(), payload, redeliveries, shard)
