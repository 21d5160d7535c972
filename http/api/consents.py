"""``/api/v1/consents``: what holds, and every statement that led there."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ...engine.access.roles import Permission
from ...engine.services.pages import Order
from ...engine.services.subjects import consent_receipts as receipts
from ...engine.services.subjects import consents as service
from ...engine.store import models
from .operation import Call, Operation, get, post
from .values import Id, Line, Listed, Moment, Nothing, Paging, Shape, place_in


class Statement(Shape):
    """One statement; ``evidence`` holds the platform's own words."""

    id: Id
    state: str
    source: str
    evidence: Any
    event_id: Id | None
    occurred_at: Moment
    recorded_at: Moment


class Consent(Shape):
    """What holds for one purpose and channel. The first of ``history`` is the statement that made it so."""

    subject_id: Id
    purpose: str
    channel: str
    state: str
    source: str
    occurred_at: Moment
    history: list[Statement]


class ConsentPage(Listed[Consent]):
    """Consents, newest statement first."""


class ConsentQuery(Paging):
    """Of one data subject, or of all."""

    cursor: Annotated[str | None, place_in("consents", Order.NUMBER)] = None
    subject_id: Id | None = None


class NewStatement(Shape):
    """What a person said to the data controller itself."""

    subject_id: Id
    purpose: Line
    channel: Literal["email", "sms", "all"]
    state: Literal["granted", "denied", "withdrawn"]
    occurred_at: Annotated[Moment | None, Field(description="now, where it is left out")] = None


class Stated(Shape):
    """``stale`` means that what holds is newer, or as new and more private; ``state`` is what holds now."""

    outcome: Literal["recorded", "stale"]
    subject_id: Id
    purpose: str
    channel: str
    state: str
    occurred_at: Moment


def state(call: Call[Nothing, NewStatement]) -> Stated:
    """Take a statement in, and have every platform told that knows the person."""
    body = call.body
    done = service.state(
        call.core,
        call.tenant_id,
        body.subject_id,
        body.purpose,
        body.channel,
        body.state,
        actor=call.caller.actor,
        source="api",
        occurred_at=body.occurred_at,
    )
    held = done.current
    return Stated.model_validate(
        {
            "outcome": done.outcome,
            "subject_id": body.subject_id,
            "purpose": body.purpose,
            "channel": body.channel,
            "state": held.state if held else body.state,
            "occurred_at": held.occurred_at if held else body.occurred_at,
        }
    )


class ReceiptQuery(Shape):
    """Whose."""

    subject_id: Id


class Receipt(Shape):
    """``note`` is the signed document itself, ``receipt`` what it says, ``vkeys`` the keys that signed it."""

    receipt: dict[str, Any]
    note: str
    vkeys: list[str]


def receipt(call: Call[ReceiptQuery, Nothing]) -> Receipt:
    """Every statement of one person, signed."""
    made = receipts.issue(call.core, call.tenant_id, call.query.subject_id, call.caller.actor)
    return Receipt(receipt=made.document, note=made.note, vkeys=made.vkeys)


def listing(call: Call[ConsentQuery, Nothing]) -> ConsentPage:
    """Current state with history."""
    query = call.query
    page = service.listing(
        call.tenant_id, subject_id=query.subject_id, limit=query.limit, cursor=query.cursor
    )
    items = [
        Consent(
            subject_id=row.current.subject_id,
            purpose=row.current.purpose,
            channel=row.current.channel,
            state=row.current.state,
            source=row.current.source,
            occurred_at=row.current.occurred_at,
            history=[_statement(one) for one in row.history],
        )
        for row in page.rows
    ]
    return ConsentPage(items=items, next_cursor=page.next_cursor)


def _statement(row: models.Consent) -> Statement:
    return Statement(
        id=row.id,
        state=row.state,
        source=row.source,
        evidence=row.evidence,
        event_id=row.event_id,
        occurred_at=row.occurred_at,
        recorded_at=row.recorded_at,
    )


OPERATIONS: tuple[Operation, ...] = (
    get(
        "/consents", Permission.LOOK, listing, "List consents with their history",
        query=ConsentQuery, answer=ConsentPage,
    ),
    post(
        "/consents", Permission.RECORD, state, "State what a person agreed to or withdrew",
        body=NewStatement, answer=Stated,
    ),
    get(
        "/consents/receipt", Permission.READ_PEOPLE, receipt, "Show a data subject's signed consent receipt",
        query=ReceiptQuery, answer=Receipt,
    ),
)  # fmt: skip
