"""A thread that brings the installation's root onto the chain, and watches that it stays there."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Self

import structlog

from .anchoring import Anchors
from .anchoring.following import follow
from .core import Core
from .faults import where
from .services.audit import covering
from .store import scope

logger = structlog.get_logger(__name__)

SOON, CALM, AWAY = 2.0, 15.0, 60.0
"""Seconds to the next round: after something moved, while nothing does, and at most while the chain is away."""


@dataclass(slots=True)
class Anchorer:
    """One per process that does work; several at once are harmless. ``every`` is how many seconds may pass
    before a new root is anchored; what was signed is followed more often."""

    core: Core
    anchors: Anchors
    every: float
    soon: float = SOON
    _due: float = 0.0
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    @classmethod
    def of(cls, core: Core) -> Self | None:
        """The anchorer of an installation that has a chain."""
        return cls(core, core.anchors, core.anchors.every) if core.anchors is not None else None

    def start(self) -> None:
        """Begin; the first round is at once."""
        self._thread = threading.Thread(target=self._run, name="dxflow-anchorer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop after the round under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    @scope.everyone("the installation's log speaks of every tenant's")
    def _run(self) -> None:
        pause = self.soon
        while not self._stopping.is_set():
            try:
                pause = self._round(pause)
            except Exception as error:  # noqa: BLE001  # tried again with the next round, whatever it was
                logger.warning("anchoring_failed", **where(error))
                pause = min(pause * 2, AWAY)
            self._stopping.wait(pause)
        self.core.store.close()

    def _round(self, pause: float) -> float:
        """Seconds to the next one."""
        due = time.monotonic() >= self._due
        followed = follow(self.anchors, back=due)
        if due:
            covering.cover(self.core)
            if self.anchors.sign() is not None:
                followed = follow(self.anchors)
            self._due = time.monotonic() + self.every
        if followed.moved:
            return self.soon
        rest = max(self._due - time.monotonic(), self.soon)
        return min(pause * 1.5, CALM, rest) if followed.open else rest
