"""Deliveries that weren't authentic: counted by connector and day, and told to the team once a day.

Whoever sends them proves nothing, so what they cost is bounded: a process writes at most one row of a connector
in a second, and what came meanwhile is added with the next delivery of whatever kind, whoever's it is. A count
may therefore be behind, and a process that is killed takes its last second along.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import structlog

from ... import notices
from ...core import Core
from ...faults import where
from ...store import models, quick, scope

logger = structlog.get_logger(__name__)

REST = timedelta(seconds=1)


@dataclass(slots=True)
class _Kept:
    """What wasn't written yet. ``written_at`` is when the connector's row was last written."""

    tenant_id: str
    count: int = 0
    reason: str = ""
    last_at: datetime | None = None
    written_at: datetime | None = None

    def rested(self, now: datetime) -> bool:
        """Whether its row may be written; a clock that was put back doesn't make it wait."""
        return self.written_at is None or not timedelta() <= now - self.written_at < REST


@dataclass(slots=True)
class Refusals:
    """Shared by all threads of a process."""

    core: Core
    _kept: dict[str, _Kept] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, tenant_id: str, connector_id: str, reason: str) -> None:
        """One more. Never raises: that it can't be counted changes nothing of the answer."""
        with self._lock:
            kept = self._kept.setdefault(connector_id, _Kept(tenant_id))
            kept.count, kept.reason, kept.last_at = kept.count + 1, reason, self.core.clock()
        self.write()

    def write(self) -> None:
        """Write what has waited long enough; cheap where nothing has. Never raises."""
        for connector_id, kept in self._due():
            try:  # afresh: the delivery that brings it along may be another tenant's; and its platform waits
                with scope.afresh(kept.tenant_id), self.core.store.transaction(urgent=True):
                    _add(self.core, connector_id, kept)
            except Exception as error:  # noqa: BLE001  # whatever it was: it is counted with the next one
                logger.warning("refusals_not_counted", **where(error))
                with self._lock:
                    self._kept.setdefault(connector_id, replace(kept, count=0)).count += kept.count

    def _due(self) -> list[tuple[str, _Kept]]:
        if not self._kept:
            return []
        now, due = self.core.clock(), []
        with self._lock:
            rested = [(one, kept) for one, kept in self._kept.items() if kept.rested(now)]
            for connector_id, kept in rested:
                if kept.count:
                    due.append((connector_id, replace(kept)))
                    kept.count, kept.written_at = 0, now
                else:  # nothing came for a while: accepted deliveries look through those alone that matter
                    del self._kept[connector_id]
        return due


def of_connectors(tenant_id: str, since: datetime) -> dict[str, models.RefusedDeliveries]:
    """The newest day with refusals of each connector, from the day of ``since`` on."""
    row = models.RefusedDeliveries
    query = row.select().where(row.tenant_id == tenant_id, row.day >= _day(since)).order_by(row.day)
    return {one.connector_id: one for one in query}


def _add(core: Core, connector_id: str, kept: _Kept) -> None:
    model, at = models.RefusedDeliveries, kept.last_at or core.clock()
    row = {
        "connector_id": connector_id,
        "day": _day(at),
        "tenant_id": kept.tenant_id,
        "count": kept.count,
        "reason": kept.reason,
        "first_at": at,
        "last_at": at,
    }
    if quick.insert(model, row, ignore=True) == 1:
        notices.delivery_refused(core, kept.tenant_id, connector_id, kept.reason)
        return
    model.update(count=model.count + kept.count, reason=kept.reason, last_at=at).where(
        model.connector_id == connector_id, model.day == row["day"], model.tenant_id == kept.tenant_id
    ).execute()


def _day(at: datetime) -> str:
    return at.date().isoformat()
