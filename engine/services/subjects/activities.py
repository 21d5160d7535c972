"""Processing activities: what was done with whose data, why, and on which legal basis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

from ... import notices
from ...core import Core
from ...errors import Invalid, NotFound, NotThere
from ...identity import did
from ...lookups import there
from ...rights import limits
from ...store import models
from .. import acts
from ..pages import Page, newest
from . import subjects

LegalBasis = Literal[
    "consent",
    "contract",
    "legal_obligation",
    "vital_interests",
    "public_task",
    "legitimate_interests",
    "unspecified",
]
"""GDPR Art. 6(1)(a) to (f); ``unspecified`` where only the operator can know, or another law applies."""


def record(
    core: Core,
    tenant_id: str,
    actor: str,
    *,
    activity_type: str,
    legal_basis: str,
    purpose: str,
    fields: Sequence[str] = (),
    subject_id: str | None = None,
    occurred_at: datetime | None = None,
) -> models.ProcessingActivity:
    """Write an activity down; its registration starts with the commit. ``fields`` names what was used.

    One that the data subject had put an end to is recorded as it was, says so in its leaf, and people hear of
    it. Raises Invalid for an unknown legal basis, NotThere for a data subject that isn't this tenant's.
    """
    if legal_basis not in get_args(LegalBasis):
        raise Invalid("legal_basis", f"unknown; allowed are {', '.join(get_args(LegalBasis))}")
    if subject_id is not None:
        _require_subject(tenant_id, subject_id)
    limit = _disregarded(subject_id, purpose, legal_basis)
    row = models.ProcessingActivity(
        id=core.new_id(),
        tenant_id=tenant_id,
        subject_id=subject_id,
        activity_type=activity_type,
        legal_basis=legal_basis,
        purpose=purpose,
        fields=list(fields),
        source="api",
        occurred_at=occurred_at or core.clock(),
        created_at=core.clock(),
        registration_state="pending",
    )
    with core.store.transaction():
        row.save(force_insert=True)
        _write_down(core, row, actor, limit)
    core.bell.set()
    return row


def _write_down(core: Core, row: models.ProcessingActivity, actor: str, limit: str | None) -> None:
    """The entry of an activity that a program reported, and the notice where a limit was disregarded."""
    body = {"activity": did_of(core, row)} | ({"despite": limit} if limit else {})
    acts.record(core, row.tenant_id, "processing_activity.recorded", actor, None, (), **body)
    if limit:
        notices.limit_disregarded(core, row.tenant_id, limit, row.id)


def listing(
    tenant_id: str, *, subject_id: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[models.ProcessingActivity]:
    """Newest first, of one data subject or of all. Raises NotFound for a foreign data subject."""
    if subject_id is not None:
        subjects.get(tenant_id, subject_id)
    at = models.ProcessingActivity.created_at
    return newest(tenant_id, at, limit=limit, cursor=cursor, subject_id=subject_id)


def get(tenant_id: str, activity_id: str) -> models.ProcessingActivity:
    """One activity. Raises NotFound."""
    return there(
        models.ProcessingActivity.get_or_none(id=activity_id, tenant_id=tenant_id),
        "no such processing activity",
    )


def did_of(core: Core, activity: models.ProcessingActivity) -> str:
    """The activity's DID, which follows from its id before the registration writes it down."""
    return activity.did or did.derive(activity.id, core.did_method)


def _disregarded(subject_id: str | None, purpose: str, legal_basis: str) -> str | None:
    """The kind of the limit that such an activity goes against. A restriction lets only storage happen, and
    what the person agrees to (GDPR Art. 18(2))."""
    held = limits.of([subject_id]).get(subject_id, limits.NONE) if subject_id else limits.NONE
    forbidden = held.forbids(purpose, legal_basis)
    if forbidden is not None:
        return str(forbidden.kind)
    return limits.RESTRICTION if held.restricted and legal_basis != "consent" else None


def _require_subject(tenant_id: str, subject_id: str) -> None:
    try:
        subjects.get(tenant_id, subject_id)
    except NotFound:
        raise NotThere("subject_id", "no such data subject") from None
