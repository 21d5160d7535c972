"""The dx-agent as an HTTP service: what engines ask of it, its logs as outsiders read them, and its health.

``docs/dx-agent.md`` is the protocol.
"""

from __future__ import annotations

import os

from ...config import logging
from ...config.settings import Settings
from ...engine.anchorer import Anchorer
from ...engine.coverer import Coverer
from ...engine.wiring import agent_core_for
from ..late import Late, WsgiApp
from .app import build, waiting


class Service:
    """The agent of these settings, opened by each process for itself with its first request."""

    def __init__(self, settings: Settings) -> None:
        """Nothing is opened yet."""
        self._settings = settings
        self._threads: dict[int, list[Coverer | Anchorer]] = {}

    def app(self) -> Late:
        """The WSGI application."""
        return Late(self._make, waiting)

    def stop(self, timeout_s: float) -> None:
        """End this process's threads that cover and anchor the logs."""
        for thread in self._threads.pop(os.getpid(), ()):
            thread.stop(timeout_s)

    def _make(self) -> WsgiApp:
        logging.adopt()
        core = agent_core_for(self._settings)
        token = self._settings.agent_token
        app = build(core, token.get_secret_value().strip() if token else None, self._settings)
        anchorer = Anchorer.of(core)
        threads = self._threads[os.getpid()] = [Coverer(core), *([anchorer] if anchorer else [])]
        for thread in threads:
            thread.start()
        return app


__all__ = ["Service"]
