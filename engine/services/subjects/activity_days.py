"""How many processing activities each day had, by legal basis and by purpose.

Counting a month of a large tenant takes longer than a page may, so each process remembers what it counted: a
day that is over doesn't change, and of today only what came since has to be counted. Who asks says how long
counting may take; days that weren't reached yet are None, and the next call goes on with them.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from peewee import SQL, Case, fn

from ...store import models
from .activity_log import begin

SETTLED = timedelta(minutes=1)
"""Rows carry the time of their making and are seen from their commit on: what is as old as this is complete."""
_DAYS = 4096
"""Days remembered, of all tenants together: some 10 MB at most."""
_FEW = 5_000
"""So many activities of a month are counted in one query, whatever time is given."""
_NAMES = 50
"""Purposes remembered of a day, the commonest; the rest count as ``""``."""

Pair = tuple[str, str]


@dataclass
class Day:
    """Counts by (legal basis, purpose) of what was recorded before ``until``."""

    until: datetime
    counts: Counter[Pair] = field(default_factory=Counter)


class Days:
    """What this process counted. For any number of threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._known: OrderedDict[tuple[str, date], Day] = OrderedDict()
        self._lock = threading.Lock()
        self._clock = clock

    def counted(
        self, tenant_id: str, days: Sequence[date], now: datetime, *, seconds: float
    ) -> dict[date, Counter[Pair] | None]:
        """Each day's counts, the newest days first; None for those that there was no time for. What isn't over
        yet is counted at each call, and at least one day that is, so that each call gets further."""
        self._count_few(tenant_id, days, now)
        found: dict[date, Counter[Pair] | None] = dict.fromkeys(days)
        ends, fresh = self._clock() + seconds, 0
        for day in sorted(days, reverse=True):
            known, end = self._of(tenant_id, day), begin(day) + timedelta(days=1)
            if known.until < end <= now - SETTLED:
                if fresh and self._clock() > ends:
                    continue
                fresh += 1
            found[day] = self._count(tenant_id, day, known, now)
        return found

    def _count_few(self, tenant_id: str, days: Sequence[date], now: datetime) -> None:
        """Days that are over and were never counted, all in one query where they have few activities: most
        tenants see their whole month at once."""
        over = [day for day in days if begin(day) + timedelta(days=1) <= now - SETTLED]
        missing = [day for day in over if self._of(tenant_id, day).until == begin(day)]
        together = len(missing) == (max(missing) - min(missing)).days + 1 if missing else False
        if len(missing) > 1 and together and _few(tenant_id, begin(min(missing))):
            counts = _by_day(tenant_id, missing)
            for day in missing:
                self._remember(tenant_id, day, Day(begin(day) + timedelta(days=1), _bounded(counts[day])))

    def _count(self, tenant_id: str, day: date, known: Day, now: datetime) -> Counter[Pair]:
        end = begin(day) + timedelta(days=1)
        settled = min(end, now - SETTLED)
        counts = known.counts
        if settled > known.until:
            counts = _bounded(counts + _between(tenant_id, known.until, settled))
            self._remember(tenant_id, day, Day(settled, counts))
        start = max(known.until, settled)
        return counts + _between(tenant_id, start, end) if start < end else counts

    def _of(self, tenant_id: str, day: date) -> Day:
        with self._lock:
            known = self._known.get((tenant_id, day))
            if known is not None:
                self._known.move_to_end((tenant_id, day))
        return known or Day(begin(day))

    def _remember(self, tenant_id: str, day: date, counted: Day) -> None:
        with self._lock:
            self._known[tenant_id, day] = counted
            while len(self._known) > _DAYS:
                self._known.popitem(last=False)


def last(now: datetime, count: int) -> list[date]:
    """The last so many days, today included, oldest first."""
    return [now.date() - timedelta(days=back) for back in reversed(range(count))]


def _few(tenant_id: str, start: datetime) -> bool:
    row = models.ProcessingActivity
    mine = row.select(row.id).where(row.tenant_id == tenant_id, row.created_at >= start)
    return bool(mine.limit(_FEW + 1).count() <= _FEW)


def _by_day(tenant_id: str, days: Sequence[date]) -> dict[date, Counter[Pair]]:
    row, ordered = models.ProcessingActivity, sorted(days)
    ends = [(row.created_at < begin(day) + timedelta(days=1), at) for at, day in enumerate(ordered)]
    which = Case(None, ends)
    query: Any = row.select(which, row.legal_basis, row.purpose, fn.COUNT(row.id))
    query = query.where(row.tenant_id == tenant_id, row.created_at >= begin(ordered[0]))
    query = query.where(row.created_at < begin(ordered[-1]) + timedelta(days=1))
    counts: dict[date, Counter[Pair]] = {day: Counter() for day in ordered}
    for at, basis, purpose, count in query.group_by(SQL("1"), row.legal_basis, row.purpose).tuples():
        counts[ordered[at]][basis, purpose] = count
    return counts


def _between(tenant_id: str, start: datetime, end: datetime) -> Counter[Pair]:
    row = models.ProcessingActivity
    query: Any = row.select(row.legal_basis, row.purpose, fn.COUNT(row.id))
    query = query.where(row.tenant_id == tenant_id, row.created_at >= start, row.created_at < end)
    return Counter({(basis, purpose): count for basis, purpose, count in _grouped(query, row)})


def _grouped(query: Any, row: type[models.ProcessingActivity]) -> Iterator[tuple[str, str, int]]:
    yield from query.group_by(row.legal_basis, row.purpose).tuples()


def _bounded(counts: Counter[Pair]) -> Counter[Pair]:
    """The same with the rarest purposes thrown together: what is remembered must not grow with what is said."""
    kept = Counter(dict(counts.most_common(_NAMES)))
    for (basis, _), count in counts.most_common()[_NAMES:]:
        kept[basis, ""] += count
    return kept


DAYS = Days()
"""Those of this process."""
