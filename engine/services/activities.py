"""Processing activities: what was done with whose data, why, and on which legal basis."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal, get_args

from ..core import Core
from ..errors import Invalid, NotFound
from ..identity import did
from ..store import models
from . import acts, subjects
from .pages import Page, by_time

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

    Raises Invalid for an unknown legal basis or a data subject that isn't this tenant's.
    """
    if legal_basis not in get_args(LegalBasis):
        raise Invalid("legal_basis", f"unknown; allowed are {', '.join(get_args(LegalBasis))}")
    if subject_id is not None:
        _require_subject(tenant_id, subject_id)
    activity_id, now = core.new_id(), core.clock()
    with core.store.transaction():
        activity = models.ProcessingActivity.create(
            id=activity_id,
            tenant_id=tenant_id,
            subject_id=subject_id,
            activity_type=activity_type,
            legal_basis=legal_basis,
            purpose=purpose,
            fields=list(fields),
            source="api",
            occurred_at=occurred_at or now,
            created_at=now,
            registration_state="pending",
            force_insert=True,
        )
        acts.record(core, tenant_id, "processing_activity.recorded", actor, activity=did_of(core, activity))
    core.bell.set()
    return activity


def listing(
    tenant_id: str, *, subject_id: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[models.ProcessingActivity]:
    """Newest first, of one data subject or of all. Raises NotFound for a foreign data subject."""
    activity = models.ProcessingActivity
    query = activity.select().where(activity.tenant_id == tenant_id)
    if subject_id is not None:
        subjects.get(tenant_id, subject_id)
        query = query.where(activity.subject_id == subject_id)
    return by_time(query, activity.created_at, activity.id, limit=limit, cursor=cursor)


def get(tenant_id: str, activity_id: str) -> models.ProcessingActivity:
    """One activity. Raises NotFound."""
    activity = models.ProcessingActivity.get_or_none(id=activity_id, tenant_id=tenant_id)
    if activity is None:
        raise NotFound("no such processing activity")
    return activity


def did_of(core: Core, activity: models.ProcessingActivity) -> str:
    """The activity's DID, which follows from its id before the registration writes it down."""
    return activity.did or did.derive(activity.id, core.did_method)


def _require_subject(tenant_id: str, subject_id: str) -> None:
    try:
        subjects.get(tenant_id, subject_id)
    except NotFound:
        raise Invalid("subject_id", "no such data subject") from None
