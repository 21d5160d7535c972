"""An erasure takes two people: one proposes it, another approves it, and what was approved is what is done.

Approving executes, all in one transaction: the order stands as it was proposed, nothing blocks it, the marks
that keep the person out are written, what recipients owe is written down with the ids that erasing destroys,
the person is erased, and their answer waits to be sent. Whatever fails undoes all of it.
"""

from __future__ import annotations

from typing import Any, get_args

from ..core import Core
from ..errors import Conflict, Invalid
from ..lookups import there
from ..rights import proof, reaching
from ..rights.types import RequestState, RequestType
from ..services import acts
from ..services.pages import Page, newest
from ..store import models, quick
from . import adopting, certificate, erasure, open_requests, order_rows, people, persons, plans
from .execution import Execution
from .order_rows import PROPOSED, REFUSED, State, get
from .receipts import hand_over

_LONGEST = 2000


def propose(
    core: Core,
    tenant_id: str,
    actor: str,
    *,
    subject_id: str | None = None,
    request_id: str | None = None,
    reason: str = "request",
    with_account: bool = False,
    by_command_line: bool = False,
) -> models.ErasureOrder:
    """Put an order before somebody else, with its plan. For a data subject, or for who made a request; what a
    data subject asked for themselves, and proved, is answered by it. ``by_command_line``: who acts is whom the
    command line says.

    Raises Invalid, NotFound, and Conflict for who is erased already and where an order waits.
    """
    if reason not in get_args(erasure.Reason):
        raise Invalid("reason", f"{reason[:40]!r}; allowed are {', '.join(get_args(erasure.Reason))}")
    whom = _whom(tenant_id, subject_id, request_id)
    request_id = request_id or _own_request(tenant_id, whom)
    row = {
        "tenant_id": tenant_id,
        "request_id": request_id,
        "subject_id": whom,
        "reason": reason,
        "plan": plans.plan(
            core, tenant_id, whom, request_id=request_id, reason=reason, with_account=with_account
        ),
        "proposed_by": actor,
        "with_account": with_account,
        "by_command_line": by_command_line,
    }
    return get(tenant_id, _put_forward(core, row))


def _put_forward(core: Core, row: dict[str, Any]) -> str:
    """Write the order and its entry down, while what it answers stands as it was looked at; its id."""
    tenant_id, whom, order_id = row["tenant_id"], row["subject_id"], core.new_id()
    new = {"id": order_id, "state": PROPOSED, "proposed_at": core.clock()}
    with core.store.transaction():
        _hold_request(tenant_id, row["request_id"], whom)
        if not quick.insert(models.ErasureOrder, {**row, **new}, ignore=True):
            raise Conflict("an order to erase this data subject waits to be decided already")
        body = {"order": order_id, "reason": row["reason"], "request": row["request_id"]}
        changed = {"subject": whom, "plan": plans.digest(row["plan"])}
        acts.record(core, tenant_id, "erasure.proposed", row["proposed_by"], changed, [whom], **body)
    return str(order_id)


def _hold_request(tenant_id: str, request_id: str | None, whom: str) -> None:
    """Nobody matches the request to somebody else, or ends it, before the order stands."""
    if request_id is None:
        return
    request = quick.lock(models.RightsRequest, id=request_id, tenant_id=tenant_id)
    if request is None or request.state in RequestState.over() or _about(request) != whom:
        raise Conflict("the request has just ended, or was matched to somebody else; look again")


def refuse(core: Core, tenant_id: str, order_id: str, actor: str, reason: str) -> models.ErasureOrder:
    """Decide against an order, or take one's own back. Raises NotFound, Invalid, Conflict for a decided one."""
    if not reason.strip() or len(reason) > _LONGEST:
        raise Invalid("reason", f"must say why, in 1 to {_LONGEST} characters")
    with core.store.transaction():
        order = order_rows.waiting(tenant_id, order_id)
        decided = {"state": REFUSED, "decided_by": actor, "decided_at": core.clock()}
        quick.update(models.ErasureOrder, {"id": order.id}, decided)
        whom, about = [order.subject_id], {"order": order.id, "request": order.request_id}
        acts.record(core, tenant_id, "erasure.refused", actor, {"reason": reason.strip()}, whom, **about)
    return get(tenant_id, order_id)


def approve(
    core: Core, tenant_id: str, order_id: str, actor: str, *, by_command_line: bool = False
) -> models.ErasureOrder:
    """Approve an order of somebody else's, which executes it; one that nobody stands behind is adopted by that,
    and another person approves it. Raises NotFound, Forbidden for whom it takes another person, Conflict where
    something blocks it, it was decided, or isn't any more what was proposed."""
    order = get(tenant_id, order_id)
    pair = persons.approver(tenant_id, actor, *adopting.proposer(order))
    if order.state != PROPOSED:
        raise Conflict(f"this order is {order.state} already")
    if adopting.needed(order):
        return adopting.adopt(core, order, actor, by_command_line=by_command_line)
    execution = Execution(core, order, actor, by_command_line, pair.two)
    done = erasure.erase(
        core,
        tenant_id,
        order.subject_id,
        actor,
        reason=order.reason,
        with_account=bool(order.with_account),
        beside=execution,
    )
    if done.already:
        raise Conflict("this data subject was erased meanwhile")
    certificate.current(core, tenant_id, order_id)
    core.bell.set()
    return get(tenant_id, order_id)


def listing(
    tenant_id: str, *, state: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[models.ErasureOrder]:
    """Newest first, in one state or in all."""
    return newest(tenant_id, models.ErasureOrder.proposed_at, limit=limit, cursor=cursor, state=state)


def _whom(tenant_id: str, subject_id: str | None, request_id: str | None) -> str:
    if request_id is None:
        if subject_id is None:
            raise Invalid("subject_id", "give it, or request_id")
        return subject_id
    request = there(
        quick.get(models.RightsRequest, id=request_id, tenant_id=tenant_id), "no such rights request"
    )
    if request.type != RequestType.ERASURE:
        raise Invalid("request_id", f"is a request of type {request.type}, not erasure")
    whom = _about(request)
    if whom is None or subject_id not in (None, whom):
        raise Conflict("the request isn't of this data subject, or of nobody known: match it first")
    if request.state in RequestState.over():
        raise Conflict(f"the request is {request.state}: it is over")
    return whom


def _about(request: models.RightsRequest) -> str | None:
    """Whom a request is about today: who was merged since is who they were merged into."""
    standing = reaching.subject_of(request)
    return request.subject_id if standing is None else str(standing.id)


def _own_request(tenant_id: str, subject_id: str) -> str | None:
    """The oldest request to be erased that is open, and proven to be the person's own."""
    subject = quick.get(models.DataSubject, id=subject_id, tenant_id=tenant_id)
    if subject is None:
        return None
    found = open_requests.of([one.id for one in people.family(subject)])
    own = (one for one in found if one.type == RequestType.ERASURE and proof.personal(one))
    return next((str(one.id) for one in own), None)


__all__ = ["State", "approve", "get", "hand_over", "listing", "propose", "refuse"]
