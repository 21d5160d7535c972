"""Small programs that the tests start, kill and talk to: ``python programs.py NAME ARGUMENT…``.

Each prints what the test needs to know as one JSON document per line, and then waits for a signal.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from gunicorn.app import wsgiapp

import dxflow
from dxflow.config import logging
from dxflow.config.datadir import DataDir
from dxflow.config.errors import StartError
from dxflow.config.server import run_server
from dxflow.config.settings import Settings
from dxflow.config.valkey import EmbeddedValkey


def tell(**facts: object) -> None:
    """One write for the whole line: workers share the pipe."""
    os.write(1, (json.dumps(facts | {"process": os.getpid()}) + "\n").encode())


def valkey(data_dir: str) -> None:
    server = EmbeddedValkey(Path(data_dir))
    server.start()
    tell(pid=server.pid, url=server.url)
    signal.pause()


def valkey_elsewhere(data_dir: str) -> None:
    """As on a system without the kernel's help."""
    sys.platform = "elsewhere"
    server = EmbeddedValkey(Path(data_dir))
    server.start()
    child: Any = server._child
    tell(pid=server.pid, guardian=child._guardian.pid)
    signal.pause()


def hold(data_dir: str) -> None:
    with DataDir(Path(data_dir)):
        tell(held=True)
        signal.pause()


def hold_with_child(data_dir: str) -> None:
    """As a gunicorn master with a worker that outlives it."""
    with DataDir(Path(data_dir)):
        child = os.fork()
        if child:
            tell(held=True, child=child)
        signal.pause()


def serve(port: str, data_dir: str) -> None:
    settings = Settings.load(port=port, data_dir=data_dir)
    logging.configure(settings)
    valkey = EmbeddedValkey(settings.data_dir)
    with DataDir(settings.data_dir):
        valkey.start()
        tell(event="valkey", pid=valkey.pid)
        try:
            code = run_server(
                settings,
                _app,
                on_fork=lambda _alone: tell(event="fork"),
                on_exit=lambda: tell(event="exit"),
                workers=2,
                threads=2,
                on_tick=valkey.ensure_running,
            )
        finally:
            tell(event="unwound")
            valkey.stop()
    sys.exit(code)


def broken(port: str, data_dir: str) -> None:
    """A server whose workers can't start."""

    def refuse(_alone: bool) -> None:
        raise StartError("the engine can't start")

    settings = Settings.load(port=port, data_dir=data_dir)
    logging.configure(settings)
    sys.exit(run_server(settings, _app, on_fork=refuse, on_exit=lambda: None, workers=1, threads=1))


def gunicorn_file(port: str, data_dir: str) -> None:
    """The stock gunicorn command with dxflow's configuration file and a stand-in for the engine."""

    class Engine:
        def __init__(self, settings: Settings, *, sole: bool) -> None:
            self.redis_url = settings.redis_url

        def begin(self, *, alone: bool) -> None:
            tell(event="engine started", redis_url=self.redis_url)

        def stop(self, timeout_s: float) -> None:
            tell(event="engine stopped", timeout_s=timeout_s)

    os.environ |= {"DXFLOW_PORT": port, "DXFLOW_DATA_DIR": data_dir, "DXFLOW_WEB_WORKERS": "2"}
    dxflow.Engine = Engine
    sys.argv = ["gunicorn", "-c", "python:dxflow.config.gunicorn", "programs:application"]
    wsgiapp.run()


def _app() -> Callable[..., Iterable[bytes]]:
    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            tell(event="slow")
            signal.sigtimedwait([signal.SIGUSR2], 1.0)  # busy for a second
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"hello"]

    return answer


application = _app()

if __name__ == "__main__":
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
    except StartError as error:
        sys.exit(f"dxflow: {error}")
