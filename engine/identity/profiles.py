"""What is known of a person, sealed under a key of their own: deleting the key forgets the person."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from ..errors import Invalid, PermanentError
from ..moments import Clock
from ..platforms.base import Person
from ..store import models
from . import vault
from .keys import KeyRing, Link


@dataclass(frozen=True, slots=True)
class Profiles:
    """Opens, seals and updates profiles: ``{"email", "phone", "name", "external_ids": {scope: id}}``."""

    keys: KeyRing
    clock: Clock

    def read(self, subject: models.DataSubject) -> dict[str, object]:
        """The profile in the clear; empty for a subject that has none yet, or no longer."""
        if subject.profile_sealed is None or subject.key_wrapped is None:
            return {}
        key = self.keys.subject_key(subject.tenant_id, subject.id, subject.key_wrapped)
        place = _place(subject.tenant_id, subject.id)
        profile: dict[str, object] = json.loads(vault.unseal(key, subject.profile_sealed, place=place))
        return profile

    def key(self, subject: models.DataSubject) -> bytes:
        """The subject's data key, made where plain SQL left none. Raises PermanentError for somebody erased:
        what has no key can't be sealed again."""
        if subject.key_wrapped is not None:
            return self.keys.subject_key(subject.tenant_id, subject.id, subject.key_wrapped)
        if subject.state == "erased":
            raise PermanentError("this data subject was erased")
        key, subject.key_wrapped = self.keys.new_subject_key(subject.tenant_id, subject.id)
        subject.save(only=["key_wrapped"])
        return key

    def first(self, tenant_id: str, subject_id: str, person: Person) -> tuple[bytes, bytes, bytes]:
        """``(data key, key_wrapped, profile_sealed)`` of a new subject."""
        key, wrapped = self.keys.new_subject_key(tenant_id, subject_id)
        return key, wrapped, _seal(key, tenant_id, subject_id, merged({}, person))

    def lay_over(self, subject: models.DataSubject, person: Person) -> bool:
        """Let the person's words win over the profile's; False when it already said so."""
        return self._write(subject, merged(self.read(subject), person))

    def fill_in(self, subject: models.DataSubject, person: Person) -> bool:
        """Add only what the profile doesn't say; False when there was nothing to add."""
        return self._write(subject, merged(merged({}, person), person_from(self.read(subject))))

    def replace(self, subject: models.DataSubject, profile: dict[str, object]) -> bool:
        """Let the profile say this and nothing else; False when it already did."""
        return self._write(subject, profile)

    def _write(self, subject: models.DataSubject, profile: dict[str, object]) -> bool:
        if profile == self.read(subject):
            return False
        subject.profile_sealed = _seal(self.key(subject), subject.tenant_id, subject.id, profile)
        subject.updated_at = self.clock()
        subject.save(only=["profile_sealed", "updated_at"])
        return True


def merged(profile: dict[str, object], person: Person) -> dict[str, object]:
    """``profile`` with whatever ``person`` says laid over it; what the person doesn't say stays."""
    result = dict(profile)
    for name, value in (("email", person.email), ("phone", person.phone), ("name", person.name)):
        if value:
            result[name] = value
    known = result.get("external_ids")
    external = dict(known) if isinstance(known, dict) else {}
    external.update(dict(person.external_ids))
    if external:
        result["external_ids"] = external
    return result


def own(person: Person, subject_id: str, links: Sequence[Link], owners: Mapping[str, str]) -> Person:
    """What is said of a subject, without identifiers that are somebody else's: until a person decides, and
    after they decided that the two are two, nobody's profile shows the other's address. ``links`` are the
    person's, ``owners`` says whose they are."""
    foreign = {(one.field, one.scope) for one in links if owners.get(one.link, subject_id) != subject_id}
    return replace(
        person,
        email=None if ("email", "") in foreign else person.email,
        phone=None if ("phone", "") in foreign else person.phone,
        external_ids=tuple(one for one in person.external_ids if ("external_id", one[0]) not in foreign),
    )


def person_from(values: object) -> Person:
    """A Person from loose values: email, phone, name, external_ids {scope: id}. Raises Invalid."""
    if not isinstance(values, dict):
        raise Invalid("intake", "must be an object with email, phone, name or external_ids")
    external = values.get("external_ids") or {}
    if not isinstance(external, dict):
        raise Invalid("external_ids", "must be an object of scope and id")
    texts = {name: values.get(name) for name in ("email", "phone", "name")}
    for name, value in texts.items():
        if value is not None and not isinstance(value, str):
            raise Invalid(name, "must be a text")
    pairs = tuple((str(scope), str(value)) for scope, value in external.items())
    return Person(texts["email"], texts["phone"], texts["name"], pairs)


def _seal(key: bytes, tenant_id: str, subject_id: str, profile: dict[str, object]) -> bytes:
    text = json.dumps(profile, ensure_ascii=False)
    return vault.seal(key, 1, text.encode(), place=_place(tenant_id, subject_id))


def _place(tenant_id: str, subject_id: str) -> str:
    return vault.place("data_subjects", "profile_sealed", tenant_id, subject_id)
