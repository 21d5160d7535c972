"""``/api/v1/processing-activities``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

from pydantic import BeforeValidator, Field

from ...engine.core import Core
from ...engine.services.audit import anchored
from ...engine.services.pages import Order
from ...engine.services.subjects import activities as service
from ...engine.services.subjects.activities import LegalBasis
from ...engine.store import models
from .operation import Call
from .values import Id, Line, Listed, LogIndex, Moment, Nothing, Paging, Shape, place_in

_SINGULAR = {"vital_interest": "vital_interests", "legitimate_interest": "legitimate_interests"}


def _legal_basis(value: object) -> object:
    """As people write it: any case, spaces or hyphens, one interest or several."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower().replace(" ", "_").replace("-", "_")
    return _SINGULAR.get(text, text)


class NewActivity(Shape):
    """What was done. ``fields`` names the kinds of data that were used, never their values."""

    subject_id: Id | None = None
    activity_type: Line
    legal_basis: Annotated[LegalBasis, BeforeValidator(_legal_basis)]
    purpose: Line
    fields: Annotated[list[Line], Field(max_length=200, default_factory=list)]
    occurred_at: Annotated[Moment | None, Field(description="now, where it is left out")] = None


class AnchorState(Shape):
    """How far a chain has the root that covers an activity; null where nothing is anchored."""

    state: Annotated[str, Field(json_schema_extra={"enum": ["logged", "anchored", "confirmed"]})]
    chain_id: LogIndex | None
    tx: str | None
    block: LogIndex | None
    confirmations: LogIndex | None


class RegistrationState(Shape):
    """Where the activity stands in the tenant's log."""

    state: Annotated[str, Field(json_schema_extra={"enum": ["pending", "queued", "registered", "failed"]})]
    log_index: LogIndex | None
    tree_size: LogIndex | None
    anchor: AnchorState | None


class Activity(Shape):
    """A processing activity."""

    id: Id
    did: str
    subject_id: Id | None
    activity_type: str
    legal_basis: str
    purpose: str
    fields: list[str]
    source: str
    occurred_at: Moment
    created_at: Moment
    registration: RegistrationState


class ActivityPage(Listed[Activity]):
    """Processing activities, newest first."""


class ActivityQuery(Paging):
    """Of one data subject, or of all."""

    cursor: Annotated[str | None, place_in("data_processing_activities", Order.TIME)] = None
    subject_id: Id | None = None


def record(call: Call[Nothing, NewActivity]) -> Activity:
    """Write one down."""
    body = call.body
    row = service.record(
        call.core,
        call.tenant_id,
        call.caller.actor,
        activity_type=body.activity_type,
        legal_basis=body.legal_basis,
        purpose=body.purpose,
        fields=body.fields,
        subject_id=body.subject_id,
        occurred_at=body.occurred_at,
    )
    return _shapes(call.core, [row])[0]


def listing(call: Call[ActivityQuery, Nothing]) -> ActivityPage:
    """Newest first."""
    query = call.query
    page = service.listing(
        call.tenant_id, subject_id=query.subject_id, limit=query.limit, cursor=query.cursor
    )
    return ActivityPage(items=_shapes(call.core, page.rows), next_cursor=page.next_cursor)


def show(call: Call[Nothing, Nothing]) -> Activity:
    """One."""
    return _shapes(call.core, [service.get(call.tenant_id, call.id)])[0]


def registration(row: models.ProcessingActivity, found: anchored.Anchored | None) -> RegistrationState:
    """Where a row stands in the log, and on the chain."""
    values = {"state": row.registration_state, "log_index": row.log_index, "tree_size": row.tree_size}
    return RegistrationState.model_validate(values | {"anchor": None if found is None else asdict(found)})


def names_of(fields: object) -> list[str]:
    """Names of the data used, whatever JSON plain SQL may have put there."""
    return [str(name) for name in fields] if isinstance(fields, list | dict) else []


def _shapes(core: Core, rows: Sequence[models.ProcessingActivity]) -> list[Activity]:
    found = anchored.of_activities(rows)
    return [_shape(core, row, found.get(row.id)) for row in rows]


def _shape(core: Core, row: models.ProcessingActivity, found: anchored.Anchored | None) -> Activity:
    return Activity(
        id=row.id,
        did=service.did_of(core, row),
        subject_id=row.subject_id,
        activity_type=row.activity_type,
        legal_basis=row.legal_basis,
        purpose=row.purpose,
        fields=names_of(row.fields),
        source=row.source,
        occurred_at=row.occurred_at,
        created_at=row.created_at,
        registration=registration(row, found),
    )
