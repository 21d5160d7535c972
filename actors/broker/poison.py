"""Reports messages that were given up, so that the engine can fail their events."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import dramatiq
import structlog
from dramatiq.errors import DecodeError

from .hub import Hub

log = structlog.get_logger(__name__)

#: Told of a message given up; may raise to be told again.
OnPoison = Callable[[dramatiq.Message[Any]], None]

#: Seconds between two reports, so that one that keeps failing isn't repeated with every fetch.
INTERVAL_S = 1.0
#: Messages per report, about.
BOUND = 64


class PoisonReport:
    """Callable by the consumer whenever poison isn't empty.

    A message leaves ``dxflow:poison`` after its report returned, so a crash repeats the report. Without a
    callback the messages stay for an operator to read.
    """

    def __init__(
        self,
        hub: Hub,
        on_poison: OnPoison | None,
        clock: Callable[[], float],
    ) -> None:
        self._hub = hub
        self._on_poison = on_poison
        self._clock = clock
        self._next_at = clock()
        self._lock = threading.Lock()

    def __call__(self) -> None:
        """Report what is there, at most once a second. Redis errors are raised when no shard answers, the
        callback's are logged."""
        if self._on_poison is None or not self._is_due():
            return
        on_poison, shards = self._on_poison, self._hub.shards
        self._hub.ask(shards, lambda shard: self._report(shards.internal(shard, "poison"), on_poison))

    def _report(self, key: str, on_poison: OnPoison) -> None:
        _cursor, entries = self._hub.client.hscan(key, count=BOUND)
        for message_id, value in entries.items():
            if _reported(on_poison, message_id.decode(), value.partition(b"\n")[2]):
                self._hub.client.hdel(key, message_id)

    def _is_due(self) -> bool:
        with self._lock:
            if self._clock() < self._next_at:
                return False
            self._next_at = self._clock() + INTERVAL_S
            return True


def _reported(on_poison: OnPoison, message_id: str, payload: bytes) -> bool:
    try:
        message: dramatiq.Message[Any] = dramatiq.Message.decode(payload)
    except DecodeError:
        log.error("poisoned message can't be decoded and is dropped", message_id=message_id)
        return True
    log.warning("message given up", message_id=message_id, actor=message.actor_name)
    try:
        on_poison(message)
    except Exception:  # whatever it raises must not end the consumer
        log.exception("reporting a poisoned message failed", message_id=message_id)
        return False
    return True
