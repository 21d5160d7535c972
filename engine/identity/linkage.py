"""The table of links: which subject an identifier belongs to, and every move it made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..moments import Clock
from ..platforms.base import Person
from ..store import models, quick
from . import normalise
from .keys import KeyRing, Link

_STRENGTH = ("verified_email", "external_id", "email", "phone")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a statement about a person comes from; ``at`` orders statements of one source."""

    tenant_id: str
    source: str
    event_id: str | None
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Linkage:
    """Reads and writes links of all tenants. Call inside a transaction."""

    keys: KeyRing
    clock: Clock
    new_id: Callable[[], str]

    def of(self, tenant_id: str, person: Person, region: str | None = None) -> list[Link]:
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
        return [self.keys.link(tenant_id, field, scope, value) for _, field, scope, value in found]

    def owners(self, tenant_id: str, links: Sequence[Link]) -> dict[str, str]:
        """``{link: subject id}`` of those that belong to somebody."""
        rows = ((link.link, self._row(tenant_id, link)) for link in links)
        return {link: str(row.subject_id) for link, row in rows if row is not None}

    def fields_of(self, tenant_id: str, subject_id: str) -> set[str]:
        """Which kinds of identifiers a subject has."""
        model = models.DataSubjectLink
        rows = model.select(model.field).where(model.tenant_id == tenant_id, model.subject_id == subject_id)
        return {row.field for row in rows}

    def insert(self, origin: Origin, subject_id: str, links: Sequence[Link]) -> None:
        """Give new links to a subject. Raises IntegrityError when another took one meanwhile."""
        now = self.clock()
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

    def add(
        self, origin: Origin, subject_id: str, links: Sequence[Link], owners: dict[str, str]
    ) -> tuple[str, ...]:
        """Give the subject those nobody owns; for those somebody else does, record a conflict and name it
        if it is new."""
        self.insert(origin, subject_id, [link for link in links if link.link not in owners])
        foreign = [link for link in links if owners.get(link.link, subject_id) != subject_id]
        return tuple(
            link.field for link in foreign if self.conflict(origin, subject_id, owners[link.link], link.field)
        )

    def retire(self, origin: Origin, links: Sequence[Link], reason: str) -> None:
        """Take links away from whoever has them; the history keeps who that was."""
        for link in links:
            row = self._row(origin.tenant_id, link)
            if row is not None:
                row.delete_instance()
                self._remember(origin, row, row.subject_id, None, reason)

    def move_all(self, origin: Origin, giver: str, taker: str, reason: str) -> None:
        """Give every link of one subject to another."""
        model = models.DataSubjectLink
        for row in list(model.select().where(model.tenant_id == origin.tenant_id, model.subject_id == giver)):
            row.subject_id = taker
            row.save(only=["subject_id"])
            self._remember(origin, row, giver, taker, reason)

    def conflict(self, origin: Origin, subject_id: str, other_id: str, field: str) -> bool:
        """Record that two subjects lay claim to an identifier; False when that waits to be decided already."""
        claim = {
            "tenant_id": origin.tenant_id,
            "subject_id": subject_id,
            "other_subject_id": other_id,
            "field": field,
            "state": "open",
        }
        if quick.get(models.LinkConflict, **claim) is not None:
            return False
        fresh = {"id": self.new_id(), "event_id": origin.event_id, "created_at": self.clock()}
        return quick.insert(models.LinkConflict, {**claim, **fresh}, ignore=True) == 1

    def _row(self, tenant_id: str, link: Link) -> models.DataSubjectLink | None:
        return quick.get(
            models.DataSubjectLink,
            tenant_id=tenant_id,
            field=link.field,
            key_version=link.key_version,
            link=link.link,
        )

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
