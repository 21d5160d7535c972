"""The consumer that stock ``dramatiq.Worker`` iterates over: one for all tenants.

It blocks on the bell while nothing is ready and looks anyway every half lease, so a bell lost with a dead
process delays work but never strands it. An expired lease is therefore back within 1.5 leases at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import dramatiq
import redis
import structlog
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import DecodeError
from dramatiq.middleware import Middleware, SkipMessage
from typing_extensions import override

from .connection import ClientFactory, connection_failures, single_shot, socket_timeout
from .keeper import Keeper
from .leases import Holdings
from .names import PREFIX
from .scripts import Fetched, Leased, Scripts, Settlement

_BELL = f"{PREFIX}bell"

log = structlog.get_logger(__name__)


class LeasedMessage(MessageProxy):
    """A message with the token of its lease and the name of its tenant queue.

    Middleware that can't run it now sets ``park_ms`` and raises SkipMessage: the message goes back to the
    front of its queue, the queue rests that long (0: not at all), and no delivery is counted.
    """

    def __init__(self, message: dramatiq.Message[Any], token: str, queue: str) -> None:
        super().__init__(message)
        self.token = token
        self.queue = queue
        self.park_ms: int | None = None


class LeaseGuard(Middleware):
    """Skips messages whose lease ran out while they waited in memory: somebody else has them by now."""

    def __init__(self, holdings: Holdings) -> None:
        self._holdings = holdings

    @override
    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Raise SkipMessage for a lost lease. Back to the front, not done, in case Redis hasn't noticed."""
        if isinstance(message, LeasedMessage) and not self._holdings.is_valid(message.token):
            message.park_ms = 0
            raise SkipMessage("the lease of this message ran out")


@dataclass(frozen=True, slots=True)
class Terms:
    """How a consumer leases. Times in milliseconds; ``clock`` is monotonic, in seconds."""

    lease_ms: int
    max_deliveries: int
    clock: Callable[[], float]


class TenantConsumer(Consumer):
    """Not thread-safe, except for ``ack`` and ``nack``, which worker threads call."""

    def __init__(
        self,
        make_client: ClientFactory,
        keeper_scripts: Scripts,
        holdings: Holdings,
        terms: Terms,
        report_poison: Callable[[], None],
        *,
        prefetch: int,
        timeout_ms: int,
    ) -> None:
        self._client = single_shot(make_client())
        self._scripts = Scripts(self._client)
        self._holdings = holdings
        self._terms = terms
        self._report_poison = report_poison
        self._prefetch = prefetch
        self._timeout = timeout_ms / 1000
        self._longest_block = socket_timeout(self._client) / 2
        self._batch: deque[LeasedMessage] = deque()
        self._look_at = terms.clock()
        self._closed = False
        self._keeper = Keeper(keeper_scripts, holdings, terms.lease_ms, terms.clock)
        self._keeper.start()

    def __next__(self) -> LeasedMessage | None:
        """The next message, or None if there was none within the timeout. Raises ConnectionClosed."""
        if not self._batch:
            with connection_failures():
                self._refill()
        return self._batch.popleft() if self._batch else None

    def _refill(self) -> None:
        until = self._terms.clock() + self._timeout
        room = self._holdings.wait_for_room(self._prefetch, until)
        if room and self._wait_for_bell(until):
            self._fetch(room)

    def _wait_for_bell(self, until: float) -> bool:
        """Whether it is time to look: the bell rang, something fell due, or settlements wait to be sent."""
        block = min(until, self._look_at) - self._terms.clock()
        if self._look_at <= self._terms.clock() or not self._holdings.go_idle():
            return True
        try:
            rang = self._client.blpop([_BELL], timeout=max(0.001, min(block, self._longest_block)))
        finally:
            self._holdings.end_idle()
        return rang is not None or self._look_at <= self._terms.clock()

    def _fetch(self, room: int) -> None:
        settlements = self._holdings.drain()
        started = self._terms.clock()
        try:
            fetched = self._scripts.fetch(room, self._terms.lease_ms, self._terms.max_deliveries, settlements)
        except redis.RedisError:
            self._holdings.restore(settlements)
            raise
        self._holdings.take(fetched.leased, started + self._terms.lease_ms / 1000)
        self._look_at = self._next_look(fetched, room)
        for leased in fetched.leased:
            self._accept(leased)
        if fetched.poisoned:
            self._report_poison()

    def _next_look(self, fetched: Fetched, room: int) -> float:
        now, half_a_lease = self._terms.clock(), self._terms.lease_ms / 2000
        if len(fetched.leased) == room:
            return now
        if fetched.next_due_ms is None:
            return now + half_a_lease
        return now + min(half_a_lease, fetched.next_due_ms / 1000)

    def _accept(self, leased: Leased) -> None:
        try:
            message: dramatiq.Message[Any] = dramatiq.Message.decode(leased.payload)
        except DecodeError:
            log.error("undecodable message", message_id=leased.message_id)
            self._holdings.settle([Settlement(leased.message_id, leased.token, "poison")])
            return
        message.options["redeliveries"] = leased.redeliveries
        self._batch.append(LeasedMessage(message, leased.token, leased.queue))

    def ack(self, message: MessageProxy) -> None:
        """Settle a message that was processed or skipped. Redis hears of it within about 5 ms."""
        leased = _leased(message)
        if leased.park_ms is None:
            self._settle([Settlement(leased.message_id, leased.token, "ack")])
        elif leased.park_ms <= 0:
            self.requeue([leased])
        else:
            self._settle([Settlement(leased.message_id, leased.token, "park", leased.park_ms)])

    def nack(self, message: MessageProxy) -> None:
        """Give a message up: it goes to ``dxflow:poison`` and is reported from there."""
        leased = _leased(message)
        self._settle([Settlement(leased.message_id, leased.token, "poison")])

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Return unprocessed messages to the front of their queues, in order, with no delivery counted."""
        leased = [_leased(message) for message in messages]
        self._settle([Settlement(one.message_id, one.token, "front") for one in leased])

    def _settle(self, settlements: list[Settlement]) -> None:
        self._holdings.settle(settlements)
        if self._closed:  # a worker thread that finished late: this consumer's keeper sends nothing any more
            try:
                self._keeper.flush()
            except redis.RedisError as error:
                log.warning("settlement is left to the next consumer", error=type(error).__name__)

    def close(self) -> None:
        """Return what wasn't handed out yet and send every settlement. Raises ConnectionClosed."""
        if self._closed:
            return
        self._closed = True
        self._keeper.stop()
        self._holdings.settle(Settlement(one.message_id, one.token, "front") for one in self._batch)
        self._batch.clear()
        try:
            with connection_failures():
                self._keeper.flush()
        finally:
            self._client.close()


def _leased(message: MessageProxy) -> LeasedMessage:
    if not isinstance(message, LeasedMessage):
        raise TypeError(f"{type(message).__name__} wasn't fetched by this broker")
    return message
