"""A thread that does what falls due by itself: covers tenants' checkpoints, ends retired keys, keeps the shred
list whole, warns of clocks, asks recipients whose day has come, certifies erasures, forgets what expired."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from . import rotation
from .backups.listing import list_erased
from .core import Core
from .desk import acknowledging, retention, warnings
from .erasing import certificate, erasure
from .faults import where
from .fulfilment import forgetting
from .mail import queue
from .recipients import obligations
from .services.audit import covering
from .store import scope

logger = structlog.get_logger(__name__)

CHORES: tuple[Callable[[Core], object], ...] = (
    covering.cover,
    rotation.finish,
    erasure.sweep,
    warnings.sweep,
    acknowledging.sweep,
    queue.forget,
    obligations.wake,
    certificate.finish,
    forgetting.expire,
    retention.forget,
    retention.forget_agents,
)
"""What each round does, in this order."""

EVERY = 60.0
"""Seconds from one round to the next: how old the part of a tenant's log can be that no root covers."""


@dataclass(slots=True)
class Coverer:
    """One per process that writes logs; several at once are harmless."""

    core: Core
    every: float = EVERY
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None
    _listed: datetime | None = None

    def start(self) -> None:
        """Begin; the first round is at once."""
        self._thread = threading.Thread(target=self._run, name="dxflow-coverer", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop after the round under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    @scope.everyone("what is due is due for every tenant")
    def _run(self) -> None:
        while not self._stopping.is_set():
            for chore in CHORES:
                self._do(chore.__module__, chore)
            self._do("backups", self._list_erased)
            self._stopping.wait(self.every)
        self.core.store.close()

    def _do(self, name: str, chore: Callable[[Core], object]) -> None:
        """One that fails keeps no other waiting, and is tried again with the next round."""
        try:
            chore(self.core)
        except Exception as error:  # noqa: BLE001  # the other chores go on, whatever it was
            logger.warning("chore_failed", chore=name.rpartition(".")[2], **where(error))

    def _list_erased(self, core: Core) -> None:
        self._listed = list_erased(core, self._listed)
