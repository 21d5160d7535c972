"""Middleware that runs an actor's messages under the tenant's lock.

An actor declares ``lock="audit_register_{did}"``. A refused lock costs nothing but time: the message goes
back to the front of its queue, the queue rests for a moment, and neither an attempt nor a delivery is
counted. What the lock promises, and what it doesn't, is told in ``redlock.py``.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Iterable
from contextvars import ContextVar

import dramatiq
import structlog
from dramatiq.broker import MessageProxy
from dramatiq.errors import BrokerConnectionError
from dramatiq.middleware import SkipMessage
from typing_extensions import override

from ..broker.broker import LeasedMessage, TenantBroker
from ..broker.names import LOCK_TEMPLATE, did_of
from ..broker.shards import SINGLE, Shards
from .around import Around
from .extender import Extender
from .redlock import Holder, Lease, Redlock

log = structlog.get_logger(__name__)

_current: ContextVar[Lease | None] = ContextVar("dxflow_lock_lease", default=None)

#: A refused queue rests this long at most, in ms; the spread keeps contenders from returning in step.
_REST_MS = (250, 1000)
#: Or so much longer than the lock is busy, which may be not at all by now.
_SHORT_REST_MS = (10, 50)


def current_lease() -> Lease | None:
    """The lock under which this thread runs its message; None without one, and once its time is over."""
    lease = _current.get()
    return lease if lease is not None and lease.still_valid() else None


def holders(broker: TenantBroker, queues: Iterable[str]) -> dict[str, Holder]:
    """Who has the locks of these register queues; those that nobody has are left out. Raises Unavailable."""
    for one in broker.middleware:
        if isinstance(one, RedlockMiddleware):
            found = {queue: one.holder(queue) for queue in queues}
            return {queue: holder for queue, holder in found.items() if holder is not None}
    return {}


def _spread(low: int, high: int) -> int:
    return low + secrets.randbelow(high - low + 1)


class _NotOfRests(logging.Filter):
    """Dramatiq warns of every skipped message. That one whose queue rests for its lock was skipped is no news;
    it is told at debug level, here."""

    @override
    def filter(self, record: logging.LogRecord) -> bool:
        """Let everything pass that isn't about a resting message."""
        about = record.args if isinstance(record.args, tuple) else ()
        return not any(isinstance(one, LeasedMessage) and one.park_ms for one in about)


#: One object for all engines of a process: a logger takes the same filter once.
_NOT_OF_RESTS = _NotOfRests()
_SKIPS = "dramatiq.worker.WorkerThread"


class RedlockMiddleware(Around):
    """``spread(low, high)`` picks the jitter in milliseconds. In a Cluster (``shards``) the lock's key stands
    in its tenant's shard, so that a node that goes away stops nobody else's registrations."""

    def __init__(
        self, redlock: Redlock, spread: Callable[[int, int], int] = _spread, shards: Shards = SINGLE
    ) -> None:
        self._redlock = redlock
        self._shards = shards
        self._spread = spread
        self._extender = Extender(redlock)

    @property
    def actor_options(self) -> set[str]:
        """``lock``: the key's template, in which ``{did}`` stands for the tenant."""
        return {"lock"}

    @override
    def before_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Start extending."""
        logging.getLogger(_SKIPS).addFilter(_NOT_OF_RESTS)
        self._extender.start()

    @override
    def after_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:
        """Stop extending, and the threads that ask the nodes."""
        self._extender.stop()
        self._redlock.close()

    @override
    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Take the lock; refused, set ``park_ms`` and raise SkipMessage.

        A message without a tenant is failed: run without the lock it must not be.
        """
        template = broker.get_actor(message.actor_name).options.get("lock")
        if template is None:
            return
        did = did_of(str(message.options.get("tenant_queue") or ""))
        if did is None or not isinstance(message, LeasedMessage):
            log.error("no tenant to lock for", message_id=message.message_id)
            message.fail()
            return
        self._enter(self._resource(str(template), did, message.queue), message)

    def holder(self, queue: str) -> Holder | None:
        """Who has the lock under which this register queue is worked on. Raises Unavailable."""
        return self._redlock.holder(self._resource(LOCK_TEMPLATE, did_of(queue) or "", queue))

    def _resource(self, template: str, did: str, queue: str) -> str:
        tag = self._shards.tag(self._shards.of(queue))
        return tag + template.replace("{did}", did)

    def _enter(self, resource: str, message: LeasedMessage) -> None:
        lease = self._acquire(resource)
        if lease is None:
            busy = self._redlock.busy_ms(resource) + self._spread(*_SHORT_REST_MS)
            message.park_ms = min(busy, self._spread(*_REST_MS))
            log.debug("lock_refused", lock=resource, rest_ms=message.park_ms)
            raise SkipMessage(f"{resource} is taken")
        _current.set(lease)
        self._extender.watch(lease)

    def _acquire(self, resource: str) -> Lease | None:
        try:
            return self._redlock.acquire(resource)
        except Exception:  # Dramatiq would log it and run the actor without the lock
            log.exception("taking a lock failed", lock=resource)
            return None

    @override
    def leave(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Give the lock back, if this message got it, and wake the queue that may wait for it."""
        lease = _current.get()
        if lease is None:
            return
        _current.set(None)
        self._extender.unwatch(lease)
        self._redlock.release(lease)
        if isinstance(broker, TenantBroker) and isinstance(message, LeasedMessage):
            try:
                broker.wake(message.queue)
            except BrokerConnectionError as error:  # the queue's rest ends by itself within a second
                log.warning("can't wake queue", error=str(error))
