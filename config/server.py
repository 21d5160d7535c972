"""gunicorn as dxflow runs it, for ``serve`` and ``web``.

Three things differ from the stock server. The listening socket is opened here, before anything else starts,
because gunicorn retries a taken port five times and prints each. Ctrl-C, which a terminal sends to every
process, is left to the master, which lets requests and steps in progress end. And a worker never outlives
its master: the kernel kills it, so that a restart finds port and data directory free.
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from .errors import AddressTaken, StartError
from .lifeline import die_with_parent
from .settings import Settings

# From the signal to the end of a worker, which the master enforces. gunicorn lets a worker spend all of
# it on open connections (one that a browser opened and never used is enough): the parts are set apart.
GRACEFUL_TIMEOUT_S = 30
REQUESTS_TIMEOUT_S = 5
EXIT_TIMEOUT_S = 20.0
_BACKLOG = 2048

log = structlog.get_logger(__name__)

WsgiApp = Callable[..., Any]
Hook = Callable[[], None]


def listen(settings: Settings) -> socket.socket:
    """The listening socket for DXFLOW_HOST and DXFLOW_PORT. Raises AddressTaken: one line."""
    where = settings.listen_address
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
    except OSError as error:
        raise AddressTaken(f"DXFLOW_HOST: {settings.host} is no address here: {error.strerror}") from None
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)  # on Linux two sockets may bind an address, but only one may listen
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise AddressTaken(
                f"DXFLOW_PORT: {where} is taken by another program; stop it, or choose another port"
            ) from None
        raise AddressTaken(f"DXFLOW_PORT: can't listen on {where}: {error.strerror}") from None
    return listener


def run_server(
    settings: Settings,
    app_factory: Callable[[], WsgiApp],
    *,
    on_fork: Hook,
    on_exit: Hook,
    workers: int,
    threads: int,
    listener: socket.socket | None = None,
    on_tick: Hook | None = None,
) -> int:
    """Serve until told to stop; returns the exit code, 0 or 1, in the master only.

    ``on_fork`` runs in each worker before ``app_factory``, ``on_exit`` when the worker ends, also when
    ``on_fork`` didn't finish; it has EXIT_TIMEOUT_S seconds. ``on_tick`` runs in the master about once a
    second and after a child's end. Forked workers end inside this call: they never run the caller's
    ``finally`` blocks. Raises AddressTaken. For the main thread only.
    """
    master = os.getpid()
    bound = listener or listen(settings)
    options = stock_options(settings) | {
        "bind": f"fd://{bound.detach()}",
        "workers": workers,
        "threads": threads,
        "post_fork": lambda _arbiter, worker: enter_worker(worker, on_fork),
        "post_worker_init": lambda _worker: signal.signal(signal.SIGINT, signal.SIG_IGN),
        "worker_exit": lambda _arbiter, _worker: leave_worker(on_exit),
    }
    try:
        Server(app_factory, options, on_tick).run()
    except SystemExit as ending:
        if os.getpid() != master:
            _end_worker(ending.code)
        return 0 if ending.code in (0, None) else 1
    return 0


def stock_options(settings: Settings) -> dict[str, Any]:
    """What both ways of running share: run_server's, and the configuration file ``config/gunicorn.py``."""
    shared_memory = Path("/dev/shm")  # noqa: S108 - not a file: where the workers' heartbeats cost no disk
    return {
        "worker_class": "gthread",
        "timeout": 60,
        "graceful_timeout": GRACEFUL_TIMEOUT_S,
        "keepalive": 65,  # longer than the 60 s of common load balancers, which then close first
        "control_socket_disable": True,  # one path for all servers of a user, under the home directory
        "worker_tmp_dir": str(shared_memory) if os.access(shared_memory, os.W_OK) else None,
        "proc_name": "dxflow",
        "accesslog": None,
        "logger_class": GunicornLog,
        "loglevel": "debug" if settings.log_level == "debug" else "warning",
    }


def enter_worker(worker: Any, on_fork: Hook) -> None:
    """First thing in a worker. Until gunicorn sets its handlers the master's are there, and lose signals."""
    die_with_parent(worker.ppid)
    worker.cfg.set("graceful_timeout", REQUESTS_TIMEOUT_S)  # in this process; the master keeps its own
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    try:
        on_fork()
    except StartError as error:
        log.error(str(error))
        sys.exit(Arbiter.WORKER_BOOT_ERROR)


def leave_worker(on_exit: Hook) -> None:
    """Run ``on_exit`` undisturbed: Ctrl-C reaches master and worker, and a second signal would cut it."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    on_exit()


def _end_worker(code: object) -> None:
    """End the process without unwinding what the master called ``run_server`` from."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 0 if code is None else 1)


class GunicornLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's log without handlers of its own: records go to the root logger and are redacted there."""

    def setup(self, cfg: Any) -> None:
        """Called by gunicorn at start and reload."""
        super().setup(cfg)
        self.error_log.propagate = True

    def _set_handler(self, *_: object, **__: object) -> None:
        """gunicorn's hook for adding a handler; there is none to add."""


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """A gunicorn application that is configured by a dict instead of files and a command line."""

    def __init__(
        self, app_factory: Callable[[], WsgiApp], options: dict[str, Any], on_tick: Hook | None
    ) -> None:
        self._app_factory = app_factory
        self._options = options
        self._on_tick = on_tick
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn at start and reload."""
        for name, value in self._options.items():
            self.cfg.set(name, value)

    def load(self) -> WsgiApp:
        """Called by gunicorn in each worker."""
        return self._app_factory()

    def run(self) -> None:
        """Run the master; it ends with SystemExit."""
        _Master(self, self._on_tick).run()


class _Master(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    def __init__(self, server: Server, on_tick: Hook | None) -> None:
        super().__init__(server)
        self._on_tick = on_tick

    def handle_int(self) -> None:
        """Ctrl-C ends as gracefully as SIGTERM; the second one is quick (``Arbiter.stop`` looks for it)."""
        self.handle_term()

    def manage_workers(self) -> None:
        """gunicorn's main loop comes by here about once a second, and at once when a child has ended."""
        super().manage_workers()
        if self._on_tick:
            try:
                self._on_tick()
            except StartError as error:
                log.error(str(error))
