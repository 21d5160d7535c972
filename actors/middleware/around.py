"""Middleware that undoes after a message what it did before, however the message ended."""

from __future__ import annotations

from typing import Any

import dramatiq
from dramatiq.broker import MessageProxy
from dramatiq.middleware import Middleware
from typing_extensions import override


class Around(Middleware):
    """A message that another middleware skips was never processed, and has to be left all the same."""

    def leave(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """The message is over: processed (without or with an error), or skipped. Runs once for each, also where
        ``before_process_message`` didn't."""
        raise NotImplementedError

    @override
    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: MessageProxy,
        *,
        result: Any | None = None,
        exception: BaseException | None = None,
    ) -> None:
        """It was processed."""
        self.leave(broker, message)

    @override
    def after_skip_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """It was skipped."""
        self.leave(broker, message)
