"""The Lua scripts, with types: every change of the dispatcher's state is one of these calls.

Each script is atomic, so a crash leaves the state before or after it. redis-py sends a script's text again
when the server doesn't know it any more (NOSCRIPT after a restart, FLUSHALL or SCRIPT FLUSH).
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import Literal, NamedTuple

import redis

from .names import LOCK_TEMPLATE, PREFIX

#: What may become of a leased message: done; back to the front; the same and its queue rests; given up.
Verb = Literal["ack", "front", "park", "poison"]


class Settlement(NamedTuple):
    """The end of one lease. ``ms`` is how long a parked queue rests."""

    message_id: str
    token: str
    verb: Verb
    ms: int = 0


class Leased(NamedTuple):
    """One leased message: ``token`` proves the lease, ``redeliveries`` counts earlier leases that ran out."""

    message_id: str
    token: str
    queue: str
    payload: bytes
    redeliveries: int


class Fetched(NamedTuple):
    """Answer to a fetch. ``next_due_ms``: when to look again (0 now, None never unless the bell rings)."""

    next_due_ms: int | None
    poisoned: int
    leased: list[Leased]


class Binding(NamedTuple):
    """Where an enqueued message belongs: its queue, that queue's limit, the exchange it is bound in or ''."""

    queue: str
    limit: int
    exchange: str
    did: str


def _source(name: str) -> str:
    room = resources.files(__package__)
    return room.joinpath("common.lua").read_text("utf-8") + room.joinpath(f"{name}.lua").read_text("utf-8")


class Scripts:
    """The scripts bound to one client; its retry policy is theirs."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self._enqueue = client.register_script(_source("enqueue"))
        self._fetch = client.register_script(_source("fetch"))
        self._settle = client.register_script(_source("settle"))
        self._renew = client.register_script(_source("renew"))
        self._wake = client.register_script(_source("wake"))
        self._take_over = client.register_script(_source("take_over"))
        self._flush = client.register_script(_source("flush"))

    def enqueue(self, message_id: str, payload: bytes, binding: Binding, delay_ms: int) -> bool:
        """Queue a message; False if one with this id is already queued, delayed or in flight."""
        queue, limit, exchange, did = binding
        args: list[str | bytes | int] = [message_id, queue, payload, limit, delay_ms, exchange, did]
        return bool(self._enqueue([PREFIX], args))

    def fetch(
        self, wanted: int, lease_ms: int, max_deliveries: int, settlements: Sequence[Settlement]
    ) -> Fetched:
        """Settle, then lease up to ``wanted`` messages, one per ready queue in turn. Not repeatable."""
        head = (wanted, lease_ms, secrets.token_hex(8), max_deliveries)
        wait, poisoned, rows = self._fetch([PREFIX], (*head, *_flat(settlements)))
        return Fetched(None if wait < 0 else wait, poisoned, [_leased(*row) for row in rows])

    def settle(self, settlements: Sequence[Settlement]) -> None:
        """End leases. One that isn't there any more, or under another token, changes nothing."""
        self._settle([PREFIX], _flat(settlements))

    def renew(self, leases: Iterable[tuple[str, str]], lease_ms: int) -> set[str]:
        """Extend leases given as (message id, token); returns the tokens of those that are gone."""
        pairs = [text for lease in leases for text in lease]
        return {token.decode() for token in self._renew([PREFIX], [lease_ms, *pairs])}

    def wake(self, queue: str) -> None:
        """End the parking of a queue."""
        self._wake([PREFIX], [queue])

    def take_over(self, max_deliveries: int) -> None:
        """End every lease and all parking, and delete the register locks of those queues."""
        while self._take_over([PREFIX], [max_deliveries, LOCK_TEMPLATE]):
            continue

    def flush(self) -> None:
        """Drop every message."""
        self._flush([PREFIX])


def _flat(settlements: Sequence[Settlement]) -> list[str | int]:
    return [part for settlement in settlements for part in settlement]


def _leased(message_id: bytes, token: bytes, value: bytes, redeliveries: int) -> Leased:
    queue, _newline, payload = value.partition(b"\n")
    return Leased(message_id.decode(), token.decode(), queue.decode(), payload, redeliveries)
