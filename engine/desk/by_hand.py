"""A request that came by letter, telephone or at the counter, entered by somebody at the desk: checked as a row
of a file is, and recorded by the same intake as all others. The same form sent twice is one request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from ..core import Core
from ..errors import Invalid
from ..rights import csv_import, deadlines
from ..rights.csv_import import Fault
from ..services.rights.arrivals import of_row, record_once
from ..store import models

SOURCE = "desk"
FIELDS = ("type", "email", "phone", "name", "jurisdiction", "received_at", "details", "language")
"""What is typed. ``received_at`` is a day, or a time at the desk."""


@dataclass(frozen=True, slots=True)
class Entered:
    """The request, and whether it is new; or what is wrong, by field."""

    request: models.RightsRequest | None
    new: bool = False
    faults: Sequence[Fault] = ()


def enter(core: Core, tenant_id: str, actor: str, given: Mapping[str, str], once: str) -> Entered:
    """Record what was typed (``FIELDS``). ``once`` names the form that it was typed into."""
    zone = ZoneInfo(deadlines.zone_of(tenant_id))
    typed = {name: given.get(name, "") for name in FIELDS}
    row = csv_import.typed(typed, now=core.clock(), zone=zone)
    if row.faults:
        return Entered(None, faults=row.faults)
    try:
        return Entered(*record_once(core, tenant_id, actor, of_row(SOURCE, (once,), row)))
    except Invalid as error:
        return Entered(None, faults=[Fault(error.field.removeprefix("subject."), error.detail)])
