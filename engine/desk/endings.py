"""What ends with a request, and what begins again: its package goes, and what repeated it is asked again."""

from __future__ import annotations

from typing import Any

from ..core import Core
from ..fulfilment import package
from ..rights import proof
from ..rights.proof import Level
from ..rights.types import RequestState
from ..services.acts import SYSTEM
from ..store import models
from . import moves

UNDONE = ("decision", "denial_reason", "responded_at", "duplicate_of", "held_from")
"""What was decided of a request that begins anew."""


def ended(core: Core, request: models.RightsRequest) -> None:
    """The request was denied, taken back, marked as a duplicate or matched to another, in this transaction:
    nobody fetches its package. Those that were duplicates of it have nothing left that answers them, and come
    back."""
    package.supersede(core, request.id)
    if request.state == RequestState.DUPLICATE:
        return
    row = models.RightsRequest
    repeated = row.select().where(row.duplicate_of == request.id, row.state == RequestState.DUPLICATE)
    for one in repeated.order_by(row.received_at, row.id):
        moves.move(core, one.tenant_id, one.id, "reopen", SYSTEM, **anew(core, one))


def anew(core: Core, request: models.RightsRequest) -> dict[str, Any]:
    """The columns of a request that begins anew: what was decided is undone, and who asks is proven anew. Only
    a platform's word stands, and the proof without which nothing is a duplicate. Where none is asked for, none
    is waited for."""
    undone: dict[str, Any] = dict.fromkeys(UNDONE)
    proven = {**undone, "state": str(RequestState.IDENTITY_VERIFIED)}
    stands = request.state == RequestState.DUPLICATE or proof.proven(request) == Level.PLATFORM
    if stands and proof.personal(request):
        return proven
    if proof.needed(request.type, request.regime) == Level.NONE:
        return {**proven, "verified_at": core.clock(), "verified_by": str(Level.NONE)}
    return {**undone, "verified_at": None, "verified_by": None}
