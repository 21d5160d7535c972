"""Who a change is about: match a data subject by its links, or create one. Never merge silently.

Identifiers meet only as keyed links. One that is new joins the subject its companions found; two that belong
to two subjects become a conflict for a person to decide. The stronger one's subject is taken meanwhile, with
all that is said but what is the other's: verified e-mail, a platform's customer id, e-mail, telephone. A
telephone alone never joins a new e-mail to somebody who has another: households share telephones, and a false
match would show one person's data to another. Names never match.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import peewee

from .. import moments
from ..errors import Conflict, TransientError
from ..moments import Clock
from ..platforms.base import Person
from ..store import Store, models, quick
from . import did
from .keys import KeyRing, Link, StaleLinks
from .linkage import Identifier, Linkage, Origin, identifiers
from .profiles import Profiles, own, person_from

_ATTEMPTS = 4
_MERGED = "this data subject was merged meanwhile, and its links are another's"


@dataclass(frozen=True, slots=True)
class Match:
    """``outcome``: matched, created, stale (an older change than one already seen), limited (nothing may be
    changed about them) or unknown (not created). ``conflicts`` names fields that belong to somebody else."""

    outcome: str
    subject: models.DataSubject | None
    conflicts: tuple[str, ...] = ()


Held = Callable[[models.DataSubject], bool]
"""Says of a subject, whose row is locked, whether nothing may be changed about them (GDPR Art. 18)."""


def _nobody(_: models.DataSubject) -> bool:
    return False


class Subjects:
    """Matching and profiles of all tenants. Call inside a transaction."""

    def __init__(
        self, store: Store, keys: KeyRing, clock: Clock, new_id: Callable[[], str], did_method: str
    ) -> None:
        self.links = Linkage(keys, clock, new_id)
        self.profiles = Profiles(keys, clock)
        self._store = store
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
        known: Sequence[Identifier] | None = None,
        held: Held = _nobody,
    ) -> Match:
        """Find the person's subject, adding what is new; or create it when allowed. Safe under races.

        ``subject_id`` is the id a new subject gets, where its row has one of its own elsewhere; ``known`` are
        the person's identifiers, where somebody has normalised them already.
        """
        known = identifiers(person, region) if known is None else known
        for _ in range(_ATTEMPTS):
            links = self.links.made(origin.tenant_id, known)
            try:
                with self._store.transaction():
                    owners = self.links.owners(origin.tenant_id, links)
                    if owners:
                        return self._join(origin, person, links, owners, held)
                    if not create or not links:
                        return Match("unknown", None)
                    return Match("created", self.create(origin, person, links, subject_id))
            except (peewee.IntegrityError, StaleLinks):  # somebody was faster: now it can be seen
                continue
        raise TransientError("this person's links kept changing under us")

    def find(self, tenant_id: str, person: Person, region: str | None = None) -> models.DataSubject | None:
        """The subject that the strongest known identifier belongs to, without touching anything. Nobody, where
        that is a telephone and the person brings an address that its owner hasn't: households share them."""
        links = self.links.of(tenant_id, person, region)
        owners = self.links.owners(tenant_id, links)
        chosen = next((link for link in links if link.link in owners), None)
        if chosen is None or self._shared_telephone(tenant_id, chosen, links, owners):
            return None
        return models.DataSubject.get_by_id(owners[chosen.link])

    def create(
        self, origin: Origin, person: Person, links: Sequence[Link], subject_id: str | None = None
    ) -> models.DataSubject:
        """A new subject with its DID, key, sealed profile and links. Raises IntegrityError when raced."""
        identifier = did.require_v4(subject_id or self._new_id())
        key, wrapped, sealed = self.profiles.first(origin.tenant_id, identifier, person)
        now = self._clock()
        subject = models.DataSubject(
            id=identifier,
            tenant_id=origin.tenant_id,
            did=self.claim(identifier, "data_subject", origin.tenant_id),
            key_wrapped=wrapped,
            profile_sealed=sealed,
            sources={origin.source: moments.to_text(origin.at)} if origin.at else {},
            state="active",
            created_at=now,
            updated_at=now,
        )
        quick.insert(models.DataSubject, subject.__data__)
        self.links.insert(origin, identifier, key, links)
        return subject

    def claim(self, entity_id: str, kind: str, tenant_id: str) -> str:
        """Register the entity's DID. Raises Conflict when another entity has it: never overwritten."""
        name = did.derive(entity_id, self._did_method)
        row = {"did": name, "kind": kind, "entity_id": entity_id, "tenant_id": tenant_id}
        if quick.insert(models.Did, {**row, "created_at": self._clock()}, ignore=True) == 0:
            owner, own_row = quick.get(models.Did, did=name), (kind, entity_id, tenant_id)
            if owner is None or (owner.kind, owner.entity_id, owner.tenant_id) != own_row:
                raise Conflict(f"{name} already names another record")
        return name

    def deactivate(self, entity_id: str, tenant_id: str) -> dict[str, bool]:
        """The entity is gone, merged or erased, and so its DID ends (DID Core section 8.2).

        Returns what the leaf of the step says of it: nothing where the DID was never made, or ended before.
        """
        row = models.Did
        ended = row.update(deactivated_at=self._clock()).where(
            row.entity_id == entity_id, row.tenant_id == tenant_id, row.deactivated_at.is_null()
        )
        return {"deactivated": True} if ended.execute() else {}

    def profile(self, subject: models.DataSubject) -> dict[str, object]:
        """The stored profile in the clear: email, phone, name, external_ids. Empty before it is sealed."""
        return self.profiles.read(subject)

    def adopt(
        self, origin: Origin, subject: models.DataSubject, person: Person, region: str | None
    ) -> tuple[str, ...]:
        """Seal and link what somebody says of a subject already chosen; returns the fields in conflict."""
        links = self.links.of(origin.tenant_id, person, region)
        conflicts = self._add(origin, subject, links, self.links.owners(origin.tenant_id, links))
        self.profiles.lay_over(subject, person)
        return conflicts

    def move(
        self, origin: Origin, previous: Person, person: Person, region: str | None, held: Held = _nobody
    ) -> Match:
        """The person whom ``previous`` finds is ``person`` now: links that no longer hold are retired.

        Outcomes are those of ``match``, or moved. An identifier that is somebody else's is a conflict, and
        then everything stays where it was.
        """
        found = self.find(origin.tenant_id, previous, region)
        if found is None:
            return self.match(origin, person, create=True, region=region, held=held)
        subject = self._locked(found.id)
        if subject.state == "merged" and self.find(origin.tenant_id, previous, region) != found:
            raise StaleLinks(_MERGED)
        if held(subject):
            return Match("limited", subject)
        if _older(origin, subject):
            return Match("stale", subject)
        old = self.links.of(origin.tenant_id, previous, region)
        new = self.links.of(origin.tenant_id, person, region)
        owners = self.links.owners(origin.tenant_id, new)
        if set(owners.values()) <= {subject.id}:
            kept = {link.link for link in new}
            self.links.retire(origin, [link for link in old if link.link not in kept], "moved to a new one")
        conflicts = self._add(origin, subject, new, owners)
        self.profiles.lay_over(subject, own(person, subject.id, new, owners))
        self._note_source(origin, subject)
        return Match("moved", subject, conflicts)

    def correct(
        self, origin: Origin, subject: models.DataSubject, profile: dict[str, object], region: str | None
    ) -> None:
        """Put right what is stored of a subject whose row is locked: the profile says this from now on, links
        that no longer hold are retired, and what sources said before is older news.

        Raises Conflict, and changes nothing, when one of the identifiers is somebody else's.
        """
        tenant_id, before = origin.tenant_id, self.profile(subject)
        old, new = (self.links.of(tenant_id, person_from(one), region) for one in (before, profile))
        owners, kept = self.links.owners(tenant_id, [*old, *new]), {link.link for link in new}
        if any(owners.get(link.link, subject.id) != subject.id for link in new):
            raise Conflict(
                "an identifier given here belongs to another data subject; decide whose it is first"
            )
        over = [link for link in old if link.link not in kept and owners.get(link.link) == subject.id]
        self.links.retire(origin, over, "rectified")
        try:
            with self._store.savepoint():
                self._add(
                    origin, subject, new, {link: owner for link, owner in owners.items() if link in kept}
                )
        except peewee.IntegrityError:
            raise Conflict("an identifier given here has just become another data subject's") from None
        self.profiles.replace(subject, profile)
        subject.sources = dict.fromkeys(subject.sources, moments.to_text(self._clock()))
        subject.save(only=["sources"])

    def merge(
        self,
        origin: Origin,
        kept: models.DataSubject,
        gone: models.DataSubject,
        reason: str = "merged at the platform",
    ) -> list[Identifier]:
        """Move every link of ``gone`` to ``kept``, and what only its profile says; which links moved.

        Raises StaleLinks when one of them was erased meanwhile.
        """
        kept, gone = self._locked(kept.id), self._locked(gone.id)
        giver, taker = (gone.id, self.profiles.key(gone)), (kept.id, self.profiles.key(kept))
        moved = self.links.move(origin, giver, taker, reason)
        self.links.settle(kept.id, gone.id)
        gone.state = "merged"
        gone.merged_into = kept.id
        gone.updated_at = self._clock()
        gone.save(only=["state", "merged_into", "updated_at"])
        self.profiles.fill_in(kept, person_from(self.profile(gone)))
        return moved

    def _join(
        self, origin: Origin, person: Person, links: Sequence[Link], owners: dict[str, str], held: Held
    ) -> Match:
        chosen = next(link for link in links if link.link in owners)
        if self._shared_telephone(origin.tenant_id, chosen, links, owners):
            others = [link for link in links if link.field != "phone"]
            subject = self.create(origin, person, others)
            self.links.conflict(origin, subject.id, owners[chosen.link], "phone")
            return Match("created", subject, ("phone",))
        subject = self._locked(owners[chosen.link])
        if subject.state == "merged" and self.links.owners(origin.tenant_id, links) != owners:
            raise StaleLinks(_MERGED)
        if held(subject):
            return Match("limited", subject)
        if _older(origin, subject):
            return Match("stale", subject)
        conflicts = self._add(origin, subject, links, owners)
        self.profiles.lay_over(subject, own(person, subject.id, links, owners))
        self._note_source(origin, subject)
        return Match("matched", subject, conflicts)

    def _add(
        self, origin: Origin, subject: models.DataSubject, links: Sequence[Link], owners: dict[str, str]
    ) -> tuple[str, ...]:
        """New links for a subject; its data key is opened only where there are some."""
        if all(owners.get(link.link) == subject.id for link in links):
            if links and links[0].older:
                self.links.complete(origin.tenant_id, subject.id, self.profiles.key(subject), links)
            return ()
        return self.links.add(origin, subject, self.profiles.key(subject), links, owners)

    def _locked(self, subject_id: str) -> models.DataSubject:
        """The subject's row, which nobody else changes until this transaction ends. Raises StaleLinks for one
        that was erased: who says so now speaks of somebody new."""
        query = models.DataSubject.select().where(models.DataSubject.id == subject_id)
        subject: models.DataSubject = self._store.for_update(query).get()
        if subject.state == "erased":
            raise StaleLinks("this data subject was erased meanwhile")
        return subject

    def _shared_telephone(
        self, tenant_id: str, chosen: Link, links: Sequence[Link], owners: dict[str, str]
    ) -> bool:
        """Only the telephone is known, the body brings an e-mail or an id, and its owner has one already."""
        if chosen.field != "phone" or len(links) == 1:
            return False
        brought = {link.field for link in links if link.field != "phone"}
        return bool(brought & self.links.fields_of(tenant_id, owners[chosen.link]))

    def _note_source(self, origin: Origin, subject: models.DataSubject) -> None:
        if origin.at is not None:
            subject.sources = {**subject.sources, origin.source: moments.to_text(origin.at)}
            subject.save(only=["sources"])


def _older(origin: Origin, subject: models.DataSubject) -> bool:
    seen = subject.sources.get(origin.source)
    return origin.at is not None and seen is not None and moments.to_text(origin.at) < seen


__all__ = ["Match", "Origin", "Subjects"]
