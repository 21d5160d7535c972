"""Middleware that names tenant, message and actor in every log line written while a message is handled."""

from __future__ import annotations

import dramatiq
from dramatiq.broker import MessageProxy
from structlog.contextvars import bind_contextvars, unbind_contextvars
from typing_extensions import override

from ..broker.names import did_of
from .around import Around


class Tenancy(Around):
    """Binds ``tenant`` (the DID), ``message_id`` and ``actor``: identifiers only, no personal data."""

    @override
    def before_process_message(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Bind the names for this worker thread."""
        tenant = did_of(str(message.options.get("tenant_queue") or ""))
        bind_contextvars(tenant=tenant, message_id=message.message_id, actor=message.actor_name)

    @override
    def leave(self, broker: dramatiq.Broker, message: MessageProxy) -> None:
        """Unbind them, so that nothing leaks into the thread's next message."""
        unbind_contextvars("tenant", "message_id", "actor")
