"""What people at the desk do with a request. Each act checks, moves, tells the person, and leaves its entry.

Texts that people write (reasons, explanations) go to the person, sealed; the log names closed lists alone.
"""

from __future__ import annotations

from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from ..core import Core
from ..errors import Conflict, Invalid
from ..recipients.obligations import outstanding
from ..rights import deadlines
from ..rights.regimes import REGIMES
from ..rights.telling import must_tell, tell
from ..rights.types import DenialReason
from ..store import models
from . import endings, moves
from .duplicates import find_duplicates
from .texts import checked as _text
from .texts import told

HOLD_REASONS = ("identity", "clarification", "fee")


def acknowledge(core: Core, tenant_id: str, request_id: str, actor: str) -> models.RightsRequest:
    """Receipt was confirmed to the person by other means than dxflow's own mail. Once."""
    with core.store.transaction():
        request = moves.locked(core, tenant_id, request_id)
        if request.acknowledged_at is not None:
            return request
        columns = {"acknowledged_at": core.clock()}
        return moves.change(core, request, "rights_request.acknowledged", actor, columns)


def verify(core: Core, tenant_id: str, request_id: str, actor: str, reason: str) -> models.RightsRequest:
    """An officer is satisfied who asks; ``reason`` says what convinced them, and is only committed to."""
    proof = {"verified_at": core.clock(), "verified_by": "manual"}
    return moves.move(
        core, tenant_id, request_id, "verify", actor, changed={"reason": _text("reason", reason)}, **proof
    )


def hold(
    core: Core,
    tenant_id: str,
    request_id: str,
    actor: str,
    reason: str,
    question: str = "",
    told_otherwise: str = "",
) -> models.RightsRequest:
    """Wait for the person; ``question`` is what they are asked. Where the regime says so the clock stops: only
    for a question that was put to them, by mail or ``told_otherwise``. Raises Invalid, Conflict."""
    if reason not in HOLD_REASONS:
        raise Invalid("reason", f"{reason[:40]!r}; allowed are {', '.join(HOLD_REASONS)}")
    with core.store.transaction():
        request = moves.locked(core, tenant_id, request_id)
        if REGIMES[request.regime].stops_on_hold and not question.strip() and not told_otherwise.strip():
            raise Invalid("question", f"the {request.regime} clock stops only for a question to the person")
        models.RequestHold.create(
            id=core.new_id(),
            tenant_id=tenant_id,
            request_id=request.id,
            reason=reason,
            began_at=core.clock(),
            force_insert=True,
        )
        if question:
            asked = _text("question", question)
            must_tell(core, request, "clarification", told_otherwise.strip(), question=asked)
        changed = {"hold": reason, **told(told_otherwise)}
        return moves.move(
            core, tenant_id, request_id, "hold", actor, held_from=request.state, changed=changed
        )


def resume(core: Core, tenant_id: str, request_id: str, actor: str) -> models.RightsRequest:
    """The person answered: go on where the request was."""
    with core.store.transaction():
        _end_waits(core, tenant_id, request_id)
        return moves.move(core, tenant_id, request_id, "resume", actor)


def extend(
    core: Core, tenant_id: str, request_id: str, actor: str, reason: str, told_otherwise: str = ""
) -> models.RightsRequest:
    """Take the regime's extension, and tell the person why. Raises Invalid where the regime knows none,
    Conflict for a second one, for a notice that comes too late, and where nobody is told."""
    with core.store.transaction():
        request = moves.locked(core, tenant_id, request_id)
        _require_extensible(core, request)
        columns = {"extended_at": core.clock()}
        changed = {"reason": _text("reason", reason), **told(told_otherwise)}
        request = moves.change(core, request, "rights_request.extended", actor, columns, changed)
        must_tell(core, request, "extension", told_otherwise.strip(), reason=reason)
        moves.announce(core, request, "rights_request.extended")
    core.bell.set()
    return request


