"""``/api/v1/data-subjects``. Lists name nobody; one person's record shows the stored profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Discriminator, Field, Tag, model_validator

from ...engine.platforms.base import Person
from ...engine.rights import limits as rights_limits
from ...engine.services.pages import Order
from ...engine.services.subjects import consents as consent_service
from ...engine.services.subjects import subjects as service
from ...engine.store import models
from .limits import Limit
from .limits import values as limit_values
from .operation import Call
from .values import (
    Email,
    Id,
    Line,
    Listed,
    Moment,
    Nothing,
    Paging,
    Phone,
    Shape,
    at_least_one,
    exactly_one,
    named_by_line,
    place_in,
)

_LARGEST = 10**30 - 1


def _as_text(value: object) -> object:
    """Many platforms number their records: an integer is taken for its decimal digits, and so is 42.0, which
    is one in JSON."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LARGEST:
        return value
    if int(value) == value:
        return str(int(value))
    return value


def _or_integer(schema: dict[str, Any]) -> None:
    text = dict(schema)
    schema.clear()
    schema["anyOf"] = [text, {"type": "integer", "minimum": -_LARGEST, "maximum": _LARGEST}]


ExternalId = Annotated[Line, BeforeValidator(_as_text), Field(json_schema_extra=_or_integer)]
ExternalIds = Annotated[dict[Line, ExternalId], Field(max_length=50, json_schema_extra=named_by_line)]
OneExternalId = Annotated[
    dict[Line, ExternalId], Field(min_length=1, max_length=1, json_schema_extra=named_by_line)
]
NamedId = Annotated[
    Annotated[ExternalId, Tag("alone")] | Annotated[OneExternalId, Tag("scoped")],
    Discriminator(lambda value: "scoped" if isinstance(value, dict) else "alone"),
]
_TEXT, _SOME = {"type": "string"}, {"type": "object", "minProperties": 1}


class NewSubject(Shape):
    """Identifiers of one person and what they are called; at least one identifier."""

    model_config = ConfigDict(json_schema_extra=at_least_one(email=_TEXT, phone=_TEXT, external_ids=_SOME))

    email: Email | None = None
    phone: Annotated[Phone | None, Field(description="E.164, or as dialled in the tenant's country")] = None
    name: Annotated[Line | None, Field(description="stored, never matched")] = None
    external_ids: Annotated[
        ExternalIds, Field(description="scope to id, as shopify to 7064055", default_factory=dict)
    ]


class SubjectQuery(Paging):
    """A page of them."""

    cursor: Annotated[str | None, place_in("data_subjects", Order.TIME)] = None


class SubjectEntered(Shape):
    """``created`` is false when the person was known."""

    id: Id
    did: str
    created: bool


class SubjectItem(Shape):
    """A data subject as lists show it; ``links`` names the kinds of identifiers."""

    id: Id
    did: str | None
    state: str
    created_at: Moment
    links: list[str]


class SubjectPage(Listed[SubjectItem]):
    """Data subjects, newest first."""


class Profile(Shape):
    """What is stored of the person, in the clear."""

    email: str | None = None
    phone: str | None = None
    name: str | None = None
    external_ids: Annotated[dict[str, str], Field(default_factory=dict)]


class ConsentState(Shape):
    """What holds for one purpose and channel."""

    purpose: str
    channel: str
    state: str
    source: str
    occurred_at: Moment


class SubjectCounts(Shape):
    """How much is recorded; ``consents`` counts purposes and channels."""

    events: int
    processing_activities: int
    consents: int
    rights_requests: int


class SubjectRecord(SubjectItem):
    """Everything stored of one person."""

    updated_at: Moment
    merged_into: Id | None
    profile: Profile
    consents: list[ConsentState]
    limits: list[Limit]
    counts: SubjectCounts


_ONE_ID = {"type": ["string", "integer", "object"]}


class Lookup(Shape):
    """Exactly one identifier. ``external_id`` is ``{scope: id}``, ``"scope:id"``, or the id alone."""

    model_config = ConfigDict(json_schema_extra=exactly_one(email=_TEXT, phone=_TEXT, external_id=_ONE_ID))

    email: Email | None = None
    phone: Phone | None = None
    external_id: NamedId | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [value for value in (self.email, self.phone, self.external_id) if value is not None]
        if len(given) != 1:
            raise ValueError("exactly one of email, phone, external_id is needed")
        return self


def enter(call: Call[Nothing, NewSubject]) -> SubjectEntered:
    """Match or create."""
    body = call.body
    person = Person(body.email, body.phone, body.name, tuple(body.external_ids.items()))
    subject, created = service.enter(call.core, call.tenant_id, person, call.caller.actor)
    return SubjectEntered.model_validate({"id": subject.id, "did": subject.did, "created": created})


def listing(call: Call[SubjectQuery, Nothing]) -> SubjectPage:
    """All, newest first."""
    page = service.listing(call.tenant_id, limit=call.query.limit, cursor=call.query.cursor)
    links = service.link_kinds(call.tenant_id, [row.id for row in page.rows])
    items = [SubjectItem.model_validate(_item(row, links[row.id])) for row in page.rows]
    return SubjectPage(items=items, next_cursor=page.next_cursor)


def show(call: Call[Nothing, Nothing]) -> SubjectRecord:
    """One person."""
    return _record(call, service.get(call.tenant_id, call.id))


def lookup(call: Call[Nothing, Lookup]) -> SubjectRecord:
    """One person by an identifier. A POST, so that identifiers stay out of addresses and their logs."""
    body = call.body
    if isinstance(body.external_id, str):
        found = service.find_external(call.core, call.tenant_id, body.external_id)
    else:
        person = Person(body.email, body.phone, None, tuple((body.external_id or {}).items()))
        found = service.find(call.core, call.tenant_id, person)
    return _record(call, found)


def _item(row: models.DataSubject, links: list[str]) -> dict[str, object]:
    return {
        "id": row.id,
        "did": row.did,
        "state": row.state,
        "created_at": row.created_at,
        "links": links,
    }


def _record(call: Call[Nothing, Nothing] | Call[Nothing, Lookup], row: models.DataSubject) -> SubjectRecord:
    found = service.overview(call.core, row, call.caller.actor)
    current = consent_service.current_of(call.tenant_id, row.id)
    values = {
        **_item(row, found.links),
        "updated_at": row.updated_at,
        "merged_into": row.merged_into,
        "profile": _profile(found.profile),
        "consents": [{name: getattr(one, name) for name in ConsentState.model_fields} for one in current],
        "limits": [limit_values(one) for one in rights_limits.of_subject(row).rows],
        "counts": found.counts,
    }
    return SubjectRecord.model_validate(values)


def _profile(stored: Mapping[str, object]) -> dict[str, object]:
    """As texts, whatever plain SQL once put in."""
    texts: dict[str, object] = {
        name: str(stored[name]) for name in ("email", "phone", "name") if stored.get(name) is not None
    }
    external = stored.get("external_ids")
    if isinstance(external, dict):
        texts["external_ids"] = {str(scope): str(value) for scope, value in external.items()}
    return texts
