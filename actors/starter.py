"""Starting what isn't possible yet: a database may be away for a while, and a server mustn't end for that."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from ..config.errors import StartError
from ..engine import runner
from ..engine.errors import DxflowError, Unavailable

logger = structlog.get_logger(__name__)

RETRY_S = 1.0
"""Seconds between two tries."""


class Starter:
    """Calls ``start`` until it succeeds; a call that failed must have left nothing behind."""

    def __init__(self, start: Callable[[], None]) -> None:
        self._start = start
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Call it now, and where something is away each second from then on, in a thread of its own.

        Raises StartError for what waiting can't mend.
        """
        self._stopping.clear()
        try:
            self._start()
        except Unavailable as error:
            logger.warning("engine_waits", reason=str(error))
            self._thread = threading.Thread(target=self._run, name="dxflow-engine-starter", daemon=True)
            self._thread.start()
        except DxflowError as error:
            raise StartError(str(error)) from error

    @property
    def waits(self) -> bool:
        """Whether it hasn't succeeded yet."""
        return self._thread is not None and self._thread.is_alive()

    def stop(self, timeout_s: float) -> None:
        """Try no more; wait for a try under way."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.wait(RETRY_S):
            try:
                self._start()
            except Unavailable:
                continue
            except Exception as error:  # noqa: BLE001 - nobody else would hear of it, and it may pass
                logger.error("engine_start_failed", **runner.where(error))
                continue
            return