def reject(
    core: Core,
    tenant_id: str,
    request_id: str,
    actor: str,
    reason: str,
    explanation: str = "",
    told_otherwise: str = "",
) -> models.RightsRequest:
    """Deny, with a reason from the list and the right to complain (GDPR Art. 12(4)). ``explanation`` is told to
    the person alone. Raises Conflict where it reaches nobody, unless they were ``told_otherwise``."""
    if reason not in set(DenialReason):
        raise Invalid("reason", f"{reason[:40]!r}; allowed are {', '.join(DenialReason)}")
    with core.store.transaction():
        _end_waits(core, tenant_id, request_id)
        columns: dict[str, Any] = {
            "decision": "denied",
            "denial_reason": reason,
            "responded_at": core.clock(),
        }
        noted = told(told_otherwise)
        request = moves.move(core, tenant_id, request_id, "reject", actor, changed=noted, **columns)
        endings.ended(core, request)
        said = {"reason": reason, "explanation": _text("explanation", explanation, empty=True)}
        must_tell(core, request, "denial", told_otherwise.strip(), **said)
    core.bell.set()
    return request


def complete(core: Core, tenant_id: str, request_id: str, actor: str) -> models.RightsRequest:
    """All is done. Raises Conflict while a recipient still owes something."""
    with core.store.transaction():
        moves.locked(core, tenant_id, request_id)
        owed = sorted(one.recipient for one in outstanding(tenant_id, request_id=request_id))
        if owed:
            raise Conflict(f"{len(owed)} recipients aren't done: {', '.join(owed)}")
        return moves.move(core, tenant_id, request_id, "complete", actor)


def cancel(core: Core, tenant_id: str, request_id: str, actor: str) -> models.RightsRequest:
    """The person takes the request back, and is told that it ended."""
    with core.store.transaction():
        _end_waits(core, tenant_id, request_id)
        request = moves.move(core, tenant_id, request_id, "cancel", actor)
        endings.ended(core, request)
        tell(core, request, "cancelled")
    core.bell.set()
    return request


def reopen(core: Core, tenant_id: str, request_id: str, actor: str, reason: str) -> models.RightsRequest:
    """It was ended in error: it begins anew, what was decided is undone, and who asks is proven anew. Its clock
    never stopped."""
    changed = {"reason": _text("reason", reason)}
    with core.store.transaction():
        columns = endings.anew(core, moves.locked(core, tenant_id, request_id))
        return moves.move(core, tenant_id, request_id, "reopen", actor, changed=changed, **columns)


def mark_duplicate(core: Core, tenant_id: str, request_id: str, actor: str, of: str) -> models.RightsRequest:
    """The same person asked the same before, and that request is still open. Both senders have proven who they
    are: nobody who hasn't can end another's request, or have theirs pass for it (GHSA-qx5f-ghc2-7g5c). The
    person is told which request answers this one."""
    with core.store.transaction():
        request, first = moves.locked(core, tenant_id, request_id), moves.locked(core, tenant_id, of)
        if request.id == first.id or first.received_at > request.received_at:
            raise Invalid("of", "must name an earlier request")
        if request.subject_id is None or request.subject_id != first.subject_id or request.type != first.type:
            raise Conflict("the two aren't the same person's requests for the same")
        if first.id not in {one.id for one in find_duplicates(core, request)}:
            raise Conflict("both must be open, and both senders proven to be the person on file")
        request = moves.move(core, tenant_id, request_id, "mark_duplicate", actor, duplicate_of=first.id)
        endings.ended(core, request)
        tell(core, request, "duplicate", first=first.id)
    core.bell.set()
    return request


def step(core: Core, tenant_id: str, request_id: str, actor: str, act: str) -> models.RightsRequest:
    """An act that needs nothing but itself: ``collect`` or ``review``."""
    return moves.move(core, tenant_id, request_id, act, actor)


def _require_extensible(core: Core, request: models.RightsRequest) -> None:
    if REGIMES[request.regime].extension is None:
        raise Invalid("extended", f"{request.regime} knows no extension")
    if request.extended_at is not None:
        raise Conflict("the extension was taken already")
    if request.closed_at is not None or request.responded_at is not None:
        raise Conflict("the request was answered already")
    zone, now = deadlines.zone_of(request.tenant_id), core.clock()
    due = deadlines.computed(request, zone, now, deadlines.waits_of(request.id)).due
    if _today(core, zone) > due:
        raise Conflict(f"the extension had to be announced by {due}")


def _today(core: Core, zone: str) -> date:
    return core.clock().astimezone(ZoneInfo(zone)).date()


def _end_waits(core: Core, tenant_id: str, request_id: str) -> None:
    """Those that there are, and, because the request is held from here, all that there will be."""
    hold, request = models.RequestHold, moves.locked(core, tenant_id, request_id)
    ended = hold.update(ended_at=core.clock())
    ended.where(hold.request_id == request.id, hold.ended_at.is_null()).execute()
