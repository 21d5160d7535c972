"""Requests that may arrive twice: the same row of a file, the same e-mail, the same message of an agent.

Each is known by a keyed mark of what names it (``RightsRequest.reference``): the database keeps the second out,
however close it comes, and keeps nothing that tells what the name was. Whoever is erased loses the mark too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import peewee

from ...core import Core
from ...platforms.base import Person
from ...rights.csv_import import Row
from ...rights.intake import Entry
from ...store import models, quick
from . import requests


@dataclass(frozen=True, slots=True)
class Arrival:
    """A request on its way in. ``name`` is what tells it from all others of its ``source``."""

    source: str
    name: tuple[str, ...]
    type: str
    person: Person
    jurisdiction: str | None = None
    received_at: datetime | None = None
    details: str = ""
    language: str = "en"
    privacy_agent_id: str | None = None
    claims: Mapping[str, object] = field(default_factory=dict)


def of_row(source: str, name: tuple[str, ...], row: Row) -> Arrival:
    """What a row says that somebody wrote (``csv_import``), of a file or of a form at the desk."""
    return Arrival(
        source,
        name,
        row.type,
        row.person,
        jurisdiction=row.jurisdiction,
        received_at=row.received_at,
        details=row.details,
        language=row.language,
    )


def record_once(
    core: Core, tenant_id: str, actor: str, arrival: Arrival
) -> tuple[models.RightsRequest, bool]:
    """The request, and whether it is new. Raises Invalid as ``requests.create`` does."""
    marks = core.keys.macs(tenant_id, f"arrival-{arrival.source}", *arrival.name)
    known = _known(tenant_id, arrival.source, marks)
    if known is not None:
        return known, False
    entry = Entry(arrival.source, arrival.language, marks[0], arrival.privacy_agent_id, claims=arrival.claims)
    try:
        return _create(core, tenant_id, actor, arrival, entry), True
    except peewee.IntegrityError:  # somebody was faster
        known = _known(tenant_id, arrival.source, marks)
        if known is None:
            raise
        return known, False


def known(core: Core, tenant_id: str, source: str, name: tuple[str, ...]) -> models.RightsRequest | None:
    """The request that came under this name before, if one did."""
    return _known(tenant_id, source, core.keys.macs(tenant_id, f"arrival-{source}", *name))


def _known(tenant_id: str, source: str, marks: list[str]) -> models.RightsRequest | None:
    found = (
        quick.get(models.RightsRequest, tenant_id=tenant_id, source=source, reference=mark) for mark in marks
    )
    return next((row for row in found if row is not None), None)


def _create(core: Core, tenant_id: str, actor: str, arrival: Arrival, entry: Entry) -> models.RightsRequest:
    return requests.create(
        core,
        tenant_id,
        actor,
        arrival.type,
        arrival.person,
        jurisdiction=arrival.jurisdiction,
        received_at=arrival.received_at,
        details=arrival.details,
        entry=entry,
    )
