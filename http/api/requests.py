"""``/api/v1/rights-requests``. Lists name nobody; one request shows who asked and what they wrote."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from ...engine.desk import moves
from ...engine.platforms.base import Person
from ...engine.rights import intake
from ...engine.rights.types import RequestState, RequestType, jurisdictions
from ...engine.services import acts
from ...engine.services.pages import Order
from ...engine.services.rights import requests as service
from ...engine.store import models
from .operation import Call
from .values import (
    Date,
    Email,
    Id,
    Line,
    Listed,
    Moment,
    Nothing,
    Paging,
    Prose,
    Shape,
    at_least_one,
    place_in,
)

_SOME = {"type": "string"}


def _jurisdictions(schema: dict[str, Any]) -> None:
    """The closed list; made when somebody asks for the document, because it takes a second."""
    schema["anyOf"][0] = {"enum": jurisdictions()}


Jurisdiction = Annotated[
    Line | None,
    Field(description="in any case; else the tenant's", json_schema_extra=_jurisdictions),
]


class Requester(Shape):
    """Who asks, as far as they said."""

    email: Email | None = None
    phone: Line | None = None
    name: Line | None = None


class Asking(Requester):
    """Who asks, as a request comes in; at least one of the three."""

    model_config = ConfigDict(json_schema_extra=at_least_one(email=_SOME, phone=_SOME, name=_SOME))


class NewRequest(Shape):
    """A request as it came in."""

    type: RequestType
    subject: Asking
    jurisdiction: Jurisdiction = None
    received_at: Annotated[Moment | None, Field(description="now, where it is left out")] = None
    details: Prose | None = None


class ClockStep(Shape):
    """One date, what happens on it, why then, and the law that says so."""

    date: Date
    what: str
    why: str
    citation: str


class RightsRequest(Shape):
    """A request as lists show it. ``due`` is null only before the workflow has read a row from plain SQL;
    ``actions`` are those that its state allows."""

    id: Id
    type: str
    state: str
    regime: str
    jurisdiction: str
    source: str
    subject_id: Id | None
    received_at: Moment
    acknowledge_by: Date | None
    due: Date | None
    clock: list[ClockStep]
    created_at: Moment
    language: str
    verified_at: Moment | None
    verified_by: str | None
    acknowledged_at: Moment | None
    extended_at: Moment | None
    responded_at: Moment | None
    closed_at: Moment | None
    decision: str | None
    denial_reason: str | None
    duplicate_of: Id | None
    actions: list[str]


class RightsRequestRecord(RightsRequest):
    """One request with who asked and what they wrote, in the clear."""

    subject: Requester
    details: str


class RightsRequestPage(Listed[RightsRequest]):
    """Rights requests, newest first."""


class RequestQuery(Paging):
    """In one state, or in all."""

    cursor: Annotated[str | None, place_in("rights_requests", Order.TIME)] = None
    state: RequestState | None = None


def create(call: Call[Nothing, NewRequest]) -> RightsRequest:
    """Put one in the queue."""
    body = call.body
    row = service.create(
        call.core,
        call.tenant_id,
        call.caller.actor,
        body.type,
        Person(body.subject.email, body.subject.phone, body.subject.name),
        jurisdiction=body.jurisdiction,
        received_at=body.received_at,
        details=body.details or "",
    )
    return shaped(row)


def listing(call: Call[RequestQuery, Nothing]) -> RightsRequestPage:
    """Newest first."""
    query = call.query
    page = service.listing(call.tenant_id, state=query.state, limit=query.limit, cursor=query.cursor)
    return RightsRequestPage.of(page, shaped)


def show(call: Call[Nothing, Nothing]) -> RightsRequestRecord:
    """One."""
    row = service.get(call.tenant_id, call.id)
    actor = call.caller.actor
    acts.people_read(call.core, call.tenant_id, actor, "rights_request", [row.subject_id], request=row.id)
    who = intake.requester(call.core, row)
    known = {name: who.get(name) for name in Requester.model_fields}
    details = service.details_of(call.core, row)
    return RightsRequestRecord.model_validate({**values(row), "subject": known, "details": details})


def shaped(row: models.RightsRequest) -> RightsRequest:
    """A row as lists show it."""
    return RightsRequest.model_validate(values(row))


def values(row: models.RightsRequest) -> dict[str, object]:
    """A row by the names that lists have."""
    told = {name: getattr(row, name) for name in RightsRequest.model_fields if name != "actions"}
    return {**told, "actions": [act.replace("_", "-") for act in moves.allowed(row)]}
