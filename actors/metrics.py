"""What the actors count, for ``/metrics``."""

from __future__ import annotations

from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter

from ..engine.runner import Report


@dataclass(frozen=True, slots=True)
class Metrics:
    """Counters of one process; ``registry`` is what the edge renders."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    steps: Counter = field(init=False)

    def __post_init__(self) -> None:
        steps = Counter(
            "dxflow_steps",
            "Steps that ended, by how they ended",
            ["workflow", "step", "result"],
            registry=self.registry,
        )
        object.__setattr__(self, "steps", steps)

    def count(self, workflow: str, step: str, report: Report) -> None:
        """Add one batch."""
        results = {"moved": report.moved, "retrying": report.retrying, "failed": report.failed}
        for result, number in results.items():
            if number:
                self.steps.labels(workflow, step, result).inc(number)
