"""Whether what a request asks for was done, by the rows that doing it leaves.

What fulfils a request by itself (``limiting``, ``rectifying``) notes it here, whether or not anything was left
to change: an opt-out that is in force already is followed too.
"""

from __future__ import annotations

from ..core import Core
from ..desk import moves
from ..errors import Conflict
from ..rights import limits, reaching
from ..rights.types import RequestType
from ..store import models

LIMITS = {
    RequestType.RESTRICTION: limits.RESTRICTION,
    RequestType.OBJECTION: limits.OBJECTION,
    RequestType.SALE_OPT_OUT: "sale_opt_out",
    RequestType.SENSITIVE_LIMIT: "sensitive_limit",
    RequestType.TRACKING_OPT_OUT: "tracking_opt_out",
    RequestType.AUTOMATED_DECISION_OPT_OUT: "automated_decision_opt_out",
}
"""The kind of limit that each of these requests asks for."""
_NONE = frozenset(
    {
        RequestType.ACCESS,
        RequestType.ACCESS_CATEGORIES,
        RequestType.PORTABILITY,
        RequestType.COMPLAINT,
        RequestType.OTHER,
    }
)
"""Answered by what is sent: nothing else has to be done here."""


def note(core: Core, request: models.RightsRequest, actor: str) -> None:
    """What the request asks for is done; once, inside the transaction that did it and holds the request."""
    if request.fulfilled_at is None:
        moves.change(core, request, "rights_request.fulfilled", actor, {"fulfilled_at": core.clock()})


def require(request: models.RightsRequest) -> None:
    """Raises Conflict, saying what is missing, unless what was asked for is done."""
    if request.type in _NONE:
        return
    if request.type == RequestType.ERASURE:
        if not _erased(request):
            raise Conflict(
                "nobody was erased for this request: an erasure must be proposed and approved first"
            )
    elif request.fulfilled_at is None and not _limited(request):
        act = "rectify" if request.type == RequestType.RECTIFICATION else "fulfil"
        raise Conflict(f"nothing was done for this request of type {request.type} yet: {act} it first")


def _erased(request: models.RightsRequest) -> bool:
    order, subject = models.ErasureOrder, models.DataSubject
    done = order.select().where(order.request_id == request.id, order.state == "executed")
    gone = subject.select().where(subject.id == request.subject_id, subject.state == "erased")
    return bool(done.exists() or gone.exists())


def _limited(request: models.RightsRequest) -> bool:
    """A limit of the kind asked for that was put by hand, naming the request; it follows the person through
    merges."""
    row, person = models.SubjectLimit, reaching.subject_of(request)
    kind = LIMITS.get(RequestType(request.type))
    if kind is None or person is None:
        return False
    mine = (row.request_id == request.id) & (row.subject_id == person.id)
    return bool(row.select().where(mine, row.kind == kind).exists())
