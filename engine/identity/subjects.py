"""Who a change is about: match a data subject by its links, or create one. Never merge silently.

Identifiers meet only as keyed links. One that is new joins the subject its companions found; two that belong
to two subjects become a conflict for a person to decide, and the stronger one's subject is taken meanwhile:
verified e-mail, then a platform's customer id, then e-mail, then telephone. A telephone alone never joins a
new e-mail to somebody who has another: households share telephones, and a false match would show one person's
data to another. Names never match.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import peewee

from .. import moments
from ..errors import Conflict, Invalid
from ..moments import Clock
from ..platforms.base import Person
from ..store import Store, models, quick
from . import did, normalise, vault
from .keys import KeyRing, Link

_STRENGTH = ("verified_email", "external_id", "email", "phone")
_ATTEMPTS = 4


@dataclass(frozen=True, slots=True)
class Match:
    """``outcome``: matched, created, stale (an older change than one already seen) or unknown (not created)."""

    outcome: str
    subject: models.DataSubject | None
    conflicts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement about a person comes from; ``at`` orders statements of one source."""

    tenant_id: str
    source: str
    event_id: str | None
    at: datetime | None


class Subjects:
    """Matching and profiles of all tenants. Call inside a transaction."""

    def __init__(
        self, store: Store, keys: KeyRing, clock: Clock, new_id: Callable[[], str], did_method: str
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._new_id = new_id
        self._did_method = did_method

    def match(
        self,
        origin: Origin,
        person: Person,
        *,
        create: bool,
        region: str | None = None,
        subject_id: str | None = None,
    ) -> Match:
        """Find the person's subject, adding what is new; or create it when allowed. Safe under races.

        ``subject_id`` is the id a new subject gets, where its row has one of its own elsewhere.
        """
        links = self.links_of(origin.tenant_id, person, region)
        for _ in range(_ATTEMPTS):
            owners = self._owners(origin.tenant_id, links)
            try:
                with self._store.transaction():
                    if owners:
                        return self._join(origin, person, links, owners)
                    if not create or not links:
                        return Match("unknown", None)
                    return Match("created", self.create(origin, person, links, subject_id))
            except peewee.IntegrityError:
                continue
        raise Conflict("this person's links kept changing under us; try again")

    def links_of(self, tenant_id: str, person: Person, region: str | None = None) -> list[Link]:
        """The person's links, strongest first; identifiers that don't normalise give none."""
        found: list[tuple[str, str, str, str]] = []
        email = normalise.email(person.email) if person.email else None
        if email:
            found.append(("verified_email" if person.email_verified else "email", "email", "", email))
        phone = normalise.phone(person.phone, region) if person.phone else None
        if phone:
            found.append(("phone", "phone", "", phone))
        for scope, value in person.external_ids:
            external = normalise.external_id(scope, value)
            if external:
                found.append(("external_id", "external_id", scope, external))
        found.sort(key=lambda entry: _STRENGTH.index(entry[0]))
        return [self._keys.link(tenant_id, field, scope, value) for _, field, scope, value in found]

    def find(self, tenant_id: str, person: Person, region: str | None = None) -> models.DataSubject | None:
        """The subject that the strongest known identifier belongs to, without touching anything."""
        links = self.links_of(tenant_id, person, region)
        owners = self._owners(tenant_id, links)
        owner = next((owners[link.link] for link in links if link.link in owners), None)
        return None if owner is None else models.DataSubject.get_by_id(owner)

    def create(
        self, origin: Origin, person: Person, links: Sequence[Link], subject_id: str | None = None
    ) -> models.DataSubject:
        """A new subject with its DID, key, sealed profile and links. Raises IntegrityError when raced."""
        identifier = did.require_v4(subject_id or self._new_id())
        key, wrapped = self._keys.new_subject_key(origin.tenant_id, identifier)
        now = self._clock()
        subject = models.DataSubject(
            id=identifier,
            tenant_id=origin.tenant_id,
            did=self.claim(identifier, "data_subject", origin.tenant_id),
            key_wrapped=wrapped,
            profile_sealed=_seal_profile(key, origin.tenant_id, identifier, merge_profile({}, person)),
            sources={origin.source: moments.to_text(origin.at)} if origin.at else {},
            state="active",
            created_at=now,
            updated_at=now,
        )
        quick.insert(models.DataSubject, subject.__data__)
        self._insert_links(origin, identifier, links)
        return subject

    def claim(self, entity_id: str, kind: str, tenant_id: str) -> str:
        """Register the entity's DID. Raises Conflict when another entity has it: never overwritten."""
        name = did.derive(entity_id, self._did_method)
        row = {"did": name, "kind": kind, "entity_id": entity_id, "tenant_id": tenant_id}
        if quick.insert(models.Did, {**row, "created_at": self._clock()}, ignore=True) == 0:
            owner = quick.get(models.Did, did=name)
            if owner is None or (owner.kind, owner.entity_id, owner.tenant_id) != (kind, entity_id, tenant_id):
                raise Conflict(f"{name} already names another record")
        return name

    def profile(self, subject: models.DataSubject) -> dict[str, object]:
        """The stored profile in the clear: email, phone, name, external_ids. Empty before it is sealed."""
        if subject.profile_sealed is None or subject.key_wrapped is None:
            return {}
        key = self._keys.subject_key(subject.tenant_id, subject.id, subject.key_wrapped)
        place = vault.place("data_subjects", "profile_sealed", subject.tenant_id, subject.id)
        profile: dict[str, object] = json.loads(vault.unseal(key, subject.profile_sealed, place=place))
        return profile

    def move_links(self, origin: Origin, links: Iterable[Link], taker: str | None, reason: str) -> None:
        """Give links to another subject, or retire them (``taker`` None); the move stays in the history."""
        for link in links:
            row = self._row(origin.tenant_id, link)
            if row is None or row.subject_id == taker:
                continue
            if taker is None:
                row.delete_instance()
            else:
                row.subject_id = taker
                row.save()
            self._remember(
                origin, link.field, link.scope, row.subject_id if taker is None else None, taker, reason
            )

    def merge(self, origin: Origin, kept: models.DataSubject, gone: models.DataSubject) -> None:
        """Move every link, consent in force and activity-to-come of ``gone`` to ``kept``."""
        rows = models.DataSubjectLink.select().where(models.DataSubjectLink.subject_id == gone.id)
        for row in rows:
            self._remember(origin, row.field, row.scope, gone.id, kept.id, "merged at the platform")
            row.subject_id = kept.id
            row.save()
        gone.state = "merged"
        gone.merged_into = kept.id
        gone.updated_at = self._clock()
        gone.save(only=["state", "merged_into", "updated_at"])
        self.update_profile(kept, _person_of(self.profile(gone)), overwrite=False)

    def update_profile(self, subject: models.DataSubject, person: Person, *, overwrite: bool = True) -> bool:
        """Add what the person's body said; False when the profile already said so."""
        before = self.profile(subject)
        update = (
            merge_profile(before, person)
            if overwrite
            else merge_profile(_as_profile(person), _person_of(before))
        )
        if update == before:
            return False
        if subject.key_wrapped is None:
            key, subject.key_wrapped = self._keys.new_subject_key(subject.tenant_id, subject.id)
        else:
            key = self._keys.subject_key(subject.tenant_id, subject.id, subject.key_wrapped)
        subject.profile_sealed = _seal_profile(key, subject.tenant_id, subject.id, update)
        subject.updated_at = self._clock()
        subject.save(only=["key_wrapped", "profile_sealed", "updated_at"])
        return True

    def adopt(
        self, origin: Origin, subject: models.DataSubject, person: Person, region: str | None
    ) -> tuple[str, ...]:
        """Seal what plain SQL left in ``intake`` and link it; returns the fields in conflict."""
        links = self.links_of(origin.tenant_id, person, region)
        conflicts = self._add_links(origin, subject.id, links, self._owners(origin.tenant_id, links))
        self.update_profile(subject, person)
        return conflicts

    def _join(self, origin: Origin, person: Person, links: Sequence[Link], owners: dict[str, str]) -> Match:
        chosen = next(link for link in links if link.link in owners)
        if self._shared_telephone(origin.tenant_id, chosen, links, owners):
            others = [link for link in links if link.field != "phone"]
            subject = self.create(origin, person, others)
            conflict = self._conflict(origin, subject.id, owners[chosen.link], "phone")
            return Match("created", subject, (conflict,))
        query = models.DataSubject.select().where(models.DataSubject.id == owners[chosen.link])
        subject = self._store.for_update(query).get()
        if _older(origin, subject):
            return Match("stale", subject)
        conflicts = self._add_links(origin, subject.id, links, owners)
        self.update_profile(subject, person)
        self._note_source(origin, subject)
        return Match("matched", subject, conflicts)

    def _shared_telephone(
        self, tenant_id: str, chosen: Link, links: Sequence[Link], owners: dict[str, str]
    ) -> bool:
        """Only the telephone is known, the body brings an e-mail or an id, and its owner has one already."""
        if chosen.field != "phone" or len(links) == 1:
            return False
        brought = {link.field for link in links if link.field != "phone"}
        query = models.DataSubjectLink.select().where(
            models.DataSubjectLink.tenant_id == tenant_id,
            models.DataSubjectLink.subject_id == owners[chosen.link],
            models.DataSubjectLink.field.in_(sorted(brought)),
        )
        return bool(query.exists())

    def _owners(self, tenant_id: str, links: Sequence[Link]) -> dict[str, str]:
        owners = {}
        for link in links:
            row = self._row(tenant_id, link)
            if row is not None:
                owners[link.link] = str(row.subject_id)
        return owners

    def _add_links(
        self, origin: Origin, subject_id: str, links: Sequence[Link], owners: dict[str, str]
    ) -> tuple[str, ...]:
        self._insert_links(origin, subject_id, [link for link in links if link.link not in owners])
        foreign = [link for link in links if owners.get(link.link, subject_id) != subject_id]
        return tuple(self._conflict(origin, subject_id, owners[link.link], link.field) for link in foreign)

    def _insert_links(self, origin: Origin, subject_id: str, links: Sequence[Link]) -> None:
        now = self._clock()
        for link in sorted(links, key=lambda link: link.link):  # one order for all: no deadlocks
            row = {
                "tenant_id": origin.tenant_id,
                "subject_id": subject_id,
                "field": link.field,
                "scope": link.scope,
                "key_version": link.key_version,
                "link": link.link,
                "created_at": now,
            }
            quick.insert(models.DataSubjectLink, row)

    def _conflict(self, origin: Origin, subject_id: str, other_id: str, field: str) -> str:
        models.LinkConflict.insert(
            id=self._new_id(),
            tenant_id=origin.tenant_id,
            event_id=origin.event_id,
            subject_id=subject_id,
            other_subject_id=other_id,
            field=field,
            state="open",
            created_at=self._clock(),
        ).on_conflict_ignore().execute()
        return field

    def _note_source(self, origin: Origin, subject: models.DataSubject) -> None:
        if origin.at is None:
            return
        subject.sources = {**subject.sources, origin.source: moments.to_text(origin.at)}
        subject.save(only=["sources"])

    def _row(self, tenant_id: str, link: Link) -> models.DataSubjectLink | None:
        return quick.get(
            models.DataSubjectLink,
            tenant_id=tenant_id,
            field=link.field,
            key_version=link.key_version,
            link=link.link,
        )

    def _remember(
        self, origin: Origin, field: str, scope: str, giver: str | None, taker: str | None, reason: str
    ) -> None:
        models.LinkHistory.create(
            tenant_id=origin.tenant_id,
            field=field,
            scope=scope,
            from_subject_id=giver,
            to_subject_id=taker,
            event_id=origin.event_id,
            reason=reason,
            moved_at=self._clock(),
        )


def merge_profile(profile: dict[str, object], person: Person) -> dict[str, object]:
    """``profile`` with whatever ``person`` says laid over it; what the person doesn't say stays."""
    merged = dict(profile)
    for name, value in (("email", person.email), ("phone", person.phone), ("name", person.name)):
        if value:
            merged[name] = value
    known = merged.get("external_ids")
    external = dict(known) if isinstance(known, dict) else {}
    external.update(dict(person.external_ids))
    if external:
        merged["external_ids"] = external
    return merged


def person_from(values: object) -> Person:
    """A Person from loose values: email, phone, name, external_ids {scope: id}. Raises Invalid."""
    if not isinstance(values, dict):
        raise Invalid("intake", "must be an object with email, phone, name or external_ids")
    external = values.get("external_ids") or {}
    if not isinstance(external, dict):
        raise Invalid("external_ids", "must be an object of scope and id")
    return Person(
        email=values.get("email"),
        phone=values.get("phone"),
        name=values.get("name"),
        external_ids=tuple((str(scope), str(value)) for scope, value in external.items()),
    )


def _as_profile(person: Person) -> dict[str, object]:
    return merge_profile({}, person)


def _person_of(profile: dict[str, object]) -> Person:
    return person_from(profile)


def _older(origin: Origin, subject: models.DataSubject) -> bool:
    seen = subject.sources.get(origin.source)
    return origin.at is not None and seen is not None and moments.to_text(origin.at) < seen


def _seal_profile(key: bytes, tenant_id: str, subject_id: str, profile: dict[str, object]) -> bytes:
    place = vault.place("data_subjects", "profile_sealed", tenant_id, subject_id)
    return vault.seal(key, 1, json.dumps(profile, ensure_ascii=False).encode(), place=place)
