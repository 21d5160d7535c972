"""Reports for the regulator: the register of requests, metrics of requests, records of processing activities.

They name nobody. Days are those of the desk's time zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from .. import moments
from ..core import Core
from ..errors import Invalid
from ..rights import deadlines
from ..store import models
from . import metrics, processing, register
from .periods import Period, last_24_months, last_year, period
from .report import FORMATS, MEDIA_TYPES, Cell, Report


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one kind is made of; ``otherwise`` gives its period where none is asked for."""

    title: str
    columns: Mapping[str, str]
    notes: Sequence[str]
    rows: Callable[[str, Period], list[Mapping[str, Cell]]]
    otherwise: Callable[[date], tuple[date | None, date | None]]


def _always(_: date) -> tuple[date | None, date | None]:
    return None, None


_KINDS: Mapping[str, _Kind] = {
    "register": _Kind(register.TITLE, register.COLUMNS, register.NOTES, register.rows, last_24_months),
    "metrics": _Kind(metrics.TITLE, metrics.COLUMNS, metrics.NOTES, metrics.rows, last_year),
    "processing": _Kind(processing.TITLE, processing.COLUMNS, processing.NOTES, processing.rows, _always),
}
KINDS = tuple(_KINDS)


def make(core: Core, tenant_id: str, kind: str, first: str | None = None, last: str | None = None) -> Report:
    """A report of the days ``first`` to ``last``, each a year, a month or a day. Left out, they are the last
    24 months for the register, the last calendar year for the metrics, and all time for the records.

    Raises Invalid (kind, from, to).
    """
    if kind not in _KINDS:
        raise Invalid("kind", f"{kind[:40]!r}; allowed are {', '.join(KINDS)}")
    wanted, zone, now = _KINDS[kind], deadlines.zone_of(tenant_id), core.clock()
    days = period(first, last, zone, wanted.otherwise(now.astimezone(ZoneInfo(zone)).date()))
    tenant = models.DataController.get_by_id(tenant_id)
    return Report(
        kind=kind,
        title=wanted.title,
        controller={
            "name": tenant.name,
            "did": tenant.did or tenant.id,
            "jurisdiction": tenant.jurisdiction,
        },
        zone=zone,
        first=days.first.isoformat() if days.first else None,
        last=days.last.isoformat() if days.last else None,
        made_at=moments.to_text(now),
        columns=wanted.columns,
        rows=wanted.rows(tenant_id, days),
        notes=wanted.notes,
    )


__all__ = ["FORMATS", "KINDS", "MEDIA_TYPES", "Report", "make"]
