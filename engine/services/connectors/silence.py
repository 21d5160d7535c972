"""Connectors that fell silent: no delivery for far longer than their platform usually lets pass.

A webhook that a platform stopped sending raises no error anywhere; the only sign is what doesn't come. What is
usual differs from shop to shop, so each connector is measured by its own newest deliveries.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from ...platforms.signing import TEST_TOPICS
from ...store import models

NEWEST = 50
"""Deliveries of each connector that are looked at."""

ENOUGH = 5
"""With fewer deliveries nobody knows what is usual."""

SHORTEST = timedelta(hours=1)
"""Nothing shorter than this counts as silence, however busy the connector was."""

_FACTOR = 6
_TESTS = frozenset(TEST_TOPICS.values())
_NO_SEQ = 2**63 - 1
_EARLIER = {
    "sqlite": "events e INDEXED BY events_connector "
    "WHERE e.tenant_id = ? AND e.connector_id = w.connector_id AND e.seq < w.seq",
    "postgresql": "events e WHERE e.tenant_id = %s "
    "AND (e.connector_id, e.seq) < (w.connector_id, w.seq) AND e.connector_id >= w.connector_id",
}
"""The same said twice: SQLite is told its index, and PostgreSQL, which can't be, has no other for a pair."""
_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often deliveries come through a connector.

    ``last_at`` is the newest one's receipt, None before the first. ``usual`` is what nine of ten of the newest
    gaps keep within, None before there were ``ENOUGH`` deliveries. ``silent``: nothing came for more than six
    such gaps, and for more than ``SHORTEST``; a connector that is disabled never is.
    """

    last_at: datetime | None
    usual: timedelta | None
    silent: bool


def rhythm(tenant_id: str, now: datetime) -> dict[str, Rhythm]:
    """Every connector of the tenant by its id: one statement, however many there are."""
    came: defaultdict[str, list[datetime]] = defaultdict(list)
    enabled: dict[str, bool] = {}
    for connector_id, disabled_at, received_at, topic in _rows(tenant_id):
        enabled[str(connector_id)] = disabled_at is None
        if topic in _TESTS:  # what dxflow delivers to itself breaks no silence
            continue
        moment = models.Event.received_at.python_value(received_at)
        if moment is not None:
            came[str(connector_id)].append(moment)
    return {one: _measured(sorted(came[one]), now, enabled[one]) for one in enabled}


def _rows(tenant_id: str) -> list[tuple[Any, Any, Any, Any]]:
    """(connector id, disabled since, receipt, topic) for each connector's newest deliveries, and one row
    without any.

    It walks the index ``events_connector`` from delivery to delivery. Left to choose, both planners may read
    all events backwards until they have found enough, which for a connector that fell silent takes longest.
    """
    mark = models.database.param
    earlier = _EARLIER["sqlite" if mark == "?" else "postgresql"]
    statement = f"""
        WITH RECURSIVE newest (connector_id, disabled_at, seq, nth) AS (
            SELECT c.id, c.disabled_at, CAST({_NO_SEQ} AS BIGINT), 0
            FROM connectors c WHERE c.tenant_id = {mark}
            UNION ALL SELECT w.connector_id, w.disabled_at, (
                SELECT e.seq FROM {earlier} ORDER BY e.connector_id DESC, e.seq DESC LIMIT 1), w.nth + 1
            FROM newest w WHERE w.seq IS NOT NULL AND w.nth < {NEWEST})
        SELECT w.connector_id, w.disabled_at, e.received_at, e.topic
        FROM newest w LEFT JOIN events e ON e.seq = w.seq
    """  # noqa: S608  # a mark and numbers of our own
    rows: list[tuple[Any, Any, Any, Any]] = models.database.execute_sql(
        statement, (tenant_id, tenant_id)
    ).fetchall()
    return rows


def _measured(came: Sequence[datetime], now: datetime, enabled: bool) -> Rhythm:
    last = came[-1] if came else None
    if last is None or len(came) < ENOUGH:
        return Rhythm(last, None, silent=False)
    gaps = sorted(later - earlier for earlier, later in pairwise(came))
    usual = gaps[math.ceil(_SHARE * len(gaps)) - 1]
    return Rhythm(last, usual, silent=enabled and now - last > max(SHORTEST, _FACTOR * usual))
