"""The threads of a running engine, started and stopped in order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from dramatiq import Worker

from ..engine.errors import Unavailable
from .sources import Sources


@dataclass(frozen=True, slots=True)
class Parts:
    """They belong to ``process``; in a fork of it there are none."""

    worker: Worker
    sources: Sources
    process: int = field(default_factory=os.getpid)

    def start(self) -> None:
        """``process_boot`` is what time limits wait for; Dramatiq's own command emits it too."""
        self.worker.broker.emit_after("process_boot")
        self.worker.start()

    def stop(self, timeout_s: float) -> None:
        """Let steps in progress finish, at most ``timeout_s`` seconds."""
        self.sources.patience = timeout_s / 4
        self.worker.stop(timeout=int(timeout_s * 500))

    def check(self) -> None:
        """Raises Unavailable for a thread that died."""
        if not (self.sources.alive and all(thread.is_alive() for thread in self.worker.workers)):
            raise Unavailable("a thread of the engine has died; restart this process")
