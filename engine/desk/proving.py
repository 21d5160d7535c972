"""A request whose sender has proven who they are goes on: wherever it stands, and never back."""

from __future__ import annotations

from typing import Any

from ..core import Core
from ..machine import first_state
from ..rights import proof
from ..rights.proof import Level
from ..rights.types import RequestState
from ..services import acts
from ..store import models
from . import moves

_IDENTITY = "identity"


def prove(core: Core, request: models.RightsRequest, level: Level) -> bool:
    """Note what was proven of a locked, open request; whether it is enough for what is asked. One that is on
    hold for just that goes on; one on hold for something else goes on from there as proven. A proof that isn't
    enough changes nothing: ``verified_at`` never says more than is so. Nor does one that is no stronger."""
    if not proof.suffices(level, request.type, request.regime):
        return False
    if request.verified_at is not None and not _stronger(request, level):
        return True
    columns: dict[str, Any] = {"verified_at": request.verified_at or core.clock(), "verified_by": str(level)}
    if request.state == RequestState.ON_HOLD and _waits_for_proof(request.id):
        request = _resumed(core, request)
    if request.state == first_state():
        moves.move(core, request.tenant_id, request.id, "verify", acts.SYSTEM, **columns)
        return True
    if request.state == RequestState.ON_HOLD and request.held_from == first_state():
        columns["held_from"] = str(RequestState.IDENTITY_VERIFIED)
    moves.change(core, request, "rights_request.proven", acts.SYSTEM, columns)
    return True


def _resumed(core: Core, request: models.RightsRequest) -> models.RightsRequest:
    row = models.RequestHold
    ended = row.update(ended_at=core.clock())
    ended.where(row.request_id == request.id, row.ended_at.is_null()).execute()
    return moves.move(core, request.tenant_id, request.id, "resume", acts.SYSTEM)


def _stronger(request: models.RightsRequest, level: Level) -> bool:
    return proof.rank(level, request.regime) > proof.rank(proof.proven(request), request.regime)


def _waits_for_proof(request_id: str) -> bool:
    row = models.RequestHold
    reasons = row.select(row.reason).where(row.request_id == request_id, row.ended_at.is_null())
    return {one.reason for one in reasons} == {_IDENTITY}
