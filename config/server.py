"""gunicorn as dxflow runs it, for ``serve`` and ``web``.

Three things differ from the stock server. The listening socket is opened before anything else starts
(``listening``), because gunicorn retries a taken port five times and prints each. Ctrl-C, which a terminal
sends to every process, is left to the master, which lets requests and steps in progress end. And a worker never
outlives its master: the kernel kills it, so that a restart finds port and data directory free.
"""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.glogging import Logger

from .errors import StartError
from .lifeline import die_with_parent
from .listening import listen
from .settings import Settings
from .worker import Worker

GRACEFUL_TIMEOUT_S = 30
EXIT_TIMEOUT_S = 20.0
_SLACK_S = 3
_ADDRESSED = "%s %s"
"""How gunicorn's workers log the method and path of each request, at debug level."""

log = structlog.get_logger(__name__)

WsgiApp = Callable[..., Any]
Hook = Callable[[], None]
ForkHook = Callable[[bool], None]
"""Is told whether its worker is alone: no other worker of this master runs."""


def run_server(
    settings: Settings,
    app_factory: Callable[[], WsgiApp],
    *,
    on_fork: ForkHook,
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
        "post_fork": lambda arbiter, worker: enter_worker(worker, lambda: on_fork(is_alone(arbiter))),
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
        "worker_class": Worker,
        "limit_request_line": 8190,  # the most gunicorn allows: lists take long search words, percent-encoded
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


@dataclass(frozen=True, slots=True)
class Ending:
    """How a worker's time from the signal to its end is shared out; the master enforces the whole of it.

    gunicorn lets a worker spend all of it on open connections (one that a browser opened and never used is
    enough) and then kills it in the middle of its steps: so the parts are set apart.
    """

    requests_s: int
    exit_s: float

    @classmethod
    def within(cls, graceful_s: int, requests_share: float) -> Ending:
        """Parts of gunicorn's ``graceful_timeout``, less what its workers lose by looking once a second."""
        left = graceful_s - _SLACK_S
        requests_s = max(1, int(left * requests_share))
        return cls(requests_s, max(0.5, (left - requests_s) * 0.9))


OUR_SHARE = 1 / 5
"""For a server that serves nothing but dxflow, whose answers take milliseconds: 5 of 30 s."""
OURS = Ending.within(GRACEFUL_TIMEOUT_S, OUR_SHARE)


def enter_worker(worker: Any, on_fork: Hook, *, ending: Ending = OURS, tied: bool = True) -> None:
    """First thing in a worker. Until gunicorn sets its handlers the master's are there, and lose signals.

    ``tied``: the worker doesn't outlive its master. Under gevent ``on_fork`` runs a little later, when gunicorn
    has patched the process: threads and locks made before would hold up all greenlets.
    """
    if tied:
        die_with_parent(worker.ppid)
    worker.cfg.set("graceful_timeout", ending.requests_s)  # in this process; the master keeps its own
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGQUIT, signal.SIGTERM):
        signal.signal(number, lambda *_: sys.exit(0))
    if hasattr(worker, "patch"):
        _before_loading(worker, on_fork)
    else:
        _run_or_end(worker, on_fork)


def _before_loading(worker: Any, on_fork: Hook) -> None:
    """Put ``on_fork`` between patching and the application, which have no hook of gunicorn's between them."""
    load = worker.load_wsgi

    def run_and_load() -> None:
        _run_or_end(worker, on_fork)
        load()

    worker.load_wsgi = run_and_load


def _run_or_end(worker: Any, on_fork: Hook) -> None:
    try:
        on_fork()
    except StartError as error:
        worker.log.error("dxflow: %s", error)
        sys.exit(Arbiter.WORKER_BOOT_ERROR)


def is_alone(arbiter: Any) -> bool:
    """Whether this is the master's only worker, as seen by the worker itself: during a reload the old ones
    still run, a killed one is gone."""
    return arbiter.cfg.workers == 1 and not arbiter.WORKERS


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

    def debug(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """What the server does, but not who asks for what: paths may hold what mustn't be kept, and these lines
        come before anything says whose request it is."""
        if msg != _ADDRESSED:
            super().debug(msg, *args, **kwargs)

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
        if on_tick:
            tick_with(self, on_tick)

    def handle_int(self) -> None:
        """Ctrl-C ends as gracefully as SIGTERM; the second one is quick (``Arbiter.stop`` looks for it)."""
        self.handle_term()


def tick_with(arbiter: Any, on_tick: Hook) -> None:
    """Have the master's main loop call ``on_tick``: about once a second, and at once when a child has ended.

    Not a thread: what it holds at the moment of a fork, a lock of the log for one, no child would ever get.
    """
    manage = arbiter.manage_workers  # what the loop comes by

    def manage_and_tick() -> None:
        manage()
        try:
            on_tick()
        except StartError as error:
            log.error(str(error))

    arbiter.manage_workers = manage_and_tick
