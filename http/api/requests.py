"""``/api/v1/rights-requests``. Lists name nobody; one request shows who asked and what they wrote."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from ...engine.platforms.base import Person
from ...engine.rights import intake
from ...engine.rights.types import RequestState, RequestType
from ...engine.services import acts
from ...engine.services import requests as service
from ...engine.store import models
from .operation import Call
from .values import Date, Id, Line, Listed, Moment, Nothing, Paging, Prose, Shape


class Requester(Shape):
    """Who asks; at least one of the three."""

    email: Line | None = None
    phone: Line | None = None
    name: Line | None = None


class NewRequest(Shape):
    """A request as it came in."""

    type: RequestType
    subject: Requester
    jurisdiction: Annotated[Line | None, Field(description="EU, DE, GB, US-CA, …; else the tenant's")] = None
    received_at: Annotated[Moment | None, Field(description="now, where it is left out")] = None
    details: Prose | None = None


class ClockStep(Shape):
    """One date, what happens on it, why then, and the law that says so."""

    date: Date
    what: str
    why: str
    citation: str


class RightsRequest(Shape):
    """A request as lists show it. ``due`` is null only before the workflow has read a row from plain SQL."""

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


class RightsRequestRecord(RightsRequest):
    """One request with who asked and what they wrote, in the clear."""

    subject: Requester
    details: str


class RightsRequestPage(Listed[RightsRequest]):
    """Rights requests, newest first."""


class RequestQuery(Paging):
    """In one state, or in all."""

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
    return RightsRequest.model_validate(_values(row))


def listing(call: Call[RequestQuery, Nothing]) -> RightsRequestPage:
    """Newest first."""
    query = call.query
    page = service.listing(call.tenant_id, state=query.state, limit=query.limit, cursor=query.cursor)
    items = [RightsRequest.model_validate(_values(row)) for row in page.rows]
    return RightsRequestPage(items=items, next_cursor=page.next_cursor)


def show(call: Call[Nothing, Nothing]) -> RightsRequestRecord:
    """One."""
    row = service.get(call.tenant_id, call.id)
    actor = call.caller.actor
    acts.people_read(call.core, call.tenant_id, actor, "rights_request", [row.subject_id], request=row.id)
    who = intake.requester(call.core, row)
    known = {name: who.get(name) for name in Requester.model_fields}
    details = service.details_of(call.core, row)
    return RightsRequestRecord.model_validate({**_values(row), "subject": known, "details": details})


def _values(row: models.RightsRequest) -> dict[str, object]:
    return {name: getattr(row, name) for name in RightsRequest.model_fields}
