"""A thread that brings tenants' checkpoints into the installation's log, ends retired keys, and keeps the shred
list whole."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from . import rotation
from .backups.listing import list_erased
from .core import Core
from .erasing import erasure
from .faults import where
from .services import covering

logger = structlog.get_logger(__name__)

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

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                covering.cover(self.core)
                rotation.finish(self.core)
                erasure.sweep(self.core)
                self._listed = list_erased(self.core, self._listed)
            except Exception as error:  # noqa: BLE001  # tried again with the next round, whatever it was
                logger.warning("covering_failed", **where(error))
            self._stopping.wait(self.every)
        self.core.store.close()
