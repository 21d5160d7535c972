"""Who is meant by a data subject, and by what they are known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import unquote

from ..core import Core
from ..errors import Invalid
from ..identity import normalise
from ..identity.linkage import Identifier
from ..identity.linkage import identifiers as identifiers_of
from ..identity.profiles import person_from
from ..platforms.base import Person
from ..store import models
from ..store.each import of_each
from .mentions import Identifiers


def family(subject: models.DataSubject) -> list[models.DataSubject]:
    """The subject and everybody merged into them, however long ago."""
    found, new, row = [subject], [subject], models.DataSubject

    def merged_into(one: str) -> Any:
        return row.select().where(row.tenant_id == subject.tenant_id, row.merged_into == one)

    while new:
        new = list(of_each([one.id for one in new], merged_into))
        found += new
    return found


def identifiers(core: Core, people: Sequence[models.DataSubject]) -> Identifiers:
    """All that is known of them, from their profiles and from what stands sealed beside their links."""
    emails, phones, ids = set[str](), set[str](), set[tuple[str, str]]()
    region = models.DataController.get_by_id(people[0].tenant_id).region
    for subject in people:
        for person in _persons(core, subject):
            emails |= {person.email} if person.email else set()
            phones |= {normalise.phone(person.phone, region) or person.phone} if person.phone else set()
            ids |= {(scope, value.strip()) for scope, value in person.external_ids if value.strip()}
    return Identifiers(frozenset(emails), frozenset(phones), frozenset(ids))


def held(ids: Sequence[str]) -> bool:
    """Whether a legal hold is in force over any of them."""
    row = models.LegalHold
    return row.select().where(row.subject_id.in_(list(ids)), row.lifted_at.is_null()).exists()


def marks(tenant_id: str, known: Identifiers) -> list[Identifier]:
    """By what they would be known again; what can't be normalised finds nobody."""
    region = models.DataController.get_by_id(tenant_id).region
    persons = [
        *(Person(email=one) for one in sorted(known.emails)),
        *(Person(phone=one) for one in sorted(known.phones)),
        *(Person(external_ids=(one,)) for one in sorted(known.ids)),
    ]
    return [one for person in persons for one in identifiers_of(person, region)]


def _persons(core: Core, subject: models.DataSubject) -> Iterable[Person]:
    if subject.intake is not None:
        try:
            yield person_from(subject.intake)
        except Invalid:  # what plain SQL wrote there names nobody whom anybody could look for
            yield Person()
    if subject.key_wrapped is None:
        return
    yield person_from(core.subjects.profile(subject))
    key, link = core.subjects.profiles.key(subject), models.DataSubjectLink
    for row in link.select().where(link.subject_id == subject.id):
        value = (core.subjects.links.value(row, key) or b"").decode("utf-8", "surrogatepass")
        if row.field == "external_id":
            quoted = value.removeprefix(f"{row.scope.strip()}:")
            yield Person(external_ids=((row.scope, unquote(quoted)),))
        elif row.field == "email":
            yield Person(email=value)
        else:
            yield Person(phone=value)
