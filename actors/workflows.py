"""The actors: one per workflow, and two for the queues of registration. Each runs its events from one step as
far as they come.

An actor loads nothing, decides nothing and writes nothing itself: it calls the engine, counts what came of it,
and passes on what follows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dramatiq
from dramatiq.middleware import CurrentMessage

from ..engine import machine, runner
from ..engine.core import Core
from ..engine.services.traffic import pausing
from ..engine.store import scope
from .broker.broker import TenantBroker
from .broker.names import LOCK_TEMPLATE, QUEUE
from .dispatcher import ACTORS, Dispatcher
from .metrics import Metrics
from .middleware.locking import current_lease


def declare(broker: TenantBroker, core: Core, dispatcher: Dispatcher, metrics: Metrics) -> None:
    """Declare every actor on this broker."""

    def run(workflow: str, step: str, tenant_id: str, event_ids: Sequence[str]) -> None:
        """Run these events from this step, then hand over what follows."""
        report = runner.Report()
        with scope.afresh(tenant_id):
            event_ids = pausing.let_through(core, tenant_id, _message_id(), event_ids)
            if not event_ids:
                return
            fence = core.log.fence(tenant_id) if current_lease() is not None else None
            try:
                runner.run_step(core, workflow, step, event_ids, fence, report)
            finally:  # whatever stopped it, what is committed goes on
                metrics.count(report)
                dispatcher.send(report.follow_ups)
                core.bell.set()

    for workflow in machine.WORKFLOWS:
        _declare(broker, run, workflow)
    for family in ACTORS:
        _declare(broker, run, family, lock=LOCK_TEMPLATE if family == machine.REGISTER else None)


def _message_id() -> str:
    """Of the message that this thread runs; none has the empty id."""
    message = CurrentMessage.get_current_message()
    return "" if message is None else str(message.message_id)


def _declare(broker: TenantBroker, run: Callable[..., None], name: str, lock: str | None = None) -> None:
    options: dict[str, Any] = {"lock": lock} if lock else {}
    declare_actor = dramatiq.actor(broker=broker, queue_name=QUEUE, actor_name=name, **options)
    declare_actor(run)
