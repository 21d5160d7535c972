"""How an agent follows its request (Data Rights Protocol 1.0): the Exercise Status, and when it is told.

The rule: what the agent knows stands beside the request (``agent_told``). Whoever changes the request compares
under its lock, and where the two differ writes down, in the same transaction, that the agent is to be told; a
workflow of its own tells it (``steps.status_callback``). How the agent calls its request, and where it is told,
lies sealed, and outlives who asked: that a person was erased is what the agent waits for.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time
from typing import NamedTuple
from zoneinfo import ZoneInfo

from peewee import fn

from .. import moments
from ..core import Core
from ..store import models, quick
from . import deadlines, drp, intake
from .types import RequestState

PENDING, DELIVERED = "pending", "delivered"
SHOWN = 20
_OWN_ID, _CALLBACK = "agent-request-id", "status_callback"


class Followed(NamedTuple):
    """The agent's own id of a request and the URL that is told; empty where it named none."""

    agent_request_id: str
    callback: str


def begin(core: Core, request: models.RightsRequest, how: Followed) -> None:
    """Keep how the agent follows its new request, in the transaction that answers with the first status."""
    if not any(how):
        return
    said = json.dumps({_OWN_ID: how.agent_request_id, _CALLBACK: how.callback}, ensure_ascii=False)
    sealed = core.keys.seal(request.tenant_id, said.encode(), **_place(request))
    told = standing(request) if how.callback else None
    quick.update(models.RightsRequest, {"id": request.id}, {"agent_sealed": sealed, "agent_told": told})


def followed(core: Core, request: models.RightsRequest) -> Followed:
    """How an agent follows this request."""
    if request.agent_sealed is None:  # recorded before this was kept by itself, or forgotten
        return Followed(str(intake.requester(core, request).get(_OWN_ID, "")), "")
    said = json.loads(core.keys.unseal(request.tenant_id, bytes(request.agent_sealed), **_place(request)))
    return Followed(said[_OWN_ID], said[_CALLBACK])


def status(core: Core, request: models.RightsRequest) -> dict[str, object]:
    """The Exercise Status (section 3.03)."""
    own_id = followed(core, request).agent_request_id
    return {**standing(request), **({"agent_request_id": own_id} if own_id else {})}


def standing(request: models.RightsRequest) -> dict[str, object]:
    """The Exercise Status but for the agent's own id: it names nobody."""
    confirmed = request.acknowledged_at is not None
    decided = (request.state, request.decision, request.denial_reason)
    status, reason = drp.status_of(*decided, confirmed=confirmed)
    found: dict[str, object] = {"request_id": str(request.id), "status": status}
    if reason is not None:
        found["reason"] = reason
    found["received_at"] = moments.to_text(request.received_at)
    if request.due:
        found["expected_by"] = _end_of(request.due, deadlines.zone_of(request.tenant_id))
    if details := _details(request, status):
        found["processing_details"] = details
    return found


def changed(core: Core, request: models.RightsRequest) -> None:
    """Have the agent told, if it knows another status than holds now. The caller holds the request."""
    if _outdated(request):
        request.agent_told = now = standing(request)
        quick.update(models.RightsRequest, {"id": request.id}, {"agent_told": now})
        tell(core, request)


def catch_up(core: Core, request: models.RightsRequest) -> None:
    """The same for a request that nobody holds yet: plain SQL may have changed it."""
    if _outdated(request):
        held = quick.lock(models.RightsRequest, id=request.id, tenant_id=request.tenant_id)
        if held is not None:
            changed(core, held)


def tell(core: Core, request: models.RightsRequest) -> models.StatusCallback:
    """Write down that the agent is to be told how this held request stands."""
    row = models.StatusCallback
    last = row.select(fn.MAX(row.number)).where(row.request_id == request.id).scalar()
    return row.create(
        id=core.new_id(),
        tenant_id=request.tenant_id,
        request_id=request.id,
        number=(last or 0) + 1,
        state=PENDING,
        created_at=core.clock(),
        force_insert=True,
    )


def words(request_id: str) -> list[models.StatusCallback]:
    """What the agent was told of a request, and is still to be: the newest ``SHOWN``, oldest first."""
    row = models.StatusCallback
    query = row.select().where(row.request_id == request_id).order_by(row.number.desc()).limit(SHOWN)
    return list(reversed(list(query)))


def let_go(request_id: str) -> None:
    """Forget how an agent follows a request: it can ask by its id, and is told nothing more."""
    quick.update(models.RightsRequest, {"id": request_id}, {"agent_sealed": None, "agent_told": None})


def _outdated(request: models.RightsRequest) -> bool:
    """Whether an agent that wants to be told knows another status. Of a state that there isn't, which plain SQL
    may write, nothing can be told."""
    if request.agent_told is None or request.state not in drp.STATUSES:
        return False
    return bool(standing(request) != request.agent_told)


def _end_of(day: str, zone: str) -> str:
    """The last second of a day in the desk's zone."""
    end = datetime.combine(date.fromisoformat(day), time(23, 59, 59), ZoneInfo(zone))
    return end.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _details(request: models.RightsRequest, status: str) -> str:
    """In words, and without a word about the person."""
    if request.state == RequestState.DUPLICATE:
        return "the same was asked for before, and is answered there"
    if request.state == RequestState.ON_HOLD:
        return "waiting for the person"
    if status == drp.DENIED:
        return "denied; the person was told why, and where to complain"
    if request.extended_at is not None:
        return "extended; the person was told why"
    return ""


def _place(request: models.RightsRequest) -> dict[str, str]:
    return {"table": "rights_requests", "column": "agent_sealed", "row_id": str(request.id)}
