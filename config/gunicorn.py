"""gunicorn's configuration file: ``gunicorn -c python:dxflow.config.gunicorn 'dxflow:create_app()'``.

An installation with a file of its own imports two hooks into it and sets DXFLOW_REDIS_URL:
``from dxflow.config.gunicorn import post_fork, worker_exit``. The hooks bring nothing else with them: which
workers run, where they listen, how long they get and where they log stays as that file says.

Being a configuration file, it reads the settings when it is imported. It is also the one module here that
reaches up, and only inside its hooks: threads don't survive a fork, so each worker starts its own engine.
"""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import dataclass
from typing import Any, Protocol

import structlog

from . import logging
from .datadir import DataDir
from .errors import SettingsError, StartError
from .server import OUR_SHARE, OURS, Ending, enter_worker, is_alone, leave_worker, stock_options, tick_with
from .settings import Settings
from .valkey import EmbeddedValkey

__all__ = ["post_fork", "worker_exit"]

log = structlog.get_logger(__name__)


class _Engine(Protocol):
    def begin(self, *, alone: bool) -> None: ...

    def stop(self, timeout_s: float) -> None: ...


@dataclass
class _Process:
    """What this process holds: the master the directory and Valkey, a worker its engine.

    ``settings`` is those of a master whose configuration file this is; under another file each worker reads
    its own.
    """

    settings: Settings | None = None
    data_dir: DataDir | None = None
    valkey: EmbeddedValkey | None = None
    engine: _Engine | None = None
    ending: Ending = OURS


_process = _Process()


def _options() -> dict[str, Any]:
    """gunicorn's settings. A fault in ours is an error that gunicorn tells in one line; in a file that imports
    the hooks it would be a traceback, so there it is left to ``post_fork``."""
    try:
        settings = Settings.load()
    except SettingsError:
        if _is_the_file():
            raise
        return {}
    return stock_options(settings) | {
        "bind": settings.listen_address,
        "workers": settings.web_workers,
        "threads": settings.edge_threads,
    }


def _is_the_file() -> bool:
    """Whether gunicorn was told to read this module, and not a file that imports from it."""
    words = [*sys.argv[1:], *shlex.split(os.environ.get("GUNICORN_CMD_ARGS", ""))]
    return any(word.endswith(f"python:{__name__}") for word in words)


# gunicorn takes what this module's names say, and lets its own command line override them.
globals().update(_options())


def on_starting(arbiter: Any) -> None:
    """In the master, before it listens: take the data directory, start Valkey where no Redis is set."""
    try:
        settings = Settings.load()
        logging.configure(settings)
        _process.data_dir = DataDir(settings.data_dir).open()
        if settings.redis_url is None:
            _process.valkey = EmbeddedValkey(settings.data_dir)
            _process.valkey.start()
            # For all that read the settings by themselves: the application, and this file's other hooks.
            os.environ["DXFLOW_REDIS_URL"] = _process.valkey.url
            settings = Settings.load()
            tick_with(arbiter, _process.valkey.ensure_running)
    except StartError as error:
        sys.stderr.write(f"dxflow: {error}\n")
        sys.exit(1)
    _process.settings = settings


def on_reload(_arbiter: Any) -> None:
    """In the master, on SIGHUP: what ``.env`` says now is for the new workers, unless it is wrong."""
    try:
        _process.settings = Settings.load()
    except SettingsError as error:
        log.error(f"the settings stay as they were: {error}")


def on_exit(_arbiter: Any) -> None:
    """In the master, when all workers have ended."""
    if _process.valkey:
        _process.valkey.stop()
    if _process.data_dir:
        _process.data_dir.close()


def post_fork(arbiter: Any, worker: Any) -> None:
    """In each new worker: start the engine."""
    ours = _process.settings is not None
    _process.ending = Ending.within(worker.cfg.graceful_timeout, OUR_SHARE if ours else 1 / 2)
    enter_worker(worker, lambda: _start_engine(is_alone(arbiter)), ending=_process.ending, tied=ours)


def worker_exit(_arbiter: Any, _worker: Any) -> None:
    """In a worker that ends: let the steps in progress finish, within gunicorn's graceful timeout."""
    leave_worker(_stop_engine)


def _start_engine(alone: bool) -> None:
    from .. import Engine

    settings = _process.settings or Settings.load()
    if settings.redis_url is None:
        raise SettingsError(
            "DXFLOW_REDIS_URL: unset; gunicorn's workers can't each have an embedded Valkey. Set the address "
            "of a Redis, or use dxflow's own file: gunicorn -c python:dxflow.config.gunicorn"
        )
    _process.engine = Engine(settings, sole=_process.valkey is not None)
    _process.engine.begin(alone=alone)


def _stop_engine() -> None:
    if _process.engine:
        _process.engine.stop(_process.ending.exit_s)
