"""Retry middleware: what becomes of a message whose whole batch couldn't run.

Failures of single events are written down by the engine beside their neighbours' success. This middleware is
for what hits a batch as a whole (the dx-agent is away, the fence is stale, the database refused): it has the
engine apply the same policy to every event of the message, in SQL. Dramatiq swallows what a hook raises; if
even that write fails, the events' dispatch lease ends and the relay hands them out again, so nothing hangs on
this hook.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dramatiq
import structlog
from dramatiq.broker import Broker, MessageProxy

from ...engine import runner
from ...engine.core import Core
from ...engine.errors import StaleFence, Unavailable
from ...engine.outbox import Outbox
from ...engine.store import scope

logger = structlog.get_logger(__name__)


class RetryMiddleware(dramatiq.Middleware):
    """Turns a failed message into waiting or failed events."""

    def __init__(self, core: Core, count: Callable[[runner.Report], None] | None = None) -> None:
        """``count`` is told what became of each message's events (``Metrics.count``)."""
        self._core = core
        self._count = count or (lambda *_: None)

    def after_process_message(
        self,
        broker: Broker,
        message: MessageProxy,
        *,
        result: Any = None,
        exception: BaseException | None = None,
    ) -> None:
        """Apply the retry policy to the message's events; the message itself is over either way."""
        del broker, result
        if exception is None:
            return
        call = message.kwargs
        logger.warning("batch_failed", step=call["step"], **runner.where(exception))
        with scope.afresh(call["tenant_id"]):
            if isinstance(exception, StaleFence | Unavailable):
                Outbox(self._core).postpone(message.message_id, call["event_ids"], seconds=1.0)
            else:
                events = (call["workflow"], call["step"], call["event_ids"])
                self._count(runner.fail_batch(self._core, *events, exception))
        self._core.bell.set()
