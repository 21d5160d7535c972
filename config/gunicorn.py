"""gunicorn's configuration file: ``gunicorn -c python:dxflow.config.gunicorn 'dxflow:create_app()'``.

An installation with a file of its own imports two hooks into it and sets DXFLOW_REDIS_URL:
``from dxflow.config.gunicorn import post_fork, worker_exit``.

Being a configuration file, it reads the settings when it is imported. It is also the one module here that
reaches up, and only inside its hooks: threads don't survive a fork, so each worker starts its own engine.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Any, Protocol

from . import logging
from .datadir import DataDir
from .errors import StartError
from .server import EXIT_TIMEOUT_S, enter_worker, leave_worker, stock_options
from .settings import Settings
from .valkey import EmbeddedValkey


class _Stoppable(Protocol):
    def stop(self, timeout_s: float) -> None: ...


@dataclass
class _Process:
    """What this process holds: the master the directory and Valkey, a worker its engine."""

    settings: Settings
    data_dir: DataDir | None = None
    valkey: EmbeddedValkey | None = None
    engine: _Stoppable | None = None


_process = _Process(Settings.load())

# gunicorn takes what this module's names say, and lets its own command line override them.
globals().update(stock_options(_process.settings))
bind = _process.settings.listen_address
workers = _process.settings.web_workers
threads = _process.settings.edge_threads


def on_starting(_arbiter: Any) -> None:
    """In the master, before it listens: take the data directory, start Valkey where no Redis is set."""
    settings = _process.settings
    logging.configure(settings)
    try:
        _process.data_dir = DataDir(settings.data_dir).open()
        if settings.redis_url is None:
            _process.valkey = EmbeddedValkey(settings.data_dir)
            _process.valkey.start()
            url = _process.valkey.url
            os.environ["DXFLOW_REDIS_URL"] = url  # for the application, which reads its settings by itself
            _process.settings = settings.model_copy(update={"redis_url": url})
    except StartError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def on_exit(_arbiter: Any) -> None:
    """In the master, when all workers have ended."""
    if _process.valkey:
        _process.valkey.stop()
    if _process.data_dir:
        _process.data_dir.close()


def post_fork(_arbiter: Any, worker: Any) -> None:
    """In each new worker: start the engine."""
    enter_worker(worker, _start_engine)


def worker_exit(_arbiter: Any, _worker: Any) -> None:
    """In a worker that ends: let the steps in progress finish, within gunicorn's graceful timeout."""
    leave_worker(_stop_engine)


def _start_engine() -> None:
    from .. import Engine

    engine = Engine(_process.settings)
    _process.engine = engine
    engine.start()


def _stop_engine() -> None:
    if _process.engine:
        _process.engine.stop(EXIT_TIMEOUT_S)
