"""Whole events per second, from the webhook to the registered activity, and what one costs.

``serve`` does all of it in one process. Everything that arrives is waited for: the time runs from the first
request until no event is under way. Peers of the same rounds: the edge alone, a bare SQLite commit, and a chain
of as many no-op messages of stock Dramatiq on the same kind of Valkey.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import load
import stage
from edge import Numbers
from measure import Figure, Readings, Round, Scale, spread, take
from traffic import Target

from dxflow.engine.store import models

STEPS = 8
"""webhook: extract, match, log; data_subject: derive, link; processing_activity: publish, register, record."""
TENANTS = 100
CONNECTIONS = 4
PATIENCE_S = 120.0
ROW = b"x" * 1500


@dataclass(slots=True)
class Whole:
    """The servers of this figure, all up."""

    scale: Scale
    installation: stage.Installation
    serve: stage.Child
    chain: stage.Child
    edge: Target
    commits: Callable[[float], float]
    numbers: Numbers = field(default_factory=Numbers)

    def readings(self) -> Readings:
        """Alternate between dxflow and its peers."""
        one, many = self.installation.target(0, 1), self.installation.target(1, None)
        return take(
            self.scale,
            lambda: self._events("one", one),
            self._chains,
            lambda: self._events("many", many),
            self._accepted,
            lambda: {"commit": self.commits(self.scale.seconds)},
        )

    def _events(self, name: str, target: Target) -> Round:
        count, before = self.scale.events, registered()
        spent = self.serve.spent().cpu
        outcome = load.fire(load.split(target, CONNECTIONS, self.numbers.take(count), count))
        ended = drained()
        if registered() - before != count:
            raise stage.StageFailed(f"of {count} events {registered() - before} came to be registered")
        after = self.serve.spent()
        return {
            name: count / (ended - outcome.began),
            f"{name} cpu": (after.cpu - spent) / count * 1000,
            f"{name} memory": after.memory,
        }

    def _chains(self) -> Round:
        count, spent = max(10, self.scale.events // 4), self.chain.spent().cpu
        seconds = float(self.chain.ask(f"{STEPS} {count}"))
        return {"chain": count / seconds, "chain cpu": (self.chain.spent().cpu - spent) / count * 1000}
"""
"""
