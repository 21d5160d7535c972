"""An erasure on the page of its request: the dry run, two people, the certificate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import falcon

from ....engine.access.roles import Permission
from ....engine.erasing import adopting, orders, persons, plans
from ....engine.errors import CallerError, Conflict, NotFound
from ....engine.rights.types import RequestType
from ....engine.store import models
from .. import words
from ..answers import HEADERS
from ..desk import Desk
from ..forms import identifier
from ..screens import Visit


@dataclass(frozen=True, slots=True)
class Erasure:
    """What the page says of an erasure: the dry run while none was executed, or ``why_not``; the orders so far;
    whether this person may propose and approve at all, and why they may not approve the one that waits; whether
    that one takes two people yet, because nobody stands behind it."""

    plan: dict[str, Any] | None
    why_not: str
    orders: list[models.ErasureOrder]
    may: bool
    own: bool
    not_mine: str
    proposer: str
    takes_two: bool = False

    @property
    def but_account(self) -> bool:
        """Whether nothing but an account here stands in the way, which can go along."""
        return self.plan is not None and {one["code"] for one in self.plan["blocked"]} == {"signs_in_here"}

    @property
    def waiting(self) -> models.ErasureOrder | None:
        """The order that waits for another person."""
        return next((one for one in self.orders if one.state == "proposed"), None)

    @property
    def executed(self) -> models.ErasureOrder | None:
        """The order that was carried out."""
        return next((one for one in self.orders if one.executed_at is not None), None)


def of(visit: Visit, request: models.RightsRequest) -> Erasure | None:
    """None for other rights than erasure."""
    if request.type != RequestType.ERASURE:
        return None
    row = models.ErasureOrder
    mine = row.select().where(row.tenant_id == visit.tenant_id, row.request_id == request.id)
    found = list(mine.order_by(row.proposed_at.desc(), row.id))
    may, actor, tenant_id = visit.may(Permission.ERASE), visit.signed.actor, visit.tenant_id
    waiting = next((one for one in found if one.state == "proposed"), None)
    plan, why_not = _plan(visit, request, with_account=waiting is not None and bool(waiting.with_account))
    if waiting is None:
        return Erasure(plan, why_not, found, may, own=False, not_mine="", proposer="")
    by, at = adopting.proposer(waiting)
    person = persons.person_of(tenant_id, by)
    not_mine = words.sentence(persons.why_not(tenant_id, actor, by, at)) if may else ""
    own, role, two = person == visit.signed.user_id, _role(tenant_id, person), adopting.needed(waiting)
    return Erasure(plan, why_not, found, may, own, not_mine, role, two)


def _role(tenant_id: str, user_id: str | None) -> str:
    """What somebody is here, who may have left."""
    row = models.Membership.get_or_none(tenant_id=tenant_id, user_id=user_id) if user_id else None
    return "" if row is None else words.plain(row.role)


def propose(visit: Visit) -> str | None:
    """Put an order before somebody else; what was wrong, as a sentence, else None."""
    core, tenant_id, actor = visit.core, visit.tenant_id, visit.signed.actor
    request_id, with_account = _request(visit), "with_account" in visit.form
    return _done(
        lambda: orders.propose(core, tenant_id, actor, request_id=request_id, with_account=with_account)
    )


def approve(visit: Visit) -> str | None:
    """Approve another's order, which carries it out."""
    return _done(lambda: orders.approve(visit.core, visit.tenant_id, _order(visit), visit.signed.actor))


def refuse(visit: Visit) -> str | None:
    """Decide against an order."""
    why = visit.form.get("reason", "")
    return _done(lambda: orders.refuse(visit.core, visit.tenant_id, _order(visit), visit.signed.actor, why))


ACTS: dict[str, Callable[[Visit], str | None]] = {
    "propose": propose,
    "approve": approve,
    "refuse": refuse,
}


def perform(visit: Visit) -> str | None:
    """Do what the form says."""
    chosen = ACTS.get(visit.form.get("act", ""))
    return "Choose one of the acts on this page." if chosen is None else chosen(visit)


def _done(act: Callable[[], object]) -> str | None:
    try:
        act()
    except CallerError as error:
        return words.sentence(str(error))
    return None


def _plan(
    visit: Visit, request: models.RightsRequest, *, with_account: bool
) -> tuple[dict[str, Any] | None, str]:
    """The dry run, or why there is none."""
    if request.subject_id is None:
        return None, "Nobody on file matches who asked: there is nothing to erase here."
    if request.closed_at is not None:
        return None, ""
    try:
        about = {"request_id": request.id, "with_account": with_account}
        return plans.plan(visit.core, visit.tenant_id, request.subject_id, **about), ""
    except (Conflict, NotFound) as error:
        return None, words.sentence(str(error))


def _request(visit: Visit) -> str:
    return identifier(visit.path["request_id"], "rights request")


def _order(visit: Visit) -> str:
    return identifier(visit.form.get("order", ""), "order")


@dataclass(frozen=True, slots=True)
class Certificate:
    """``/dashboard/requests/{request_id}/certificate``: the newest that was issued, as a file."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response, request_id: str) -> None:
        """The signed note. Raises NotFound where nobody was erased for this request."""
        row, tenant_id = models.ErasureOrder, req.context.caller.tenant_id
        mine = (row.tenant_id == tenant_id) & (row.request_id == identifier(request_id, "rights request"))
        order = row.select().where(mine, row.certificate.is_null(False)).first()
        if order is None:
            raise NotFound("there is no certificate for this request")
        resp.set_headers(HEADERS)
        resp.content_type = "text/plain; charset=utf-8"
        resp.downloadable_as = f"erased-{order.id[:8]}-{order.certified}.note"
        resp.text = order.certificate

    on_head = on_get
