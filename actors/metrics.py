"""What the actors count, for ``/metrics``."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter

from ..engine.report import Report


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counters of one process; ``registry`` is what the edge renders."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    steps: Counter = field(init=False)
    done: Counter = field(init=False)
    alerts: Counter = field(init=False)

    def __post_init__(self) -> None:
        counters = {
            "steps": ("dxflow_steps", "Steps that ended, by how they ended", ["workflow", "step", "result"]),
            "done": ("dxflow_events_done", "Events that came to their end", []),
            "alerts": (
                "dxflow_retry_alerts",
                "Events that used up this share of their attempts, in percent",
                ["workflow", "step", "share"],
            ),
        }
        for name, (public, meaning, labels) in counters.items():
            object.__setattr__(self, name, Counter(public, meaning, labels, registry=self.registry))

    def count(self, report: Report) -> None:
        """Add what became of one message."""
        for ended, number in report.steps.items():
            self.steps.labels(*ended).inc(number)
        for (of, at, share), number in report.alerts.items():
            self.alerts.labels(of, at, str(share)).inc(number)
        self.done.inc(report.done)
