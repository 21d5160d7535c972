"""How connectors are: what came in the last day, what failed, what is newest.

The number of queries doesn't grow with connectors, nor their cost with what came in: of each connector only the
newest deliveries are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ...platforms.signing import TEST_TOPICS
from ...store import models

DAY = timedelta(hours=24)
MOST = 100
"""Deliveries of one connector that are counted; more are told as so many and more."""

_TESTS = ", ".join(f"'{topic}'" for topic in sorted(set(TEST_TOPICS.values())))
_OF_ONE = f"""SELECT {{p}}, SUM(CASE WHEN received_at >= {{p}} THEN 1 ELSE 0 END),
  SUM(CASE WHEN received_at >= {{p}} AND state = 'failed' THEN 1 ELSE 0 END), MAX(received_at) FROM (
  SELECT e.state, e.topic, e.received_at FROM events e
  WHERE e.tenant_id = {{p}} AND e.connector_id = {{p}}
  ORDER BY e.connector_id DESC, e.seq DESC LIMIT {MOST}) AS newest
  WHERE topic NOT IN ({_TESTS})"""  # noqa: S608  # names and a number of our own


@dataclass(frozen=True, slots=True)
class Day:
    """What came through one connector in the last day, how many of those failed, and when the newest came that
    wasn't dxflow's own test (None where none did). Of more than ``MOST`` the newest so many are looked at."""

    deliveries: int = 0
    failed: int = 0
    last_at: datetime | None = None

    @property
    def more(self) -> bool:
        """Whether there may have been more."""
        return self.deliveries >= MOST


def last_day(tenant_id: str, connector_ids: Sequence[str], now: datetime) -> Mapping[str, Day]:
    """Each of these connectors of the tenant: one statement for all of them."""
    if not connector_ids:
        return {}
    received = models.Event.received_at
    since, part = received.db_value(now - DAY), _OF_ONE.format(p=models.database.param)
    values = [value for one in connector_ids for value in (one, since, since, tenant_id, one)]
    text = " UNION ALL ".join([part] * len(connector_ids))
    rows: list[Any] = models.database.execute_sql(text, values).fetchall()
    return {
        str(name): Day(int(count or 0), int(failed or 0), received.python_value(last))
        for name, count, failed, last in rows
    }


def newest(tenant_id: str, connector_id: str, limit: int) -> list[models.Event]:
    """The newest deliveries without their bodies, dxflow's own tests left out."""
    row = models.Event
    columns = (row.id, row.source, row.topic, row.state, row.trust, row.received_at, row.error)
    mine = (row.tenant_id == tenant_id) & (row.connector_id == connector_id)
    query = row.select(*columns).where(mine, row.topic.not_in(list(TEST_TOPICS.values())))
    return list(query.order_by(row.seq.desc()).limit(limit))


def apis(connector_ids: Sequence[str]) -> Mapping[str, models.ConnectorApi]:
    """What is known of the APIs of those that have credentials; the credentials themselves stay where they
    are."""
    row = models.ConnectorApi
    columns = (row.connector_id, row.base_url, row.checked_at, row.fault, row.created_at)
    query = row.select(*columns).where(row.connector_id.in_(list(connector_ids)))
    return {one.connector_id: one for one in query}
