"""The table of links: which subject an identifier belongs to, and every move it made."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from ..moments import Clock
from ..platforms.base import Person
from ..store import models, quick
from . import normalise, vault
from .keys import KeyRing, Link

_STRENGTH = ("verified_email", "external_id", "email", "phone")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement about a person comes from; ``at`` orders statements of one source."""

    tenant_id: str
    source: str
    event_id: str | None
    at: datetime | None


class Identifier(NamedTuple):
    """What a person is known by, normalised; ``scope`` is a platform's, for its ids."""

    field: str
    scope: str
    value: str


def identifiers(person: Person, region: str | None = None) -> list[Identifier]:
    """The person's identifiers, strongest first; what doesn't normalise is none."""
    found = list[tuple[str, Identifier]]()
    email = normalise.email(person.email) if person.email else None
    if email:
        strength = "verified_email" if person.email_verified else "email"
        found.append((strength, Identifier("email", "", email)))
    phone = normalise.phone(person.phone, region) if person.phone else None
    if phone:
        found.append(("phone", Identifier("phone", "", phone)))
    for scope, value in person.external_ids:
        external = normalise.external_id(scope, value)
        if external:
            found.append(("external_id", Identifier("external_id", scope, external)))
    found.sort(key=lambda entry: _STRENGTH.index(entry[0]))
    return [identifier for _, identifier in found]


