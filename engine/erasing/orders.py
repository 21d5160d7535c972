"""An erasure takes two people: one proposes it, another approves it, and what was approved is what is done.

Approving executes, all in one transaction: the order stands as it was proposed, nothing blocks it, the marks
that keep the person out are written, what recipients owe is written down with the ids that erasing destroys,
the person is erased, and their answer waits to be sent. Whatever fails undoes all of it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from ..core import Core
from ..desk import by_erasure
from ..errors import Conflict, Invalid
from ..lookups import there
from ..mail import queue
from ..recipients import obligations
from ..rights import intake, proof, reaching
from ..rights.types import RequestState, RequestType
from ..services import acts
from ..services.pages import Page, newest
from ..store import models, quick
from . import adopting, certificate, erasure, open_requests, people, persons, plans
from .mentions import Identifiers

PROPOSED, REFUSED, EXECUTED = "proposed", "refused", "executed"
State = Literal["proposed", "refused", "executed"]
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
        order = _waiting(tenant_id, order_id)
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
    execution = _Execution(core, order, actor, by_command_line, pair.two)
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


def get(tenant_id: str, order_id: str) -> models.ErasureOrder:
    """One order. Raises NotFound."""
    return there(quick.get(models.ErasureOrder, id=order_id, tenant_id=tenant_id), "no such erasure order")


def listing(
    tenant_id: str, *, state: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[models.ErasureOrder]:
    """Newest first, in one state or in all."""
    return newest(tenant_id, models.ErasureOrder.proposed_at, limit=limit, cursor=cursor, state=state)


def hand_over(core: Core, tenant_id: str, order_id: str, actor: str) -> dict[str, Any]:
    """The person's receipt, once: it is kept nowhere afterwards. Raises NotFound, Conflict where it isn't here:
    it went with the person's answer, somebody took it, or nobody is erased yet."""
    with core.store.transaction():
        order = there(
            quick.lock(models.ErasureOrder, id=order_id, tenant_id=tenant_id), "no such erasure order"
        )
        if order.receipt_sealed is None:
            raise Conflict("no receipt is kept for this order: it went with the answer, or somebody took it")
        found: dict[str, Any] = json.loads(
            core.keys.unseal(tenant_id, bytes(order.receipt_sealed), **_place(order.id))
        )
        quick.update(models.ErasureOrder, {"id": order.id}, {"receipt_sealed": None})
        acts.record(core, tenant_id, "erasure.receipt_handed_over", actor, order=order.id)
    return found


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


def _waiting(tenant_id: str, order_id: str) -> models.ErasureOrder:
    """An order that waits to be decided, and that nobody else decides meanwhile."""
    order = there(quick.lock(models.ErasureOrder, id=order_id, tenant_id=tenant_id), "no such erasure order")
    if order.state != PROPOSED:
        raise Conflict(f"this order is {order.state} already")
    return order


@dataclass
class _Execution:
    """What goes with the erasure (``erasure.Beside``). It may run again after a deadlock: then from here."""

    core: Core
    order: models.ErasureOrder
    actor: str
    by_command_line: bool
    two: bool
    order_id: str = field(init=False)
    request_id: str | None = field(init=False)
    _answers: list[tuple[str, str]] = field(default_factory=list)
    """Addresses and language of the person who asked."""

    def __post_init__(self) -> None:
        self.order_id, self.request_id = self.order.id, self.order.request_id

    def before(self, gone: Sequence[models.DataSubject], known: Identifiers) -> None:
        """The order as it stands, the obligations with the ids that are about to go, the answer's address."""
        core, tenant_id = self.core, self.order.tenant_id
        if self.request_id is not None:  # first, as what ends a request does
            quick.lock(models.RightsRequest, id=self.request_id, tenant_id=tenant_id)
        order = _waiting(tenant_id, self.order_id)
        made = plans.again(core, gone, known, order)
        if made["blocked"]:
            raise Conflict("; ".join(one["why"] for one in made["blocked"]))
        if plans.digest(made) != plans.digest(order.plan):
            raise Conflict(
                "what would be erased changed since it was proposed; refuse this order and propose anew"
            )
        for one in plans.recipients(tenant_id, gone, known):
            named = {"request_id": order.request_id, "order_id": order.id}
            obligations.oblige(core, tenant_id, "erase", one, subject_id=order.subject_id, **named)
        self._answers = _answers(core, order, gone, known)
        now = core.clock()
        done = {"state": EXECUTED, "decided_by": self.actor, "decided_at": now, "executed_at": now}
        quick.update(models.ErasureOrder, {"id": order.id}, done)

    def after(self, erased: erasure.Erased) -> None:
        """The person's answer, with their receipt; where nobody asked it waits to be handed over."""
        core, tenant_id, order = self.core, self.order.tenant_id, self.order
        quick.update(models.ErasureOrder, {"id": order.id}, {"log_index": erased.log_index})
        if self._answers:
            owed = obligations.outstanding(tenant_id, order_id=order.id)
            receipt = json.dumps({name: erased.receipt[name] for name in ("index", "salt", "payload")})
            values = {"gone": "all", "remains": "recipients" if owed else "here", "receipt": receipt}
            for to, language in self._answers:
                more = {"language": language, "request_id": order.request_id}
                queue.queue(core, tenant_id, "erased", to, values=values, **more)
        else:
            raw = json.dumps(erasure.with_proof(core, tenant_id, erased))
            sealed = core.keys.seal(tenant_id, raw.encode(), **_place(order.id))
            quick.update(models.ErasureOrder, {"id": order.id}, {"receipt_sealed": sealed})
        if order.request_id is not None:
            by_erasure.erased(core, tenant_id, order.request_id, self.actor)
        said = {"order": order.id, "request": order.request_id}
        body = {**said, "proposed_by": order.proposed_by, "entry": erased.log_index}
        acts.record(core, tenant_id, "erasure.approved", self.actor, **body)

    def leaf(self) -> dict[str, object]:
        """Who the two were. Who runs the machine can be anybody there: what was done by the command line, as
        somebody or as nobody, shows no second person."""
        first = "adopted" if self.order.adopted_by else "proposed"
        ways = {first: bool(self.order.by_command_line), "approved": self.by_command_line}
        by_hand = [act for act, way in ways.items() if way]
        said = {"order": self.order_id, **adopting.behind(self.order)}
        more = {"by_command_line": by_hand} if by_hand else {}
        return {"two_people": self.two and not by_hand, **said, **more}


def _answers(
    core: Core, order: models.ErasureOrder, gone: Sequence[models.DataSubject], known: Identifiers
) -> list[tuple[str, str]]:
    """Where the person hears of it: at every address that was on file when they asked, for those are theirs; at
    the one they asked from where there is none."""
    request = quick.get(models.RightsRequest, id=order.request_id) if order.request_id else None
    if request is None:
        return []
    asked = intake.requester(core, request).get("email")
    addresses = open_requests.on_file(core, request, gone, known) or ([str(asked)] if asked else [])
    return [(one, str(request.language)) for one in addresses]


def _place(order_id: str) -> dict[str, str]:
    return {"table": "erasure_orders", "column": "receipt_sealed", "row_id": order_id}


__all__ = ["State", "approve", "get", "hand_over", "listing", "propose", "refuse"]
