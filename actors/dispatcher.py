"""From committed events to messages on their tenants' queues."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import structlog
from dramatiq import Message
from dramatiq.errors import BrokerError

from ..engine import machine
from ..engine.core import Core
from ..engine.outbox import Dispatch, Outbox
from ..engine.services.traffic.queues import public_did
from .broker.broker import TenantBroker
from .broker.names import QUEUE

logger = structlog.get_logger(__name__)

ACTORS = (machine.REGISTER, machine.RESULTS)
"""Families of queues with an actor of their own, of the same name; all else goes to its workflow's actor."""

WEIGHTS_FOR = 1.0
"""Seconds."""

tenant_did = lru_cache(maxsize=100_000)(public_did)
"""The DID in a tenant's queue names; asked for with every message."""


@dataclass(slots=True)
class Dispatcher:
    """Enqueues; what can't be enqueued is due again at once and waits for Redis in the event table."""

    core: Core
    broker: TenantBroker
    outbox: Outbox = field(init=False)
    weights: dict[str, int] = field(default_factory=dict)
    """Tenants whose queues get more than one turn in a round of all; read anew once a second under load."""
    _fresh_until: float = 0.0

    def __post_init__(self) -> None:
        self.outbox = Outbox(self.core)

    def refresh_weights(self) -> None:
        """Read the weights again if they were read more than a second ago; the relay calls this."""
        if time.monotonic() >= self._fresh_until:
            self.weights = self.outbox.weights()
            self._fresh_until = time.monotonic() + WEIGHTS_FOR

    def send(self, dispatches: Sequence[Dispatch]) -> bool:
        """Enqueue committed dispatches, in order. False when Redis doesn't answer: nothing is lost then."""
        if not dispatches:
            return True
        try:
            self.broker.enqueue_all([self.message(dispatch) for dispatch in dispatches])
        except BrokerError as error:
            self.outbox.release({one: found.message_id for found in dispatches for one in found.event_ids})
            logger.warning("redis_unreachable", error=type(error).__name__)
            return False
        return True

    def message(self, dispatch: Dispatch) -> Message[None]:
        """The Dramatiq message of one dispatch: ids only, nothing about a person."""
        family = machine.queue_family(dispatch.workflow, dispatch.step)
        tenant = tenant_did(dispatch.tenant_id, self.core.did_method)
        options: dict[str, object] = {
            "tenant_queue": machine.queue_name(family, tenant),
            "family": family,
            "did": tenant,
        }
        if dispatch.tenant_id in self.weights:
            options["weight"] = self.weights[dispatch.tenant_id]
        if family == machine.REGISTER:
            options["exchange"] = machine.REGISTER_EXCHANGE
        return Message(
            queue_name=QUEUE,
            actor_name=family if family in ACTORS else dispatch.workflow,
            args=(),
            kwargs={
                "workflow": dispatch.workflow,
                "step": dispatch.step,
                "tenant_id": dispatch.tenant_id,
                "event_ids": list(dispatch.event_ids),
            },
            options=options,
            message_id=dispatch.message_id,
        )
