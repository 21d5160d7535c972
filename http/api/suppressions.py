"""``/api/v1/suppressions``: marks that keep erased people out. They name nobody."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field

from ...engine.access.roles import Permission
from ...engine.platforms.base import Person
from ...engine.services.pages import Order
from ...engine.services.rights import suppressions as service
from ...engine.store import models
from .operation import Call, Operation, get, post
from .values import Email, Id, Line, Listed, Moment, Nothing, Paging, Shape, at_least_one, place_in

_SOME = {"type": "string"}


class SuppressionQuery(Paging):
    """Of one order, or all."""

    cursor: Annotated[str | None, place_in("suppressions", Order.TIME)] = None
    order_id: Id | None = None


class Suppression(Shape):
    """A mark that keeps somebody out. ``hits`` counts how often."""

    id: Id
    field: str
    order_id: Id | None
    reason: str
    created_at: Moment
    lifted_at: Moment | None
    lifted_by: str | None
    hits: int


class SuppressionPage(Listed[Suppression]):
    """Marks, newest first."""


class Lift(Shape):
    """Who came back on their own, by a mark or by an identifier; and why it is believed."""

    model_config = ConfigDict(
        json_schema_extra=at_least_one(
            suppression_id=_SOME, email=_SOME, phone=_SOME, external_id={"type": "object", "minProperties": 1}
        )
    )

    suppression_id: Id | None = None
    email: Email | None = None
    phone: Line | None = None
    external_id: Annotated[dict[Line, Line] | None, Field(max_length=1)] = None
    reason: Line


class Lifted(Shape):
    """How many marks hold no more."""

    lifted: int


def listing(call: Call[SuppressionQuery, Nothing]) -> SuppressionPage:
    """Newest first."""
    query = call.query
    page = service.listing(call.tenant_id, order_id=query.order_id, limit=query.limit, cursor=query.cursor)
    return SuppressionPage.of(page, _shape)


def lift(call: Call[Nothing, Lift]) -> Lifted:
    """Let somebody in again."""
    wish = call.body
    ids = tuple((wish.external_id or {}).items())
    count = service.lift(
        call.core,
        call.tenant_id,
        call.caller.actor,
        wish.reason,
        suppression_id=wish.suppression_id,
        person=Person(wish.email, wish.phone, None, ids),
    )
    return Lifted(lifted=count)


def _shape(row: models.Suppression) -> Suppression:
    return Suppression.model_validate({name: getattr(row, name) for name in Suppression.model_fields})


LOOK, ERASE = Permission.LOOK, Permission.ERASE

OPERATIONS: tuple[Operation, ...] = (
    get(
        "/suppressions", LOOK, listing, "List marks that keep erased people out",
        query=SuppressionQuery, answer=SuppressionPage,
    ),
    post(
        "/suppressions/lift", ERASE, lift, "Let somebody in again who came back on their own",
        body=Lift, answer=Lifted,
    ),
)  # fmt: skip