@dataclass(frozen=True, slots=True)
class Linkage:
    """Reads and writes links of all tenants. Call inside a transaction."""

    keys: KeyRing
    clock: Clock
    new_id: Callable[[], str]

    def of(self, tenant_id: str, person: Person, region: str | None = None) -> list[Link]:
        """The person's links, strongest first; identifiers that don't normalise give none."""
        return self.made(tenant_id, identifiers(person, region))

    def made(self, tenant_id: str, found: Sequence[Identifier]) -> list[Link]:
        """The links of these identifiers, in their order."""
        return [self.keys.link(tenant_id, one.field, one.scope, one.value) for one in found]

    def owners(self, tenant_id: str, links: Sequence[Link]) -> dict[str, str]:
        """``{link: subject id}`` of those that belong to somebody, under whatever version of the key."""
        rows = ((link.link, self.row(tenant_id, link)) for link in links)
        return {link: str(row.subject_id) for link, row in rows if row is not None}

    def fields_of(self, tenant_id: str, subject_id: str) -> set[str]:
        """Which kinds of identifiers a subject has."""
        model = models.DataSubjectLink
        rows = model.select(model.field).where(model.tenant_id == tenant_id, model.subject_id == subject_id)
        return {row.field for row in rows}

    def insert(self, origin: Origin, subject_id: str, key: bytes, links: Sequence[Link]) -> None:
        """Give new links to a subject whose data key this is, under every version of the link key in use.

        Raises IntegrityError when another took one meanwhile, StaleLinks when the versions changed.
        """
        for link in sorted(links, key=lambda link: link.link):  # one order for all: no deadlocks
            self._insert(origin.tenant_id, subject_id, key, link, link.every)
        if links:
            self.keys.require_current(origin.tenant_id, links[0])

    def complete(self, tenant_id: str, subject_id: str, key: bytes, links: Sequence[Link]) -> None:
        """While a link key is rotated: what the subject has under one version, under the others too."""
        for link in links:
            rows = self._rows(tenant_id, link)
            have = {row.key_version for row in rows}
            missing = [(version, digits) for version, digits in link.every if version not in have]
            if have and missing:
                since = min(row.created_at for row in rows)
                self._insert(tenant_id, subject_id, key, link, missing, ignore=True, since=since)
        if links:
            self.keys.require_current(tenant_id, links[0])

    def insert_under(
        self, row: models.DataSubjectLink, key: bytes, version: int, digits: str, value: str
    ) -> None:
        """The same link again, as old as it is, under another version of the key; nothing where it is there."""
        link = Link(row.field, row.scope, version, digits, value=value)
        sealed = None if row.value_sealed is None else bytes(row.value_sealed)
        more: dict[str, Any] = {"ignore": True, "sealed": sealed, "since": row.created_at}
        self._insert(row.tenant_id, row.subject_id, key, link, link.every, **more)

    def _insert(
        self,
        tenant_id: str,
        subject_id: str,
        key: bytes,
        link: Link,
        every: Sequence[tuple[int, str]],
        *,
        ignore: bool = False,
        sealed: bytes | None = None,
        since: datetime | None = None,
    ) -> None:
        value = link.value.encode("utf-8", "surrogatepass")
        sealed = sealed or vault.seal(key, 1, value, place=_place(tenant_id, subject_id))
        for version, digits in every:
            row = {
                "tenant_id": tenant_id,
                "subject_id": subject_id,
                "field": link.field,
                "scope": link.scope,
                "key_version": version,
                "link": digits,
                "value_sealed": sealed,
                "created_at": since or self.clock(),
            }
            quick.insert(models.DataSubjectLink, row, ignore=ignore)

    def add(
        self,
        origin: Origin,
        subject: models.DataSubject,
        key: bytes,
        links: Sequence[Link],
        owners: dict[str, str],
    ) -> tuple[str, ...]:
        """Give the subject those nobody owns; for those somebody else does, record a conflict and name it
        if it is new."""
        self.insert(origin, subject.id, key, [link for link in links if link.link not in owners])
        foreign = [link for link in links if owners.get(link.link, subject.id) != subject.id]
        return tuple(
            link.field for link in foreign if self.conflict(origin, subject.id, owners[link.link], link.field)
        )

    def retire(self, origin: Origin, links: Sequence[Link], reason: str) -> None:
        """Take links away from whoever has them; the history keeps who that was."""
        for link in links:
            # Oldest version first, and locked: a rotation that is at this link ends before the rest is read.
            rows = self._rows(origin.tenant_id, link, locked=True)
            for row in rows:
                row.delete_instance()
            if rows:
                self._remember(origin, rows[0], rows[0].subject_id, None, reason)

    def move(
        self,
        origin: Origin,
        giver: tuple[str, bytes],
        taker: tuple[str, bytes],
        reason: str,
        only: Collection[Identifier] | None = None,
    ) -> list[Identifier]:
        """Give every link of one subject to another, or ``only`` these; each subject is named by its id and its
        data key. Returns what moved; a link whose identifier isn't at hand stands for it."""
        model, moved = models.DataSubjectLink, dict[Identifier, None]()
        query = model.select().where(model.tenant_id == origin.tenant_id, model.subject_id == giver[0])
        for row in list(query.order_by(model.id)):
            value = self.value(row, giver[1])
            said = row.link if value is None else value.decode("utf-8", "surrogatepass")
            what = Identifier(row.field, row.scope, said)
            if only is not None and what not in only:
                continue
            row.subject_id = taker[0]
            if value is not None:
                row.value_sealed = vault.seal(taker[1], 1, value, place=_place(origin.tenant_id, taker[0]))
            row.save(only=["subject_id", "value_sealed"])
            if what not in moved:  # once, however many versions of the key it stands under
                moved[what] = None
                self._remember(origin, row, giver[0], taker[0], reason)
        return list(moved)

    def value(self, row: models.DataSubjectLink, key: bytes) -> bytes | None:
        """The normalised identifier that a link stands for, opened with its subject's data key; None where a
        version before 0.2 didn't keep it."""
        if row.value_sealed is None:
            return None
        return vault.unseal(key, bytes(row.value_sealed), place=_place(row.tenant_id, row.subject_id))

    def conflict(self, origin: Origin, subject_id: str, other_id: str, field: str) -> bool:
        """Record that two subjects lay claim to an identifier; False when that waits to be decided already, or
        somebody decided that they are two."""
        claim = {
            "tenant_id": origin.tenant_id,
            "subject_id": subject_id,
            "other_subject_id": other_id,
            "field": field,
            "state": "open",
        }
        if quick.get(models.LinkConflict, **claim) is not None or _kept_apart(claim):
            return False
        fresh = {"id": self.new_id(), "event_id": origin.event_id, "created_at": self.clock()}
        return quick.insert(models.LinkConflict, {**claim, **fresh}, ignore=True) == 1

    def settle(self, one_id: str, other_id: str) -> None:
        """What these two both laid claim to is decided: they are one."""
        row, pair = models.LinkConflict, [one_id, other_id]
        mine = row.subject_id.in_(pair) & row.other_subject_id.in_(pair) & (row.state == "open")
        row.update(state="merged", decided_at=self.clock()).where(mine).execute()

    def row(self, tenant_id: str, link: Link) -> models.DataSubjectLink | None:
        """A link as it is kept, under whatever version of the key; None for what nobody is known by."""
        return next(iter(self._rows(tenant_id, link)), None)

    def _rows(self, tenant_id: str, link: Link, *, locked: bool = False) -> list[models.DataSubjectLink]:
        read = quick.lock if locked else quick.get
        found = [
            read(
                models.DataSubjectLink,
                tenant_id=tenant_id,
                field=link.field,
                key_version=version,
                link=digits,
            )
            for version, digits in (reversed(link.every) if locked else link.every)
        ]
        return [row for row in found if row is not None]

    def _remember(
        self, origin: Origin, row: models.DataSubjectLink, giver: str, taker: str | None, reason: str
    ) -> None:
        models.LinkHistory.create(
            tenant_id=origin.tenant_id,
            field=row.field,
            scope=row.scope,
            from_subject_id=giver,
            to_subject_id=taker,
            event_id=origin.event_id,
            reason=reason,
            moved_at=self.clock(),
        )


def _kept_apart(claim: dict[str, Any]) -> bool:
    """Whether a person looked at these two before: what they share isn't news."""
    turned = {"subject_id": claim["other_subject_id"], "other_subject_id": claim["subject_id"]}
    decided = ({**claim, "state": "kept_apart"}, {**claim, **turned, "state": "kept_apart"})
    return any(quick.get(models.LinkConflict, **one) is not None for one in decided)


def _place(tenant_id: str, subject_id: str) -> str:
    """One place for all identifiers of a subject: they open under the subject's own key alone."""
    return vault.place("data_subject_links", "value_sealed", tenant_id, subject_id)
