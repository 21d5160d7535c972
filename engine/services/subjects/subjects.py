"""Data subjects as people and programs ask for them: match or create, look up, list, show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ... import notices
from ...core import Core
from ...errors import Conflict, Invalid, NotFound, Unfit
from ...identity import normalise
from ...identity.linkage import identifiers
from ...identity.subjects import Match, Origin
from ...lookups import identifier, there
from ...platforms.base import Person
from ...rights import limits, suppression
from ...store import models, quick
from ...store.each import of_each
from .. import acts
from ..pages import Page, newest

SOURCE = "api"

_ERASED = "this person was erased here; lift the suppression if they came back on their own"
_COUNTED = {
    "events": models.Event,
    "processing_activities": models.ProcessingActivity,
    "consents": models.ConsentCurrent,
    "rights_requests": models.RightsRequest,
}


@dataclass(frozen=True, slots=True)
class Overview:
    """What is stored of one person. ``profile`` is in the clear; ``links`` names kinds of identifiers only."""

    subject: models.DataSubject
    profile: dict[str, object]
    links: list[str]
    counts: dict[str, int]


def enter(core: Core, tenant_id: str, person: Person, actor: str) -> tuple[models.DataSubject, bool]:
    """The data subject these identifiers belong to, and whether it was created now.

    What is new about the person is added. Identifiers of two data subjects are noticed, never merged. Raises
    Invalid when there is no identifier or one that isn't what its name says, Unfit for a telephone number
    that no numbering plan has, and Conflict for somebody who was erased here or whose data may only be stored.
    """
    if person.nameless:
        raise Invalid("email", "at least one of email, phone, external_ids is needed")
    region = _check(tenant_id, person)
    with core.store.transaction():
        found, subject = _matched(core, tenant_id, person, region)
        if found.conflicts:
            notices.link_conflict(core, tenant_id, found.conflicts, ("data_subject", subject.id))
        # No id of the subject: a leaf is for ever, and an id is a pseudonym.
        kinds = sorted({link.field for link in core.subjects.links.of(tenant_id, person, region)})
        acts.record(core, tenant_id, f"data_subject.{found.outcome}", actor, identifiers=kinds)
    core.bell.set()
    return subject, found.outcome == "created"


def _matched(
    core: Core, tenant_id: str, person: Person, region: str | None
) -> tuple[Match, models.DataSubject]:
    """Who is matched or created, unless they were erased: before, or since that was looked up."""
    known, origin = identifiers(person, region), Origin(tenant_id, SOURCE, None, None)
    if suppression.suppressed(core, tenant_id, {"": known}):
        raise Conflict(_ERASED)
    found = core.subjects.match(origin, person, create=True, region=region, held=limits.restricts)
    if found.outcome == "limited":
        raise Conflict(
            "processing is restricted for this data subject; until that is lifted, nothing changes"
        )
    if found.subject is None:
        raise Conflict(f"this person could not be matched ({found.outcome})")
    if found.outcome == "created" and suppression.holds(core, tenant_id, known):
        raise Conflict(_ERASED)
    return found, found.subject


def get(tenant_id: str, subject_id: str) -> models.DataSubject:
    """One data subject. Raises NotFound."""
    return there(models.DataSubject.get_or_none(id=subject_id, tenant_id=tenant_id), "no such data subject")


def named(tenant_id: str, name: str) -> models.DataSubject:
    """The data subject of this id or DID. Raises NotFound."""
    text = name.strip().lower()
    row = quick.get(models.Did, did=text, tenant_id=tenant_id, kind="data_subject")
    missing = "no data subject has this id or DID"
    return get(tenant_id, row.entity_id if row is not None else identifier(text, missing))


def find(core: Core, tenant_id: str, person: Person) -> models.DataSubject:
    """Whom one identifier belongs to, changing nothing. Raises NotFound, and Invalid for an unreadable one."""
    found = core.subjects.find(tenant_id, person, _check(tenant_id, person))
    return there(found, "no data subject has this identifier")


def find_external(core: Core, tenant_id: str, text: str) -> models.DataSubject:
    """Whom a platform's id belongs to: ``scope:id``, or the id alone where only one scope knows it.

    Raises NotFound, and Conflict when several data subjects have it in different scopes.
    """
    found = {}
    for scope in _scopes(tenant_id):
        prefix = f"{scope}:"
        for value in {text, text.removeprefix(prefix)} - {""}:
            subject = core.subjects.find(tenant_id, Person(external_ids=((scope, value),)))
            if subject is not None:
                found[subject.id] = subject
    if len(found) > 1:
        raise Conflict('several data subjects have this id in different scopes; give {"scope": "id"}')
    if not found:
        raise NotFound("no data subject has this identifier")
    return found.popitem()[1]


def listing(tenant_id: str, *, limit: int = 50, cursor: str | None = None) -> Page[models.DataSubject]:
    """Newest first."""
    return newest(tenant_id, models.DataSubject.created_at, limit=limit, cursor=cursor)


def count(tenant_id: str, *, most: int) -> int:
    """How many there are; more than ``most`` aren't counted on."""
    subject = models.DataSubject
    return int(subject.select(subject.id).where(subject.tenant_id == tenant_id).limit(most).count())


def link_kinds(tenant_id: str, subject_ids: Sequence[str]) -> dict[str, list[str]]:
    """Which kinds of identifiers each of these data subjects is known by, in alphabetical order."""
    link = models.DataSubjectLink

    def of(subject_id: str) -> Any:
        kind = link.select(link.subject_id, link.field)
        return kind.where(link.tenant_id == tenant_id, link.subject_id == subject_id)

    kinds: dict[str, set[str]] = {subject_id: set() for subject_id in subject_ids}
    for row in of_each(kinds, of) if kinds else ():
        kinds[row.subject_id].add(row.field)
    return {subject_id: sorted(found) for subject_id, found in kinds.items()}


def overview(core: Core, subject: models.DataSubject, actor: str) -> Overview:
    """What is stored of one person, once it is written down that ``actor`` reads it; the profile is empty
    before it is sealed and after it is erased."""
    acts.people_read(core, subject.tenant_id, actor, "data_subject", [subject.id])
    return Overview(
        subject,
        core.subjects.profile(subject),
        link_kinds(subject.tenant_id, [subject.id])[subject.id],
        {name: _count(model, subject) for name, model in _COUNTED.items()},
    )


def _count(model: Any, subject: models.DataSubject) -> int:
    query = model.select().where(model.tenant_id == subject.tenant_id, model.subject_id == subject.id)
    return int(query.count())


def _check(tenant_id: str, person: Person) -> str | None:
    """Refuse identifiers that could never match, and return the region local telephone numbers are read in."""
    region: str | None = models.DataController.get_by_id(tenant_id).region
    if person.email is not None and normalise.email(person.email) is None:
        raise Invalid("email", "not an e-mail address")
    if person.phone is not None and normalise.phone(person.phone, region) is None:
        where = f"{region} or +" if region else "+"
        raise Unfit("phone", f"no such telephone number; write it as dialled in {where}<country code>…")
    if any(not scope.strip() or not value.strip() for scope, value in person.external_ids):
        raise Invalid("external_ids", "scope and id must not be blank")
    return region


def _scopes(tenant_id: str) -> list[str]:
    link = models.DataSubjectLink
    query = link.select(link.scope).where(link.tenant_id == tenant_id, link.field == "external_id")
    return [row.scope for row in query.distinct()]
