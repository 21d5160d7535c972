"""From committed events to messages on their tenants' queues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog
from dramatiq import Message
from dramatiq.errors import BrokerError

from ..engine import machine
from ..engine.core import Core
from ..engine.identity import did
from ..engine.outbox import Dispatch, Outbox
from .broker.broker import TenantBroker
from .broker.names import QUEUE

logger = structlog.get_logger(__name__)

ACTORS = (machine.REGISTER, machine.RESULTS)
"""Families of queues with an actor of their own, of the same name; all else goes to its workflow's actor."""


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Enqueues; what can't be enqueued is due again at once and waits for Redis in the event table."""

    core: Core
    broker: TenantBroker
    outbox: Outbox = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "outbox", Outbox(self.core))

    def send(self, dispatches: Sequence[Dispatch]) -> bool:
        """Enqueue committed dispatches, in order. False when Redis doesn't answer: nothing is lost then."""
        for position, dispatch in enumerate(dispatches):
            try:
                self.broker.enqueue(self.message(dispatch))
            except BrokerError as error:
                self.outbox.release(_ids(dispatches[position:]))
                logger.warning("redis_unreachable", error=type(error).__name__)
                return False
        return True

    def message(self, dispatch: Dispatch) -> Message[None]:
        """The Dramatiq message of one dispatch: ids only, nothing about a person."""
        family = machine.queue_family(dispatch.workflow, dispatch.step)
        # Derived, not read: a row that plain SQL inserted has no DID before its first step has run.
        tenant = did.derive(dispatch.tenant_id, self.core.did_method)
        options = {"tenant_queue": machine.queue_name(family, tenant), "family": family, "did": tenant}
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


def _ids(dispatches: Iterable[Dispatch]) -> list[str]:
    return [event_id for dispatch in dispatches for event_id in dispatch.event_ids]
