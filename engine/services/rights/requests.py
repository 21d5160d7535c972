"""Rights requests as their queue shows them, and how one comes in by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from peewee import SQL

from ...core import Core
from ...errors import Invalid
from ...identity import normalise
from ...identity.profiles import person_from
from ...lookups import identifier, there
from ...platforms.base import Person
from ...rights import intake
from ...rights.intake import Entry
from ...store import models
from ...store.each import of_each
from .. import acts
from ..pages import Page, newest

# What the intake and the clock call their arguments, and what callers do.
_CALLERS_NAMES = {"received": "received_at", "country": "jurisdiction"}


def create(
    core: Core,
    tenant_id: str,
    actor: str,
    type: str,
    person: Person,
    *,
    jurisdiction: str | None = None,
    received_at: datetime | None = None,
    details: str = "",
    entry: Entry | None = None,
) -> models.RightsRequest:
    """Put a request in the queue with its legal clock, which the tenant's jurisdiction sets unless another is
    given. ``entry`` is the door it came through: the API unless another is given. Raises Invalid, naming the
    field as callers know it."""
    if person.email and normalise.email(person.email) is None:
        raise Invalid("subject.email", "not an e-mail address")
    try:
        with core.store.transaction():
            request = intake.create(
                core,
                tenant_id,
                type,
                person,
                jurisdiction=jurisdiction,
                received_at=received_at,
                details=details,
                entry=entry,
            )
            leaf = {"request": request.id, "type": request.type, "regime": request.regime}
            acts.record(
                core, tenant_id, "rights_request.created", actor, subjects=[request.subject_id], **leaf
            )
    except Invalid as error:
        raise error.__class__(_CALLERS_NAMES.get(error.field, error.field), error.detail) from error
    core.bell.set()
    return request


def create_for(
    core: Core, subject: models.DataSubject, type: str, details: str, actor: str
) -> models.RightsRequest:
    """The same for somebody on file, who asked at the desk: by what their profile says. Raises Invalid for
    an unknown type, and where the profile says nothing by which they could be told of the answer."""
    person, entry = person_from(core.subjects.profile(subject)), Entry(source="desk")
    return create(core, subject.tenant_id, actor, type, person, details=details, entry=entry)


def open_of(subject_ids: Sequence[str], *, limit: int = 50) -> list[models.RightsRequest]:
    """Those of these people that are open, the first due on top."""
    row = models.RightsRequest
    query = of_each(
        subject_ids, lambda one: row.select().where(row.subject_id == one, row.closed_at.is_null())
    )
    return list(query.order_by(SQL("due"), SQL("id")).limit(limit))


def listing(
    tenant_id: str, *, state: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[models.RightsRequest]:
    """Newest first, in one state or in all."""
    return newest(tenant_id, models.RightsRequest.created_at, limit=limit, cursor=cursor, state=state)


def get(tenant_id: str, request_id: str) -> models.RightsRequest:
    """One request. Raises NotFound."""
    missing = "no such rights request"
    wanted = identifier(request_id, missing)
    return there(models.RightsRequest.get_or_none(id=wanted, tenant_id=tenant_id), missing)


def details_of(core: Core, request: models.RightsRequest) -> str:
    """What the person wrote, in the clear; empty where nothing came along."""
    if request.details_sealed is None:
        return ""
    raw = core.keys.unseal(
        request.tenant_id,
        request.details_sealed,
        table="rights_requests",
        column="details_sealed",
        row_id=request.id,
    )
    return raw.decode()
