"""What is measured, each in a process of its own: ``python benchmarks/children.py NAME``.

``web`` and ``serve`` are dxflow as the command line runs it, with its settings in the environment; ``empty`` is
the edge's peer. A child tells its parent that it is ready by answering on its port.
"""

from __future__ import annotations

import itertools
import sys
from pathlib import Path
from typing import Any

import dramatiq

import dxflow
from dxflow.config import logging, processes
from dxflow.config.server import run_server
from dxflow.config.settings import Settings
from dxflow.engine.wiring import core_for


def web() -> int:
    """The edge alone."""
    settings = _settings()
    return processes.web(settings, _open, dxflow.create_app)


def serve() -> int:
    """Edge and actors in one process, on an embedded Valkey."""
    return processes.serve(
        _settings(),
        _open,
        _counted,
        lambda settings, engine: dxflow.create_app(settings, engine=engine),
    )


def empty() -> int:
    """A Falcon resource that does nothing, under the same worker with the same options."""
    import falcon

    class Nothing:
        def on_post(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
            """Answer 200 without reading or writing anything."""

    def application() -> falcon.App[Any, Any]:
        app = falcon.App()
        app.add_route("/webhooks/{platform}/{connector_id}", Nothing())
        return app

    settings = _settings()
    return run_server(
        settings,
        application,
        on_fork=lambda *_: None,
        on_exit=lambda *_: None,
        workers=settings.web_workers,
        threads=settings.edge_threads,
    )


class Count(dramatiq.Middleware):
    """Leaves the number of messages that were processed in a file, when the worker ends."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._numbers = itertools.count()

    def after_process_message(self, *_: object, **__: object) -> None:
        """One more; ``next`` is atomic among threads."""
        next(self._numbers)

    def after_worker_shutdown(self, *_: object) -> None:
        """All threads have ended."""
        self._file.write_text(str(next(self._numbers)))


def _counted(settings: Settings, sole: bool) -> dxflow.Engine:
    engine = dxflow.Engine(settings, sole=sole)
    engine.broker.add_middleware(Count(settings.data_dir / "messages"))
    return engine


def _settings() -> Settings:
    settings = Settings.load()
    logging.configure(settings)
    return settings


def _open(settings: Settings) -> None:
    core_for(settings).store.close()


CHILDREN = {"web": web, "serve": serve, "empty": empty}

if __name__ == "__main__":
    sys.exit(CHILDREN[sys.argv[1]]())
