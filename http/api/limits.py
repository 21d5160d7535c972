"""``/api/v1/data-subjects/{id}/limits``: what may not be done with somebody's data any more."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from ...engine.access.roles import Permission
from ...engine.fulfilment import limiting as service
from ...engine.store import models
from .operation import Call, Operation, post
from .values import Id, Line, Moment, Nothing, Shape

Kind = Literal[
    "restriction",
    "objection",
    "sale_opt_out",
    "sensitive_limit",
    "tracking_opt_out",
    "automated_decision_opt_out",
]
_PURPOSE = Field(description="narrows an objection; no other limit has one")


class NewLimit(Shape):
    """A limit as somebody at the desk puts it in force."""

    kind: Kind
    purpose: Annotated[Line | None, _PURPOSE] = None
    request_id: Id | None = None


class Limit(Shape):
    """One that is in force. ``purpose`` is empty unless an objection is about one."""

    id: Id
    kind: str
    purpose: str
    request_id: Id | None
    began_at: Moment


class Lifting(Shape):
    """Which one ends. ``informed``: the person was told before, as GDPR Art. 18(3) asks for a restriction."""

    kind: Kind
    purpose: Annotated[Line | None, _PURPOSE] = None
    informed: StrictBool = False


class Lifted(Shape):
    """``released`` is how many deliveries go on that a restriction had held."""

    released: int


def place(call: Call[Nothing, NewLimit]) -> Limit:
    """Put one in force."""
    body = call.body
    row = service.put(
        call.core,
        call.tenant_id,
        call.id,
        body.kind,
        body.purpose or "",
        body.request_id,
        call.caller.actor,
    )
    return Limit.model_validate(values(row))


def lift(call: Call[Nothing, Lifting]) -> Lifted:
    """Take one out of force."""
    body, actor = call.body, call.caller.actor
    released = service.lift(
        call.core, call.tenant_id, call.id, body.kind, body.purpose or "", actor, informed=body.informed
    )
    return Lifted(released=released)


def values(row: models.SubjectLimit) -> dict[str, object]:
    """A row as ``Limit`` has it."""
    return {name: getattr(row, name) for name in Limit.model_fields}


_HANDLE, _PATH = Permission.HANDLE_REQUESTS, "/data-subjects/{id}/limits"
OPERATIONS: tuple[Operation, ...] = (
    post(
        _PATH,
        _HANDLE,
        place,
        "Limit what may be done with a data subject's data",
        body=NewLimit,
        answer=Limit,
    ),
    post(f"{_PATH}/lift", _HANDLE, lift, "Lift a limit", body=Lifting, answer=Lifted),
)
