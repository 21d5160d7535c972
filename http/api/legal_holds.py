"""``/api/v1/data-subjects/{id}/legal-holds``: what keeps somebody from being erased."""

from __future__ import annotations

from ...engine.access.roles import Permission
from ...engine.errors import NotFound
from ...engine.fulfilment import legal_holds as service
from ...engine.lookups import identifier
from ...engine.store import models
from .events import Reason
from .operation import Call, Operation, get, post
from .values import Id, Moment, Nothing, Shape


class NewLegalHold(Shape):
    """Why the data are needed: kept sealed, shown to nobody whom the hold refuses."""

    reason: Reason


class LegalHold(Shape):
    """In force while ``lifted_at`` is null."""

    id: Id
    subject_id: Id
    placed_by: str
    placed_at: Moment
    lifted_by: str | None
    lifted_at: Moment | None


class LegalHoldRecord(LegalHold):
    """A hold with its reason, in the clear."""

    reason: str


class LegalHoldList(Shape):
    """All that are or were on one person, oldest first."""

    items: list[LegalHoldRecord]


def place(call: Call[Nothing, NewLegalHold]) -> LegalHold:
    """Place one."""
    hold = service.place(call.core, call.tenant_id, call.id, call.body.reason, call.caller.actor)
    return LegalHold.model_validate(_values(hold))


def lift(call: Call[Nothing, Nothing]) -> LegalHold:
    """Lift one."""
    hold = service.lift(call.core, call.tenant_id, call.id, _hold_id(call), call.caller.actor)
    return LegalHold.model_validate(_values(hold))


def listing(call: Call[Nothing, Nothing]) -> LegalHoldList:
    """All of one person."""
    return LegalHoldList(items=_records(call))


def show(call: Call[Nothing, Nothing]) -> LegalHoldRecord:
    """One."""
    wanted = _hold_id(call)
    for record in _records(call):
        if record.id == wanted:
            return record
    raise NotFound("no such legal hold")


def _records(call: Call[Nothing, Nothing]) -> list[LegalHoldRecord]:
    found = service.listing(call.core, call.tenant_id, call.id, call.caller.actor)
    return [LegalHoldRecord.model_validate({**_values(hold), "reason": why}) for hold, why in found]


def _hold_id(call: Call[Nothing, Nothing]) -> str:
    return identifier(call.path_values["hold_id"], "no such legal hold")


def _values(hold: models.LegalHold) -> dict[str, object]:
    return {name: getattr(hold, name) for name in LegalHold.model_fields}


_ALL, _ONE = "/data-subjects/{id}/legal-holds", "/data-subjects/{id}/legal-holds/{hold_id}"
OPERATIONS: tuple[Operation, ...] = (
    get(
        _ALL, Permission.ERASE, listing, "List a data subject's legal holds",
        query=Nothing, answer=LegalHoldList,
    ),
    post(
        _ALL, Permission.ERASE, place, "Keep a data subject from being erased",
        body=NewLegalHold, answer=LegalHold, status=201,
    ),
    get(_ONE, Permission.ERASE, show, "Show a legal hold", query=Nothing, answer=LegalHoldRecord),
    post(f"{_ONE}/lift", Permission.ERASE, lift, "Lift a legal hold", body=Nothing, answer=LegalHold),
)  # fmt: skip
