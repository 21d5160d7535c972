"""Runs systems one after the other on one Valkey, and reads how fast they are and what a message costs.

A run sends its messages first, one call each, and then starts the worker. The first tenth of the messages warms
it up; the clock runs from there to the last one. Processor time is the worker's, with all its processes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from environments import PeerMissing
from measure import Readings, Round, Scale, spread
from stage import StageFailed
from systems import Arena, System

COSTS = ("enqueue/s", "messages/s", "CPU µs", "Valkey µs")
"""Columns of what ``costs`` tells."""


@dataclass(frozen=True, slots=True)
class Contest:
    """Runs systems and remembers why one couldn't be run."""

    arena: Arena
    scale: Scale
    missing: dict[str, str] = field(default_factory=dict)

    def run(self, key: str, system: System, **settings: int) -> Round:
        """What ``measure`` reads, on an empty server."""
        self.arena.clear()
        return self.measure(key, system, **settings)

    def measure(self, key: str, system: System, **settings: int) -> Round:
        """Readings named ``key``, ``key enqueue`` (both per second), ``key cpu`` and ``key server`` (µs of the
        worker and of Valkey per message)."""
        count = self.scale.messages(system.count)
        sent_in = self.arena.send(system, "enqueue", count, **settings)
        return self._drain(key, system, count, settings) | {f"{key} enqueue": count / sent_in}

    def chains(self, key: str, system: System, length: int, count: int) -> Round:
        """The same of messages that each send the next: ``key`` and ``key cpu`` are per chain of ``length``."""
        self.arena.clear()
        self.arena.send(system, "chain", length, count)
        found = self._drain(key, system, length * count, {})
        return {key: found[key] / length, f"{key} cpu": found[f"{key} cpu"] * length}

    def _drain(self, key: str, system: System, count: int, settings: dict[str, int]) -> Round:
        tally, server = self.arena.tally, self.arena.server
        with self.arena.worker(system, **settings) as worker:
            ticks = tally.wait(count // 10, worker)
            began, spent, served = time.monotonic(), worker.spent().cpu, server.cpu()
            ticks += tally.wait(count - len(ticks), worker)
            spent, served = worker.spent().cpu - spent, server.cpu() - served
        times = sorted(tick.at for tick in ticks)[count // 10 :]
        ran = max(1, sum(at >= began for at in times))
        rate = (len(times) - 1) / (times[-1] - times[0])
        return {key: rate, f"{key} cpu": spent / ran * 1e6, f"{key} server": served / ran * 1e6}

    def attempt(self, key: str, system: System, reading: Callable[[], Round]) -> Round:
        """A reading of a peer, which may be missing: then there is none, and why is kept."""
        if system.own and not self.scale.peers:
            self.missing[key] = "not run: smoke installs nothing"
        if key in self.missing:
            return {}
        try:
            return reading()
        except (PeerMissing, StageFailed) as error:
            self.missing[key] = f"not run: {error}"
            return {}


def costs(readings: Readings, key: str) -> tuple[str, ...]:
    """Enqueued and run per second, µs of worker and of Valkey per message."""
    names = (f"{key} enqueue", key, f"{key} cpu", f"{key} server")
    return tuple(spread(readings.of(name)) for name in names)
