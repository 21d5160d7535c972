"""Rights requests from files: each row by itself, so that one that is wrong keeps no other out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ... import moments
from ...core import Core
from ...errors import Invalid
from ...identity import normalise
from ...rights import csv_import, deadlines
from ...rights.csv_import import Fault, Row
from ...store import models, quick
from .arrivals import Arrival, known, of_row, record_once

SOURCE = "csv"
PILE = 50
"""Rows of one transaction: a commit costs more than a row, and nobody else writes meanwhile."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What became of one row. ``id`` is the request's, None in a dry run and for a row that is wrong;
    ``repeated``: it was there before, or stands in the file twice."""

    row: int
    id: str | None = None
    repeated: bool = False
    errors: tuple[Fault, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the row is a request."""
        return not self.errors

    def as_json(self) -> dict[str, object]:
        """``{"row", "ok", "id", "repeated", "errors": [{"field", "detail"}]}``."""
        errors = [fault.as_json() for fault in self.errors]
        return {"row": self.row, "ok": self.ok, "id": self.id, "repeated": self.repeated, "errors": errors}


def from_csv(core: Core, tenant_id: str, actor: str, text: str, *, dry_run: bool = False) -> list[Imported]:
    """Record every row that is right, and say of each what became of it. The same file again records nothing.

    Raises Unfit("csv") and TooLarge for a file that can't be read; then nothing is recorded.
    """
    zone = ZoneInfo(deadlines.zone_of(tenant_id))
    rows = csv_import.parse(text, now=core.clock(), zone=zone)
    if not dry_run:
        piles = (rows[at : at + PILE] for at in range(0, len(rows), PILE))
        return [one for pile in piles for one in _pile(core, tenant_id, actor, pile)]
    seen: dict[tuple[str, ...], int] = {}
    return [_tried(core, tenant_id, row, seen) for row in rows]


def counts(found: list[Imported]) -> Mapping[str, int]:
    """How many rows are new, were there, are wrong."""
    return {
        "recorded": sum(one.ok and not one.repeated for one in found),
        "repeated": sum(one.repeated for one in found),
        "wrong": sum(not one.ok for one in found),
    }


def _pile(core: Core, tenant_id: str, actor: str, rows: Sequence[Row]) -> list[Imported]:
    with core.store.transaction():
        # Two files with the same rows in another order would else wait for each other.
        quick.lock(models.DataController, id=tenant_id)
        found = [_recorded(core, tenant_id, actor, row) for row in rows]
    core.bell.set()
    return found


def _recorded(core: Core, tenant_id: str, actor: str, row: Row) -> Imported:
    if row.faults:
        return Imported(row.number, errors=tuple(row.faults))
    try:
        request, new = record_once(core, tenant_id, actor, _arrival(row))
    except Invalid as error:  # what only the clock finds: a year that it doesn't know
        return Imported(row.number, errors=(Fault(error.field.removeprefix("subject."), error.detail),))
    return Imported(row.number, request.id, not new)


def _tried(core: Core, tenant_id: str, row: Row, seen: dict[tuple[str, ...], int]) -> Imported:
    if row.faults:
        return Imported(row.number, errors=tuple(row.faults))
    name = _arrival(row).name
    there = name in seen or known(core, tenant_id, SOURCE, name) is not None
    seen.setdefault(name, row.number)
    return Imported(row.number, repeated=there)


def _arrival(row: Row) -> Arrival:
    return of_row(SOURCE, _name(row), row)


def _name(row: Row) -> tuple[str, ...]:
    """Its reference, or else all that it says."""
    if row.reference:
        return ("reference", row.reference)
    person = row.person
    return (
        "row",
        row.type,
        (normalise.email(person.email) or "") if person.email else "",
        person.phone or "",
        person.name or "",
        (row.jurisdiction or "").upper(),
        moments.to_text(row.received_at) if row.received_at else "",
        row.details,
    )
