"""A data subject as pages show it without naming anybody: by which kinds of identifiers it is known, where,
since when, and how much is recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..erasing.people import family
from ..rights import limits
from ..services.subjects import consents, subjects
from ..store import models
from ..store.each import of_each

MOST = 1000
"""More rows of one kind aren't counted on."""

_COUNTED: dict[str, Any] = {
    "events": models.Event,
    "activities": models.ProcessingActivity,
    "consents": models.Consent,
    "requests": models.RightsRequest,
}


@dataclass(frozen=True, slots=True)
class Portrait:
    """``people`` are the ids of the subject and of everybody merged into it; ``counts`` are theirs. ``sources``
    maps where it is known from to the newest time that was heard of it there, as text, the newest first."""

    subject: models.DataSubject
    people: tuple[str, ...]
    links: list[str]
    sources: dict[str, str]
    counts: dict[str, int]
    consents: list[models.ConsentCurrent]
    limits: tuple[models.SubjectLimit, ...]


def of(subject: models.DataSubject) -> Portrait:
    """One data subject; a fixed number of queries."""
    people = [one.id for one in family(subject)]
    heard = {str(name): str(at) for name, at in dict(subject.sources).items()}
    return Portrait(
        subject,
        tuple(people),
        subjects.link_kinds(subject.tenant_id, [subject.id])[subject.id],
        dict(sorted(heard.items(), key=lambda one: one[1], reverse=True)),
        {name: _count(model, people) for name, model in _COUNTED.items()},
        consents.current_of(subject.tenant_id, subject.id),
        limits.of_subject(subject).rows,
    )


def _count(model: Any, people: Sequence[str]) -> int:
    mine = of_each(people, lambda one: model.select(model.id).where(model.subject_id == one))
    return int(mine.limit(MOST).count())
