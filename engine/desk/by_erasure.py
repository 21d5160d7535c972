"""A request for erasure goes on by what becomes of the erasure: answered when the person is erased, complete
when the last recipient is done."""

from __future__ import annotations

from typing import Any

from ..core import Core
from ..recipients.obligations import outstanding
from ..rights.types import RequestState
from ..services.acts import SYSTEM
from . import actions, moves


def erased(core: Core, tenant_id: str, request_id: str, actor: str) -> None:
    """The person was erased, which answers their request: it goes on to ``response_sent``, wherever it stood,
    also where it was answered before and taken up again. The erasure's own message is the answer."""
    with core.store.transaction():
        request = moves.locked(core, tenant_id, request_id)
        if request.state == RequestState.RESPONSE_SENT or request.closed_at is not None:
            return
        if request.state == RequestState.ON_HOLD:
            request = actions.resume(core, tenant_id, request_id, actor)
        for act in ("collect", "review"):
            if act in moves.allowed(request) and request.state != RequestState.REVIEW:
                request = moves.move(core, tenant_id, request_id, act, actor)
        if "respond" in moves.allowed(request):
            answered: dict[str, Any] = {"decision": "fulfilled", "responded_at": core.clock()}
            moves.move(core, tenant_id, request_id, "respond", actor, **answered)


def certified(core: Core, tenant_id: str, request_id: str) -> None:
    """The last recipient is done: a request that waited for it is complete."""
    with core.store.transaction():
        request = moves.locked(core, tenant_id, request_id)
        if request.state == RequestState.RESPONSE_SENT and not outstanding(tenant_id, request_id=request_id):
            moves.move(core, tenant_id, request_id, "complete", SYSTEM)
