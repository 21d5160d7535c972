"""How much the dx-agent keeps, for Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

import peewee
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ...engine.core import Core
from ...engine.ledger.log import INSTALLATION
from ...engine.store import models, scope


class Gauges(Collector):
    """Engines, logs and their leaves, of the whole agent."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def collect(self) -> Iterator[Metric]:
        """Three gauges; no tenant is named."""
        head, engine = models.AuditHead, models.AgentEngine
        with self._core.store.reachable(), scope.everyone("sums of all logs"):
            enrolled = engine.select().where(engine.revoked_at.is_null()).count()
            tenants = head.select().where(head.tenant_id != INSTALLATION)
            logs = tenants.count()
            size = tenants.select(peewee.fn.SUM(head.size)).scalar() or 0
        yield GaugeMetricFamily("dxagent_engines", "Engines that may register", value=enrolled)
        yield GaugeMetricFamily("dxagent_logs", "Tenants with a log here", value=logs)
        yield GaugeMetricFamily("dxagent_log_leaves", "Leaves in all of them", value=int(size))

    def describe(self) -> Iterator[Metric]:
        """Nothing is asked of the database before the first scrape."""
        return iter(())
