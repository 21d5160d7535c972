"""Saying whom a request is about, where its sender's address told nobody or the wrong one.

The rule: what proved that somebody is Ada proves nothing of Eve. With another person the proof begins anew, and
nothing that was made or sent for the first one opens anything any more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ..core import Core
from ..errors import CallerError, Conflict, NotFound, NotThere
from ..fulfilment import people
from ..rights import proof
from ..rights.proof import Level
from ..rights.types import RequestState
from ..services import acts
from ..services.subjects import subjects
from ..store import models
from . import endings, moves

KIND, UNPROVEN = "rights_request.matched", "rights_request.unproven"
_STANDS = (Level.MANUAL, Level.NONE)
"""An officer's word, and no proof where none is asked for, hold whoever the person is."""


def match(core: Core, tenant_id: str, request_id: str, actor: str, subject_id: str) -> models.RightsRequest:
    """The request is about this data subject (an id, or a DID); the same once more changes nothing. Unless an
    officer vouched for who asks, the request waits for a proof again; what repeated it comes back.

    Raises NotFound, NotThere for somebody whom nobody knows, Conflict for somebody who was erased, for a
    request that was answered or is over, and for one that was carried out, or is to be, for somebody else.
    """
    with core.store.transaction():
        request = moves.locked(core, tenant_id, request_id)
        subject = _subject(tenant_id, subject_id)
        if request.subject_id == subject.id:
            return request
        _require_open(request)
        endings.ended(core, request)
        check, now = models.IdentityCheck, core.clock()
        check.update(ended_at=now).where(check.request_id == request.id, check.ended_at.is_null()).execute()
        columns = {"subject_id": subject.id, **_proof_again(request)}
        changed = {"subject": subject.id, "before": request.subject_id}
        acts.handed_on(tenant_id, request.id, subject.id)
        request = moves.change(core, request, KIND, actor, columns, changed)
    core.bell.set()
    return request


def apart(core: Core, requests: Iterable[models.RightsRequest], since: datetime, actor: str) -> None:
    """People who were one since then are two again, and nobody knows whose proof it was that came meanwhile:
    their open requests wait for one anew, unless an officer vouched or it was acted upon, and no code that was
    sent proves anything. The requests are locked, in the transaction that takes the merge back."""
    check, now, held = models.IdentityCheck, core.clock(), list(requests)
    sent = check.request_id.in_([one.id for one in held]) & check.ended_at.is_null()
    check.update(ended_at=now).where(sent).execute()
    for request in held:
        over = (request.closed_at, request.responded_at, request.fulfilled_at) != (None, None, None)
        if over or request.verified_at is None or request.verified_at < since:
            continue
        if columns := _proof_again(request):
            moves.change(core, request, UNPROVEN, actor, columns)


def _subject(tenant_id: str, named: str) -> models.DataSubject:
    try:
        return people.hold(tenant_id, subjects.named(tenant_id, named).id)
    except (NotFound, CallerError) as error:
        if isinstance(error, Conflict):
            raise
        raise NotThere("subject_id", "no such data subject") from None


def _require_open(request: models.RightsRequest) -> None:
    if request.closed_at is not None or request.responded_at is not None:
        raise Conflict("the request was answered or ended already")
    order, limit = models.ErasureOrder, models.SubjectLimit
    asked = order.select().where(order.request_id == request.id, order.state != "refused")
    put = limit.select().where(limit.request_id == request.id)
    if request.fulfilled_at is not None or asked.exists() or put.exists():
        raise Conflict("something was done, or is about to be, for whom this request was about until now")


def _proof_again(request: models.RightsRequest) -> dict[str, Any]:
    """The columns by which a request waits for a proof; one on hold does once it goes on."""
    if request.verified_at is not None and proof.proven(request) in _STANDS:
        return {}
    unproven: dict[str, Any] = {"verified_at": None, "verified_by": None}
    received = str(RequestState.RECEIVED)
    held = request.state == RequestState.ON_HOLD
    return {**unproven, "held_from": received} if held else {**unproven, "state": received}
