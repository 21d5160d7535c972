"""An application that each process makes for itself, with its first request.

A server may load the application in its master and fork workers afterwards (``gunicorn --preload``): what was
opened before would be shared by all of them. And a worker may begin before its database answers: then it says
so, and tries again with the next request, instead of ending.

Nothing is imported here that must wait for gevent (``engine/greenlets.py``).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from typing import Any

import structlog

from ..config.errors import StartError
from ..engine.errors import DxflowError

logger = structlog.get_logger(__name__)

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class Late:
    """A WSGI application. ``make`` may open connections and start threads, and raise DxflowError; meanwhile
    the application that ``meanwhile`` makes answers."""

    def __init__(self, make: Callable[[], WsgiApp], meanwhile: Callable[[], WsgiApp]) -> None:
        self._make = make
        self._meanwhile = meanwhile
        self._made: dict[int, WsgiApp] = {}
        self._guards: dict[int, threading.Lock] = {}
        self._told = ""

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer with this process's application."""
        app = self._made.get(os.getpid()) or self._try_to_make()
        return app(environ, start_response)

    def _try_to_make(self) -> WsgiApp:
        """The first requests wait for it; after a failure one tries again and the others don't wait."""
        # A lock of this process, and of the kind its threads have: one made in the master might be neither.
        guard = self._guards.setdefault(os.getpid(), threading.Lock())
        if not guard.acquire(blocking=not self._told):
            return self._meanwhile()
        try:
            if os.getpid() not in self._made:
                self._made[os.getpid()] = self._make()
            return self._made[os.getpid()]
        except (DxflowError, StartError) as error:
            self._tell(str(error))
            return self._meanwhile()
        finally:
            guard.release()

    def _tell(self, reason: str) -> None:
        """Once, not with each request."""
        if reason != self._told:
            logger.warning("edge_waits", reason=reason)
        self._told = reason
