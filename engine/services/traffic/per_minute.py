"""What happened in each minute of the last hour: events received, done, and failed.

Minutes that are over don't change, so they are counted once: each process remembers them for the tenants that
somebody looks at, and a look counts only what is new. What is told of an earlier minute is therefore what was
true when it was first counted: an event that failed in it and was replayed since still counts as failed there.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ... import moments
from ...core import Core
from ...store import models

MINUTES = 60
_MINUTE = timedelta(minutes=1)

_OPEN = 3
"""The newest minutes, the present one included, are counted anew at each look: a row carries the time at which
its message was taken up, and is committed up to two minutes later, when a message's time is over."""

_TENANTS = 256
"""Of so many tenants minutes are remembered; of others the first look counts the hour."""


class Counts(NamedTuple):
    """Events of one minute: those that were received, and those that came to an end."""

    received: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Hour:
    """The last sixty minutes, the present one last. ``begins`` are their beginnings."""

    begins: tuple[datetime, ...]
    counts: tuple[Counts, ...]

    @property
    def total(self) -> Counts:
        """All minutes together."""
        return Counts(*(sum(column) for column in zip(*self.counts, strict=True)))

    def of(self, name: str) -> list[int]:
        """One column: ``received``, ``done`` or ``failed``."""
        return [int(getattr(minute, name)) for minute in self.counts]


_Known = dict[datetime, Counts]


@dataclass(slots=True)
class PerMinute:
    """Counts for all pages of a process. Any thread may ask; two that ask at once may both count."""

    core: Core
    _tenants: OrderedDict[str, _Known] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def last_hour(self, tenant_id: str, now: datetime) -> Hour:
        """One tenant's last sixty minutes, in one statement. The first look counts the whole hour."""
        present = now.replace(second=0, microsecond=0)
        begins = tuple(present - _MINUTE * back for back in reversed(range(MINUTES)))
        known = self._remembered(tenant_id)
        wanted = [begin for begin in begins if begin not in known]
        counted = dict(zip(wanted, _count(self.core, tenant_id, wanted), strict=True))
        told = {begin: known[begin] if begin in known else counted[begin] for begin in begins}
        self._remember(tenant_id, {begin: told[begin] for begin in begins[:-_OPEN]})
        return Hour(begins, tuple(told.values()))

    def _remembered(self, tenant_id: str) -> _Known:
        with self._lock:
            return self._tenants.get(tenant_id, {})

    def _remember(self, tenant_id: str, minutes: _Known) -> None:
        with self._lock:
            self._tenants[tenant_id] = minutes
            self._tenants.move_to_end(tenant_id)
            while len(self._tenants) > _TENANTS:
                self._tenants.popitem(last=False)


def _count(core: Core, tenant_id: str, begins: Sequence[datetime]) -> list[Counts]:
    """One statement: each minute is a range in two indexes, whatever lies before and after it."""
    mark, moment = core.store.database.param, _moment(core)
    minutes = ", ".join([f"({mark}, {moment}, {moment})"] * len(begins))
    statement = f"""
        WITH minutes (nth, begins, ends) AS (VALUES {minutes})
        SELECT nth,
            (SELECT COUNT(*) FROM events WHERE tenant_id = {mark} AND received_at >= begins
                AND received_at < ends),
            (SELECT COUNT(*) FROM events WHERE tenant_id = {mark} AND updated_at >= begins
                AND updated_at < ends AND state IN ('done', 'failed')),
            (SELECT COUNT(*) FROM events WHERE tenant_id = {mark} AND updated_at >= begins
                AND updated_at < ends AND state IN ('done', 'failed') AND state = 'failed')
        FROM minutes ORDER BY nth
    """  # noqa: S608  # marks only
    values: list[object] = []
    for nth, begin in enumerate(begins):
        values += (nth, moments.to_text(begin), moments.to_text(begin + _MINUTE))
    rows: list[tuple[Any, ...]] = models.database.execute_sql(
        statement, (*values, tenant_id, tenant_id, tenant_id)
    ).fetchall()
    return [Counts(int(received), int(ended - failed), int(failed)) for _, received, ended, failed in rows]


def _moment(core: Core) -> str:
    """A moment among VALUES, which have no column to take their type from."""
    mark = str(core.store.database.param)
    return mark if core.store.dialect == "sqlite" else f"CAST({mark} AS TIMESTAMPTZ)"
