"""The ways to run: everything in one process, the edge alone, the actors alone; and a dx-agent.

What is run comes in as parameters, because nothing here may import the engine. The order is that of the
faults: a directory in use and a taken port are told before anything is started or written.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Protocol, TypeVar

from . import stopping
from .addresses import is_loopback
from .datadir import DataDir
from .errors import SettingsError
from .listening import listen
from .server import EXIT_TIMEOUT_S, WsgiApp, run_server
from .settings import Settings
from .valkey import EmbeddedValkey


class Engine(Protocol):
    """The actors' side, prepared and not yet started."""

    def start(self) -> None:
        """Begin to work. Raises StartError."""

    def begin(self, *, alone: bool) -> None:
        """``start``, at once or when database and Redis answer; ``alone``: nobody else works on this Redis.
        Raises StartError for what waiting can't mend."""

    def stop(self, timeout_s: float) -> None:
        """Let the steps in progress finish."""


E = TypeVar("E", bound=Engine)
Opening = Callable[[Settings], None]
"""Opens the store and closes it again, before the workers are forked: faults are told once, by the master."""


def serve(
    settings: Settings,
    opening: Opening,
    engine_for: Callable[[Settings, bool], E],
    app_for: Callable[[Settings, E], WsgiApp],
) -> int:
    """Edge and actors, on an embedded Valkey unless a Redis is set; returns the exit code. Raises StartError.

    ``engine_for`` is told whether its engine will be the only one on this Redis.
    """
    with ExitStack() as stack:
        stack.enter_context(DataDir(settings.data_dir))
        listener = stack.enter_context(listen(settings))
        valkey = None if settings.redis_url else EmbeddedValkey(settings.data_dir)
        if valkey:
            stack.callback(valkey.stop)
            valkey.start()
            settings = settings.model_copy(update={"redis_url": valkey.url})
        opening(settings)
        engine = engine_for(settings, valkey is not None and settings.web_workers == 1)
        return run_server(
            settings,
            lambda: app_for(settings, engine),
            on_fork=lambda alone: engine.begin(alone=alone),
            on_exit=lambda: engine.stop(EXIT_TIMEOUT_S),
            workers=settings.web_workers,
            threads=settings.edge_threads,
            listener=listener,
            on_tick=valkey.ensure_running if valkey else None,
        )


def web(settings: Settings, opening: Opening, app_for: Callable[[Settings], WsgiApp]) -> int:
    """The edge alone; several may share a data directory. Returns the exit code. Raises StartError."""
    return _serve(settings, opening, app_for, lambda _: None)


def agent(
    settings: Settings,
    opening: Opening,
    app_for: Callable[[Settings], WsgiApp],
    on_exit: Callable[[float], None],
) -> int:
    """A dx-agent; several may share a database. Returns the exit code. Raises StartError.

    ``on_exit`` runs in each worker when it ends, and is told how many seconds it has.
    """
    _refuse_open_enrolment(settings)
    return _serve(settings, opening, app_for, on_exit)


def _serve(
    settings: Settings,
    opening: Opening,
    app_for: Callable[[Settings], WsgiApp],
    on_exit: Callable[[float], None],
) -> int:
    """Serve what starts nothing beside itself."""
    DataDir(settings.data_dir).prepare()
    with listen(settings) as listener:
        opening(settings)
        return run_server(
            settings,
            lambda: app_for(settings),
            on_fork=lambda _alone: None,
            on_exit=lambda: on_exit(EXIT_TIMEOUT_S),
            workers=settings.web_workers,
            threads=settings.edge_threads,
            listener=listener,
        )


def _refuse_open_enrolment(settings: Settings) -> None:
    """Raise SettingsError where anybody who reaches the agent could register with it."""
    if settings.agent_token is not None or is_loopback(settings.host):
        return
    raise SettingsError(
        f"DXFLOW_AGENT_TOKEN: isn't set, and {settings.host} can be reached by others: any engine could enrol; "
        "set the same token here and at the engines, or listen on 127.0.0.1"
    )


def worker(settings: Settings, engine: Engine) -> None:
    """The actors alone, until SIGINT or SIGTERM. Raises StartError; for the main thread only."""
    with stopping.signals() as told, ExitStack() as stack:
        DataDir(settings.data_dir).prepare()
        stack.callback(engine.stop, EXIT_TIMEOUT_S)
        engine.start()
        told(None)
