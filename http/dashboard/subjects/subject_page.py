"""The page of one data subject, whatever was done on it: it names nobody unless somebody asked to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ....engine.access.roles import Permission
from ....engine.fulfilment import legal_holds
from ....engine.merging import conflicts, merges, portrait
from ....engine.services.rights import requests
from ....engine.services.subjects import consents, subjects
from ....engine.store import models, quick
from .. import forms, words
from ..answers import Page
from ..screens import Visit
from . import timelines


@dataclass(frozen=True, slots=True)
class Made:
    """A merge, and the other one in it; ``into_this``: this one is the survivor. ``reason`` is empty until
    somebody asked to see who this is: why two people are one is itself about them."""

    row: models.SubjectMerge
    reason: str
    other: models.DataSubject | None
    into_this: bool


def get(visit: Visit) -> models.DataSubject:
    """The data subject of this address. Raises NotFound."""
    return subjects.get(visit.tenant_id, identifier(visit.path["subject_id"]))


def identifier(text: str) -> str:
    """An id as the tables spell it. Raises NotFound for what is none."""
    return forms.identifier(text, "data subject")


def page(
    visit: Visit,
    subject: models.DataSubject,
    *,
    revealed: Mapping[str, object] | None = None,
    act: str = "",
    refusal: str = "",
) -> Page:
    """The page of one data subject; ``revealed`` is their profile, once that was written down, and ``refusal``
    says why ``act`` wasn't done."""
    drawn, holds = portrait.of(subject), legal_holds.of(subject.id)
    reasons = visit.may(Permission.ERASE) and revealed is not None
    values = {
        "subject": subject,
        "drawn": drawn,
        "standing": consents.listing(visit.tenant_id, subject_id=subject.id).rows,
        "holds": holds,
        "reasons": {hold.id: legal_holds.reason_of(visit.core, hold) for hold in holds if reasons},
        "open_requests": requests.open_of(drawn.people),
        "conflicts": conflicts.of(subject.id),
        "merges": _merges_of(visit, subject, told=revealed is not None),
        "into": quick.get(models.DataSubject, id=subject.merged_into, tenant_id=visit.tenant_id),
        "timeline": timelines.of(visit, drawn.people),
        "revealed": None if revealed is None else {name: one for name, one in revealed.items() if one},
        "covered": subject.profile_sealed is not None,
        "ended": subject.state in ("erased", "merged"),
        **_form(visit, act, refusal),
    }
    return Page("subjects/subject.html", values, 422 if refusal else 200)


def _form(visit: Visit, act: str, refusal: str) -> dict[str, object]:
    """What the page's forms are made of, and whom they are offered to."""
    return {
        "act": act,
        "refusal": refusal,
        "chosen": visit.form,
        "reason_length": legal_holds.REASON_LENGTH,
        "types": words.REQUEST_TYPES,
        "may_reveal": visit.may(Permission.READ_PEOPLE),
        "may_hold": visit.may(Permission.ERASE),
        "may_merge": visit.may(Permission.HANDLE_REQUESTS),
        "may_record": visit.may(Permission.RECORD),
    }


def _merges_of(visit: Visit, subject: models.DataSubject, *, told: bool) -> list[Made]:
    """Merges that people made into or of somebody, the newest first."""
    found = merges.of(visit.core, subject.id)
    ids = {one for made in found for one in (made.row.kept_id, made.row.gone_id)}
    known = quick.by_ids(models.DataSubject, ids, tenant_id=visit.tenant_id)
    return [_made(made, made.reason if told else "", subject, known) for made in found]


def _made(
    made: merges.Merge, reason: str, subject: models.DataSubject, known: Mapping[str, models.DataSubject]
) -> Made:
    into_this = made.row.kept_id == subject.id
    other = known.get(made.row.gone_id if into_this else made.row.kept_id)
    return Made(made.row, reason, other, into_this)
