"""How many requests of each kind came, what became of them, and how long it took (11 CCR §7102(a))."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from peewee import fn

from ..store import models
from .periods import Period
from .register import answered_at, outcome
from .report import Cell

TITLE = "Privacy request metrics"
COLUMNS: Mapping[str, str] = {
    "of": "Requests of",
    "category": "To",
    "received": "Received",
    "complied": "Complied with in whole",
    "complied_partly": "Complied with in part",
    "denied": "Denied",
    "denied_because": "Denied because",
    "withdrawn": "Withdrawn",
    "duplicate": "Duplicates",
    "open": "Still open",
    "median_days": "Median days to answer",
    "mean_days": "Mean days to answer",
}
NOTES = (
    "11 CCR §7102(a): requests received, complied with in whole or in part, and denied; the median and mean "
    "number of days within which they were substantively responded to. Requests are counted in the period in "
    "which they were received, whenever they were answered.",
    "Consumers are those whose requests California's law governs; §7102(b) lets a business compile the same "
    "for all individuals, and asks it to say so: those are the rows of everyone.",
    "To know are access, categories and portability; to opt out are the sale, the sharing and tracking. Days "
    "are calendar days where the desk is.",
)
CATEGORIES: Mapping[str, str] = {
    "access": "know",
    "access_categories": "know",
    "portability": "know",
    "erasure": "delete",
    "rectification": "correct",
    "sale_opt_out": "opt_out",
    "tracking_opt_out": "opt_out",
    "sensitive_limit": "limit",
}
"""Types of requests by the regulation's categories; every other type is ``other``."""
ORDER = ("know", "delete", "correct", "opt_out", "limit", "other")
CONSUMERS = ("ccpa", "ccpa_opt_out")
_EVERYONE = "everyone"


@dataclass(slots=True)
class _Tally:
    received: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    days: list[int] = field(default_factory=list)

    def row(self, of: str, category: str) -> Mapping[str, Cell]:
        """In the columns of the report."""
        reasons = dict(sorted(self.reasons.items()))
        return {
            "of": of,
            "category": category,
            "received": self.received,
            "complied": self.ended["fulfilled"],
            "complied_partly": self.ended["partly"],
            "denied": self.ended["denied"],
            "denied_because": reasons,
            "withdrawn": self.ended["cancelled"],
            "duplicate": self.ended["duplicate"],
            "open": self.ended["open"],
            "median_days": round(statistics.median(self.days), 1) if self.days else None,
            "mean_days": round(statistics.fmean(self.days), 1) if self.days else None,
        }


def rows(tenant_id: str, period: Period) -> list[Mapping[str, Cell]]:
    """Consumers' and everyone's, by category; ``other`` only where there is something other."""
    tallies: dict[tuple[str, str], _Tally] = defaultdict(_Tally)
    for type, regime, state, decision, reason, count in _counted(tenant_id, period):
        ended = outcome(state, decision) or "open"
        for tally in _of(tallies, type, regime):
            tally.received += count
            tally.ended[ended] += count
            if ended == "denied":
                tally.reasons[reason or "unknown"] += count
    for type, regime, received, answered in _answered(tenant_id, period):
        first, last = period.day(received), period.day(answered)
        if first is not None and last is not None:
            for tally in _of(tallies, type, regime):
                tally.days.append((last - first).days)
    wanted = [(of, category) for of in ("consumers", _EVERYONE) for category in ORDER]
    return [tallies[key].row(*key) for key in wanted if key[1] != "other" or key in tallies]


def _of(tallies: dict[tuple[str, str], _Tally], type: str, regime: str) -> Iterable[_Tally]:
    category = CATEGORIES.get(type, "other")
    yield tallies[_EVERYONE, category]
    if regime in CONSUMERS:
        yield tallies["consumers", category]


def _counted(tenant_id: str, period: Period) -> Iterable[tuple[str, str, str, str | None, str | None, int]]:
    """(type, regime, state, decision, denial reason, how many)"""
    row = models.RightsRequest
    grouped = (row.type, row.regime, row.state, row.decision, row.denial_reason)
    query = _within(row.select(*grouped, fn.COUNT(row.id)), tenant_id, period).group_by(*grouped)
    found: Iterable[tuple[str, str, str, str | None, str | None, int]] = query.tuples()
    return found


def _answered(tenant_id: str, period: Period) -> Iterable[tuple[str, str, datetime, datetime]]:
    """(type, regime, received, answered): days are counted here, because databases don't share the zones."""
    row = models.RightsRequest
    columns = (row.type, row.regime, row.state, row.received_at, row.responded_at, row.closed_at)
    query = _within(row.select(*columns), tenant_id, period)
    query = query.where(row.responded_at.is_null(False) | row.state.in_(["completed", "rejected"]))
    for type, regime, state, received, responded, closed in query.tuples():
        answered = answered_at(state, responded, closed)
        if answered is not None:
            yield type, regime, received, answered


def _within(query: Any, tenant_id: str, period: Period) -> Any:
    row = models.RightsRequest
    query = query.where(row.tenant_id == tenant_id)
    if period.begin is not None:
        query = query.where(row.received_at >= period.begin)
    return query if period.end is None else query.where(row.received_at < period.end)
