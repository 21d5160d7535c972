"""Who is meant by a data subject, and by what they are known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, unquote_plus

from ..core import Core
from ..identity.profiles import person_from
from ..platforms.base import Person
from ..store import models

_SHORTEST_ID = 5
"""Characters of an external id that is looked for in bodies: shorter ones stand in every second text."""


@dataclass(frozen=True, slots=True)
class Identifiers:
    """What to look for in a body. ``ids`` are pairs of scope and id."""

    emails: frozenset[str]
    phones: frozenset[str]
    ids: frozenset[tuple[str, str]]

    def named_in(self, body: bytes, source: str) -> bool:
        """Whether a body (JSON or a form) of this source names the person. Spelled as people type it."""
        text = body.decode("utf-8", "replace")
        spelled = f"{text}\n{unquote_plus(text)}".lower()
        return any(pattern.search(spelled) for pattern in self._patterns(source))

    def _patterns(self, source: str) -> Iterable[re.Pattern[str]]:
        for email in self.emails:
            yield re.compile(rf"(?<![\w.+-]){re.escape(email.lower())}(?![\w-])")
        for phone in self.phones:
            yield re.compile(r"(?<!\d)" + r"[^\w]{0,3}".join(phone) + r"(?!\d)")
        for scope, value in self.ids:
            if source in scope.split(":") and len(value) >= _SHORTEST_ID:
                yield re.compile(rf"(?<![\w-]){re.escape(value.lower())}(?![\w-])")


def family(subject: models.DataSubject) -> list[models.DataSubject]:
    """The subject and everybody merged into them, however long ago."""
    found, row = [subject], models.DataSubject
    new = found
    while new:
        ids = [one.id for one in new]
        new = list(row.select().where(row.tenant_id == subject.tenant_id, row.merged_into.in_(ids)))
        found += new
    return found


def identifiers(core: Core, people: Sequence[models.DataSubject]) -> Identifiers:
    """All that is known of them, from their profiles and from what stands sealed beside their links."""
    emails, phones, ids = set[str](), set[str](), set[tuple[str, str]]()
    for subject in people:
        for person in _persons(core, subject):
            emails |= {person.email} if person.email else set()
            phones |= {_national(person.phone)} if person.phone else set()
            ids |= set(person.external_ids)
    return Identifiers(frozenset(emails), frozenset(phones - {""}), frozenset(ids))


def _persons(core: Core, subject: models.DataSubject) -> Iterable[Person]:
    if subject.intake is not None:
        yield person_from(subject.intake)
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


def _national(phone: str) -> str:
    """The digits by which a number is found however its beginning is dialled; none of a short one."""
    digits = re.sub(r"\D", "", phone)
    return digits[-9:] if len(digits) >= 9 else ""
