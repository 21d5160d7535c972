"""What the event table says about waiting work, per tenant and family of queues.

The table is the real queue: the dispatcher holds about one message of a tenant at a time, and everything else
that is due waits here. Every number counts events.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from ... import machine, moments
from ...core import Core
from ...store import models

Key = tuple[str, str]
"""(tenant id, family)"""

_FAILED, _ARRIVED, _NEWEST = "failed", "arrived", "newest"


@dataclass(frozen=True, slots=True)
class Backlog:
    """Unfinished events of one queue. ``due`` wait in the table and their time has come, ``handed`` are in
    messages (queued, or with a worker), ``delayed`` wait for a later moment, ``failed`` were given up.

    ``oldest`` is when the oldest of those due or handed over was received.
    """

    due: int = 0
    handed: int = 0
    delayed: int = 0
    failed: int = 0
    oldest: datetime | None = None

    def __add__(self, other: Backlog) -> Backlog:
        return Backlog(
            self.due + other.due,
            self.handed + other.handed,
            self.delayed + other.delayed,
            self.failed + other.failed,
            min((one for one in (self.oldest, other.oldest) if one is not None), default=None),
        )

    @property
    def active(self) -> int:
        """Those that are to be worked on, now or later."""
        return self.due + self.handed + self.delayed


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at the table. Only queues with something in them are in ``queues``.

    ``newest`` is the highest ``seq`` there was, ``arrived`` how many events of each tenant came since the
    ``seq`` asked for.
    """

    at: datetime
    queues: dict[Key, Backlog]
    states: Counter[str]
    newest: int = 0
    arrived: dict[str, int] = field(default_factory=dict)


class _Row(NamedTuple):
    tenant_id: Any
    workflow: str
    step: str
    state: str
    events: int
    handed: int
    delayed: int
    oldest: Any


def of_tenant(core: Core, tenant_id: str) -> Reading:
    """One tenant's unfinished events; costs as much as there are of them."""
    return of_tenants(core, [tenant_id])


def of_tenants(core: Core, tenant_ids: Sequence[str]) -> Reading:
    """The unfinished events of these tenants, one at least, in one statement."""
    mark = core.store.database.param
    now = core.clock()
    theirs = f"tenant_id IN ({', '.join([mark] * len(tenant_ids))})"
    text = _sums(mark, f"{theirs} AND state IN ('received', 'running', 'retrying')")
    failed = _failed(f"{theirs} AND state = 'failed'")
    at = moments.to_text(now)
    return _reading(now, _rows(core, f"{text} UNION ALL {failed}", at, at, *tenant_ids, *tenant_ids))


def of_all(core: Core, since: int | None = None) -> Reading:
    """Every tenant's, in one statement and so of one moment; costs as much as there are unfinished events, not
    as there are tenants or events. With ``since`` also what arrived after that ``seq``."""
    mark, now = core.store.database.param, core.clock()
    at = moments.to_text(now)
    parts = [_sums(mark, f"due_at > {mark}"), _failed("state = 'failed'"), _newest()]
    values: list[object] = [at, at, moments.EVER]
    if since is not None:
        parts.append(_arrived(mark))
        values.append(since)
    return _reading(now, _rows(core, " UNION ALL ".join(parts), *values))


def _sums(mark: str, where: str) -> str:
    return (
        "SELECT tenant_id, workflow, step, state, COUNT(*), "  # noqa: S608  # marks and our own names only
        "SUM(CASE WHEN message_id IS NOT NULL THEN 1 ELSE 0 END), "
        f"SUM(CASE WHEN message_id IS NULL AND due_at > {mark} THEN 1 ELSE 0 END), "
        f"MIN(CASE WHEN message_id IS NOT NULL OR due_at <= {mark} THEN received_at END) "
        f"FROM events WHERE {where} GROUP BY tenant_id, workflow, step, state"
    )


def _failed(where: str) -> str:
    return (
        "SELECT tenant_id, workflow, step, 'failed', COUNT(*), 0, 0, NULL "  # noqa: S608  # our own names only
        f"FROM events WHERE {where} GROUP BY tenant_id, workflow, step"
    )


def _newest() -> str:
    return f"SELECT NULL, '', '', '{_NEWEST}', COALESCE(MAX(seq), 0), 0, 0, NULL FROM events"  # noqa: S608  # our own names only


def _arrived(mark: str) -> str:
    return (
        f"SELECT tenant_id, '', '', '{_ARRIVED}', COUNT(*), 0, 0, NULL "  # noqa: S608  # marks and our own names only
        f"FROM events WHERE seq > {mark} GROUP BY tenant_id"
    )


def _rows(core: Core, statement: str, *values: object) -> Iterable[_Row]:
    with core.store.reachable():
        return [_Row(*row) for row in core.store.database.execute_sql(statement, values).fetchall()]


def _reading(now: datetime, rows: Iterable[_Row]) -> Reading:
    queues: defaultdict[Key, Backlog] = defaultdict(Backlog)
    reading = Reading(now, queues, Counter())
    newest = 0
    for row in rows:
        tenant_id = str(row.tenant_id)  # PostgreSQL's driver makes UUID objects
        if row.state == _NEWEST:
            newest = row.events
        elif row.state == _ARRIVED:
            reading.arrived[tenant_id] = row.events
        else:
            queues[tenant_id, machine.queue_family(row.workflow, row.step)] += _backlog(row)
            reading.states[row.state] += row.events
    return Reading(now, dict(queues), reading.states, newest, reading.arrived)


def _backlog(row: _Row) -> Backlog:
    if row.state == _FAILED:
        return Backlog(failed=row.events)
    oldest = models.Event.received_at.python_value(row.oldest)
    handed, delayed = int(row.handed), int(row.delayed)
    return Backlog(row.events - handed - delayed, handed, delayed, oldest=oldest)
