"""``/api/v1/erasure-orders``: one person proposes to erase somebody, another approves it.

None of it names anybody: ids and counts.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from ...engine.access.roles import Permission
from ...engine.erasing import certificate as certificates
from ...engine.erasing import orders, plans
from ...engine.erasing.erasure import Reason
from ...engine.erasing.orders import State
from ...engine.services.pages import Order
from ...engine.store import models
from .operation import Call, Operation, get, post
from .values import Flag, Id, Line, Listed, Moment, Nothing, Paging, Shape, at_least_one, place_in

_SOME = {"type": "string"}


class OrderQuery(Paging):
    """In one state, or in all."""

    cursor: Annotated[str | None, place_in("erasure_orders", Order.TIME)] = None
    state: State | None = None


class NewOrder(Shape):
    """For a data subject, or for who made a request for erasure (GDPR Art. 17(1) says the reasons)."""

    model_config = ConfigDict(json_schema_extra=at_least_one(subject_id=_SOME, request_id=_SOME))

    subject_id: Id | None = None
    request_id: Id | None = None
    reason: Reason = "request"
    with_account: Annotated[bool, Field(description="also the account they sign in with here")] = False


class Refusal(Shape):
    """Why not."""

    reason: Line


class Step(Shape):
    """Something in the way: what, and of which request."""

    code: str
    why: str
    request_id: Id | None = None


class Remaining(Shape):
    """What stays, why, and until when."""

    what: str
    why: str
    until: str


class Recipient(Shape):
    """Who is told, and how: by ``api``, or ``by_hand``. ``ids`` is how many they know the person by."""

    platform: str
    connector_id: Id
    how: str
    ids: int
    when: str
    keeps: str


class Where(Shape):
    """Tables here, recipients elsewhere."""

    tables: list[str]
    recipients: list[Recipient]


class Deadline(Shape):
    """When the request is due."""

    request_id: Id
    due: str | None


class Plan(Shape):
    """What erasing would do; ``what`` counts rows by kind, ``warnings`` are requests that end with it."""

    subject_id: Id
    reason: str
    with_account: bool
    what: dict[str, int]
    where: Where
    deadline: Deadline | None
    blocked: list[Step]
    warnings: list[Step] = Field(default_factory=list)
    remains: list[Remaining]


class ErasureOrder(Shape):
    """``certified`` is null, preliminary (recipients still owe something), or final. ``adopted_by`` is the
    person who approved first what a key of nobody's proposed: it stays proposed until another one approves."""

    id: Id
    subject_id: Id
    request_id: Id | None
    state: str
    reason: str
    with_account: bool
    proposed_by: str
    proposed_at: Moment
    adopted_by: str | None
    adopted_at: Moment | None
    decided_by: str | None
    decided_at: Moment | None
    executed_at: Moment | None
    log_index: int | None
    certified: str | None


class ErasureOrderRecord(ErasureOrder):
    """One order with the plan that is, or was, decided on."""

    plan: Plan


class ErasureOrderPage(Listed[ErasureOrder]):
    """Orders, newest first."""


class Certificate(Shape):
    """A signed note (C2SP signed-note), to be checked offline."""

    state: str
    note: str


class Receipt(Shape):
    """The person's: with it alone the log's entry can be shown to be about them."""

    index: int
    salt: str
    payload: dict[str, str]
    proof: str


class PlanQuery(Shape):
    """How it would be proposed."""

    request_id: Id | None = None
    reason: Reason = "request"
    with_account: Flag = False


def plan(call: Call[PlanQuery, Nothing]) -> Plan:
    """The dry run."""
    query = call.query
    made = plans.plan(
        call.core,
        call.tenant_id,
        call.id,
        request_id=query.request_id,
        reason=query.reason,
        with_account=query.with_account,
    )
    return Plan.model_validate(made)


def propose(call: Call[Nothing, NewOrder]) -> ErasureOrderRecord:
    """Put one before somebody else."""
    wish = call.body
    row = orders.propose(
        call.core,
        call.tenant_id,
        call.caller.actor,
        subject_id=wish.subject_id,
        request_id=wish.request_id,
        reason=wish.reason,
        with_account=wish.with_account,
    )
    return _record(row)


def approve(call: Call[Nothing, Nothing]) -> ErasureOrderRecord:
    """Another person's yes, which executes it; the first of two where nobody stands behind the proposal."""
    return _record(orders.approve(call.core, call.tenant_id, call.id, call.caller.actor))


def refuse(call: Call[Nothing, Refusal]) -> ErasureOrderRecord:
    """A no."""
    return _record(orders.refuse(call.core, call.tenant_id, call.id, call.caller.actor, call.body.reason))


def listing(call: Call[OrderQuery, Nothing]) -> ErasureOrderPage:
    """Newest first."""
    query = call.query
    page = orders.listing(call.tenant_id, state=query.state, limit=query.limit, cursor=query.cursor)
    items = [ErasureOrder.model_validate(_values(row, ErasureOrder)) for row in page.rows]
    return ErasureOrderPage(items=items, next_cursor=page.next_cursor)


def show(call: Call[Nothing, Nothing]) -> ErasureOrderRecord:
    """One."""
    return _record(orders.get(call.tenant_id, call.id))


def certificate(call: Call[Nothing, Nothing]) -> Certificate:
    """The newest."""
    note = certificates.current(call.core, call.tenant_id, call.id)
    return Certificate(state=str(orders.get(call.tenant_id, call.id).certified), note=note)


def receipt(call: Call[Nothing, Nothing]) -> Receipt:
    """Once."""
    return Receipt.model_validate(orders.hand_over(call.core, call.tenant_id, call.id, call.caller.actor))


def _record(row: models.ErasureOrder) -> ErasureOrderRecord:
    return ErasureOrderRecord.model_validate({**_values(row, ErasureOrder), "plan": row.plan})


def _values(row: Any, shape: type[Shape]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in shape.model_fields}


LOOK, ERASE = Permission.LOOK, Permission.ERASE

OPERATIONS: tuple[Operation, ...] = (
    get(
        "/data-subjects/{id}/erasure-plan", ERASE, plan, "Say what erasing a data subject would do",
        query=PlanQuery, answer=Plan,
    ),
    post(
        "/erasure-orders", ERASE, propose, "Propose to erase a data subject",
        body=NewOrder, answer=ErasureOrderRecord, status=201,
    ),
    get(
        "/erasure-orders", LOOK, listing, "List orders to erase",
        query=OrderQuery, answer=ErasureOrderPage,
    ),
    get(
        "/erasure-orders/{id}", LOOK, show, "Show an order to erase",
        query=Nothing, answer=ErasureOrderRecord,
    ),
    post(
        # A transaction of its own, which may begin again; afterwards the files are cleaned.
        "/erasure-orders/{id}/approve", ERASE, approve, "Approve another's order, and execute it",
        body=Nothing, answer=ErasureOrderRecord, atomic=False,
    ),
    post(
        "/erasure-orders/{id}/refuse", ERASE, refuse, "Refuse an order to erase",
        body=Refusal, answer=ErasureOrderRecord,
    ),
    get(
        "/erasure-orders/{id}/certificate", LOOK, certificate, "Get the certificate of an erasure",
        query=Nothing, answer=Certificate,
    ),
    post(
        "/erasure-orders/{id}/receipt", ERASE, receipt, "Take the person's receipt, once",
        body=Nothing, answer=Receipt, shown_once="salt",
    ),
)  # fmt: skip
