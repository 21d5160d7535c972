"""What changes a rights request: its state by ``machine.REQUESTS``, and its dates with what they depend on.

The rule: a request changes under a lock on its row, in the same transaction as its audit entry, its messages
and its announcements. ``version`` moves with every change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import announcing, machine
from ..core import Core
from ..erasing import withdrawn
from ..errors import Conflict, IllegalMove
from ..lookups import identifier, there
from ..rights import deadlines, following
from ..rights.types import RequestState, RequestType
from ..services import acts
from ..store import models, quick

TOPICS: Mapping[str, str] = {
    "verify": "rights_request.verified",
    "respond": "rights_request.answered",
    "complete": "rights_request.completed",
    "reject": "rights_request.denied",
    "cancel": "rights_request.cancelled",
}
"""What is announced to those who asked to be told."""

KEPT = ("reason", "decision", "denial_reason", "verified_by", "duplicate_of")
"""What an entry in the log says of a change: closed lists and ids, never a person's words."""

_MISSING = "no such rights request"


def locked(core: Core, tenant_id: str, request_id: str) -> models.RightsRequest:
    """The request, which nobody else changes until the caller's transaction ends. Raises NotFound."""
    del core
    wanted = identifier(request_id, _MISSING)
    return there(quick.lock(models.RightsRequest, id=wanted, tenant_id=tenant_id), _MISSING)


def move(
    core: Core,
    tenant_id: str,
    request_id: str,
    act: str,
    actor: str,
    *,
    changed: Mapping[str, object] | None = None,
    **columns: Any,
) -> models.RightsRequest:
    """Take a request on by an act of ``machine.REQUESTS``, setting these columns with it. ``changed`` is what
    the log only commits to. Raises Conflict for an act that its state doesn't allow, naming those it does."""
    with core.store.transaction():
        request = locked(core, tenant_id, request_id)
        before = request.state
        try:
            following = machine.move_request(before, act, request.held_from)
        except IllegalMove as error:
            raise Conflict(str(error)) from None
        over = following in RequestState.over()
        ends = {"state": following, "closed_at": core.clock() if over else None}
        moved = change(
            core,
            request,
            "rights_request.moved",
            actor,
            {**ends, **columns},
            changed,
            move=act,
            before=before,
        )
        if over and moved.type == RequestType.ERASURE:
            withdrawn.ended(core, tenant_id, moved.id)
        if act in TOPICS:
            announce(core, moved, TOPICS[act])
    core.bell.set()
    return moved


def change(
    core: Core,
    request: models.RightsRequest,
    kind: str,
    actor: str,
    columns: Mapping[str, Any],
    changed: Mapping[str, object] | None = None,
    **body: object,
) -> models.RightsRequest:
    """Set columns of a locked request, and its dates anew; the entry of this ``kind`` says so in the log, and
    the agent that made the request is told. What people wrote about a request of nobody known lies under the
    request's own id, to be found with it (``acts.handed_on``)."""
    for name, value in columns.items():
        setattr(request, name, value)
    request.version += 1
    zone, waits = deadlines.zone_of(request.tenant_id), deadlines.waits_of(request.id)
    dates = deadlines.columns(request, zone, core.clock(), waits)
    for name, value in dates.items():
        setattr(request, name, value)
    quick.update(models.RightsRequest, {"id": request.id}, {**columns, **dates, "version": request.version})
    told = {name: str(columns[name]) for name in KEPT if columns.get(name) is not None}
    facts = {"request": request.id, "state": request.state, "due": request.due, **told, **body}
    acts.record(core, request.tenant_id, kind, actor, changed, [request.subject_id or request.id], **facts)
    following.changed(core, request)
    return request


def announce(core: Core, request: models.RightsRequest, topic: str, **more: object) -> None:
    """Tell who asked to be told, by ids and states alone."""
    body = {"request": request.id, "type": request.type, "state": request.state, "due": request.due, **more}
    announcing.announce(core, request.tenant_id, topic, body)


def allowed(request: models.RightsRequest) -> list[str]:
    """The acts that the request's state allows."""
    return list(machine.REQUESTS.get(request.state, ()))
