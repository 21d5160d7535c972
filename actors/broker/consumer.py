"""The consumer that stock ``dramatiq.Worker`` iterates over: one for all tenants.

It blocks on the bell while nothing is ready and looks anyway every half lease, so a bell lost with a dead
process delays work but never strands it. An expired lease is therefore back within 1.5 leases at most.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import dramatiq
import structlog
from dramatiq.broker import Consumer, MessageProxy
from dramatiq.errors import DecodeError
from dramatiq.middleware import Middleware, SkipMessage
from typing_extensions import override

from .bell import bell_for
from .connection import FAILURES, connection_failures, single_shot, socket_timeout
from .hub import Hub
from .keeper import Keeper
from .leases import Holdings
from .rounds import Rounds, Terms
from .scripts import Leased, Scripts, Settlement, Verb

log = structlog.get_logger(__name__)


class LeasedMessage(MessageProxy):
    """A message with the token of its lease and the name of its tenant queue.

    Middleware that can't run it now sets ``park_ms`` and raises SkipMessage: the message goes back to the
    front of its queue, the queue rests that long (0: not at all), and no delivery is counted.
    """

    def __init__(self, message: dramatiq.Message[Any], token: str, queue: str, shard: int = 0) -> None:
        super().__init__(message)
        self.token = token
        self.queue = queue
        self.shard = shard
        self.park_ms: int | None = None

    def settled(self, verb: Verb, ms: int = 0) -> Settlement:
        """The end of its lease."""
        return Settlement(self.message_id, self.token, verb, ms, self.shard)


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


class TenantConsumer(Consumer):
    """Not thread-safe, except for ``ack`` and ``nack``, which worker threads call."""

    def __init__(
        self,
        hub: Hub,
        holdings: Holdings,
        terms: Terms,
        report_poison: Callable[[], None],
        *,
        prefetch: int,
        timeout_ms: int,
    ) -> None:
        self._client = single_shot(hub.make_client())
        self._bell = bell_for(self._client, hub.shards)
        self._rounds = Rounds(Scripts(self._client, hub.shards), holdings, terms)
        self._holdings = holdings
        self._terms = terms
        self._report_poison = report_poison
        self._prefetch = prefetch
        self._timeout = timeout_ms / 1000
        self._longest_block = socket_timeout(self._client) / 2
        self._batch: deque[LeasedMessage] = deque()
        self._closed = False
        self._keeper = Keeper(hub.scripts, holdings, terms.lease_ms, terms.clock)
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
            fetched = self._rounds.next(room)
            for leased in fetched.leased:
                self._accept(leased)
            if fetched.poisoned:
                self._report_poison()

    def _wait_for_bell(self, until: float) -> bool:
        """Whether it is time to look: a bell rang, something fell due, or settlements wait to be sent."""
        block = min(until, self._rounds.soonest) - self._terms.clock()
        if self._rounds.is_due() or not self._holdings.go_idle():
            return True
        try:
            rang = self._bell.wait(max(0.001, min(block, self._longest_block)))
        finally:
            self._holdings.end_idle()
        self._rounds.look_at_once(rang)
        return self._rounds.is_due()

    def _accept(self, leased: Leased) -> None:
        try:
            message: dramatiq.Message[Any] = dramatiq.Message.decode(leased.payload)
        except DecodeError:
            log.error("undecodable message", message_id=leased.message_id)
            ending = Settlement(leased.message_id, leased.token, "poison", shard=leased.shard)
            self._holdings.settle([ending])
            return
        message.options["redeliveries"] = leased.redeliveries
        self._batch.append(LeasedMessage(message, leased.token, leased.queue, leased.shard))

    def ack(self, message: MessageProxy) -> None:
        """Settle a message that was processed or skipped. Redis hears of it within about 5 ms."""
        leased = _leased(message)
        if leased.park_ms is None:
            self._settle([leased.settled("ack")])
        elif leased.park_ms <= 0:
            self.requeue([leased])
        else:
            self._settle([leased.settled("park", leased.park_ms)])

    def nack(self, message: MessageProxy) -> None:
        """Give a message up: it goes to ``dxflow:poison`` and is reported from there."""
        leased = _leased(message)
        self._settle([leased.settled("poison")])

    def requeue(self, messages: Iterable[MessageProxy]) -> None:
        """Return unprocessed messages to the front of their queues, in order, with no delivery counted."""
        self._settle([_leased(message).settled("front") for message in messages])

    def _settle(self, settlements: list[Settlement]) -> None:
        self._holdings.settle(settlements)
        if self._closed:  # a worker thread that finished late: this consumer's keeper sends nothing any more
            try:
                self._keeper.flush()
            except FAILURES as error:
                log.warning("settlement is left to the next consumer", error=type(error).__name__)

    def close(self) -> None:
        """Return what wasn't handed out yet and send every settlement. Raises ConnectionClosed."""
        if self._closed:
            return
        self._closed = True
        self._keeper.stop()
        self._holdings.settle(one.settled("front") for one in self._batch)
        self._batch.clear()
        try:
            with connection_failures():
                self._keeper.flush()
        finally:
            self._bell.close()
            self._client.close()


def _leased(message: MessageProxy) -> LeasedMessage:
    if not isinstance(message, LeasedMessage):
        raise TypeError(f"{type(message).__name__} wasn't fetched by this broker")
    return message
