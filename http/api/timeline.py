"""``/api/v1/data-subjects/{id}/timeline``: all that happened to one person's data."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from ...engine.core import Core
from ...engine.erasing.people import family
from ...engine.services.audit import anchored
from ...engine.services.pages import Order
from ...engine.services.subjects import activities as activity_service
from ...engine.services.subjects import subjects
from ...engine.services.subjects import timeline as service
from .activities import RegistrationState, names_of, registration
from .operation import PREFIX, Call
from .values import Date, Id, Listed, Moment, Nothing, Paging, Shape, place_in


class TimelineQuery(Paging):
    """A page of it."""

    cursor: Annotated[str | None, place_in("timeline", Order.TIME)] = None


class EventEntry(Shape):
    """Something came in, or changed in the database."""

    at: Moment
    kind: Literal["event"]
    id: Id
    source: str
    topic: str
    workflow: str
    step: str
    state: str


class ConsentEntry(Shape):
    """A statement about consent."""

    at: Moment
    kind: Literal["consent"]
    id: Id
    source: str
    purpose: str
    channel: str
    state: str


class RequestEntry(Shape):
    """The person asked for something."""

    at: Moment
    kind: Literal["rights_request"]
    id: Id
    source: str
    type: str
    state: str
    due: Date | None


class ActivityEntry(Shape):
    """The person's data was processed. ``proof`` is where the proof of its registration is."""

    at: Moment
    kind: Literal["processing_activity"]
    id: Id
    did: str
    source: str
    activity_type: str
    legal_basis: str
    purpose: str
    fields: list[str]
    registration: RegistrationState
    proof: str | None


Entry = Annotated[EventEntry | ConsentEntry | RequestEntry | ActivityEntry, Field(discriminator="kind")]
_PLAIN: dict[str, type[EventEntry | ConsentEntry | RequestEntry]] = {
    "event": EventEntry,
    "consent": ConsentEntry,
    "rights_request": RequestEntry,
}


class Timeline(Listed[Entry]):
    """What happened, newest first."""


def show(call: Call[TimelineQuery, Nothing]) -> Timeline:
    """Newest first, with what happened to the data of those who were merged into them."""
    people = [one.id for one in family(subjects.get(call.tenant_id, call.id))]
    page = service.of_people(call.tenant_id, people, limit=call.query.limit, cursor=call.query.cursor)
    activities = [entry.row for entry in page.rows if entry.kind == "processing_activity"]
    found = anchored.of_activities(activities)
    items = [_shape(call.core, entry, found.get(entry.row.id)) for entry in page.rows]
    return Timeline(items=items, next_cursor=page.next_cursor)


def _shape(core: Core, entry: service.Entry, found: anchored.Anchored | None) -> Any:
    """The entry in the shape of its kind, whose fields are named as the row's columns are."""
    row = entry.row
    if entry.kind != "processing_activity":
        shape = _PLAIN[entry.kind]
        columns = {name: getattr(row, name) for name in shape.model_fields if name not in ("at", "kind")}
        return shape.model_validate({"at": entry.at, "kind": entry.kind, **columns})
    return ActivityEntry(
        at=entry.at,
        kind="processing_activity",
        id=row.id,
        did=activity_service.did_of(core, row),
        source=row.source,
        activity_type=row.activity_type,
        legal_basis=row.legal_basis,
        purpose=row.purpose,
        fields=names_of(row.fields),
        registration=registration(row, found),
        proof=_proof(row.log_index, row.tree_size),
    )


def _proof(index: int | None, size: int | None) -> str | None:
    return None if index is None else f"{PREFIX}/audit/proofs/inclusion?index={index}&size={size}"
