"""Hear of changes that other programs make to the database, so that their workflows start at once.

PostgreSQL tells us (LISTEN); a SQLite file is asked for its ``data_version``, a number that moves when another
connection commits and costs no query.
"""

from __future__ import annotations

import select
import threading
from dataclasses import dataclass, field

import structlog

from ..engine import runner
from ..engine.core import Core

logger = structlog.get_logger(__name__)

GLANCE = 0.1
"""Seconds between two looks at a SQLite file."""

PATIENCE = 1.0
"""Seconds to listen before looking whether to stop, and to wait before connecting again."""


@dataclass(slots=True)
class Watch:
    """Rings the core's bell; one thread per process."""

    core: Core
    _stopping: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin watching."""
        self._thread = threading.Thread(target=self._run, name="dxflow-watch", daemon=True)
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """Stop; what is missed from here on the relay finds by looking."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout)

    def _run(self) -> None:
        watch = self._watch_file if self.core.store.dialect == "sqlite" else self._listen
        while not self._stopping.is_set():
            try:
                with self.core.store.reachable():
                    watch()
            except Exception as error:  # noqa: BLE001 - the driver's own errors too; a dead watch hears nothing
                logger.warning("watch_interrupted", **runner.where(error))
                self.core.store.close()  # a new connection LISTENs anew
                self._stopping.wait(PATIENCE)
        self.core.store.close()

    def _watch_file(self) -> None:
        database, seen = self.core.store.database, None
        while not self._stopping.wait(GLANCE):
            version = database.execute_sql("PRAGMA data_version").fetchone()[0]
            if version != seen:
                seen = version
                self.core.bell.set()

    def _listen(self) -> None:
        database = self.core.store.database
        database.execute_sql("LISTEN dxflow_events")
        connection = database.connection()
        while not self._stopping.is_set():
            if select.select([connection], [], [], PATIENCE)[0]:
                connection.poll()
                if connection.notifies:
                    connection.notifies.clear()
                    self.core.bell.set()
