"""From committed events to messages on their tenants' queues."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import quote

import structlog
from dramatiq import Message
from dramatiq.errors import BrokerError

from ..engine import machine
from ..engine.core import Core
from ..engine.errors import Invalid
from ..engine.identity import did
from ..engine.outbox import Dispatch, Outbox
from .broker.broker import TenantBroker
from .broker.names import QUEUE

logger = structlog.get_logger(__name__)

ACTORS = (machine.REGISTER, machine.RESULTS)
"""Families of queues with an actor of their own, of the same name; all else goes to its workflow's actor."""


@lru_cache(maxsize=100_000)
def tenant_did(tenant_id: str, method: str) -> str:
    """The DID in a tenant's queue names: derived, because a row from plain SQL has none before its first step.

    An id that is no UUID has none ever and stands for itself, so that its step can run and fail.
    """
    try:
        return did.derive(tenant_id, method)
    except Invalid:
        return quote(tenant_id, safe="")


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
        tenant = tenant_did(dispatch.tenant_id, self.core.did_method)
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
