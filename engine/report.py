"""What a message came to, as far as it is committed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from .chain import Chain
from .outbox import Dispatch


@dataclass(slots=True)
class Report:
    """Counts of steps and events, and what is to be handed over.

    ``steps`` counts by (workflow, step, how it ended: moved, retrying or failed), ``alerts`` by (workflow,
    step, percent of its attempts used up: 50, 90 or 100); ``done`` counts events that came to their end.
    ``follow_ups`` are leased: enqueue them, or release their events.
    """

    steps: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    done: int = 0
    follow_ups: list[Dispatch] = field(default_factory=list)

    @property
    def moved(self) -> int:
        """Steps that ended with an outcome."""
        return self._ended("moved")

    @property
    def retrying(self) -> int:
        """Steps that failed and are tried again."""
        return self._ended("retrying")

    @property
    def failed(self) -> int:
        """Steps that failed for good, each with its event."""
        return self._ended("failed")

    def add(self, chain: Chain) -> None:
        """Count what one event went through; only after its commit."""
        event = chain.event
        self.steps.update((event.workflow, step, how) for step, how in chain.ended)
        self.done += event.state == "done"
        if chain.alert is not None:
            self.alerts[event.workflow, event.step, chain.alert] += 1

    def _ended(self, wanted: str) -> int:
        return sum(number for (_, _, how), number in self.steps.items() if how == wanted)
