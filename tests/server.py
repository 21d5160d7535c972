"""A real dxflow in a process of its own, and a client that speaks to it as the platforms do.

A ``Server`` is started, killed and started again on one data directory and one port, as an operator's would be.
An ``Installation`` is made once through the command line and copied for each test, so that every test has its
own database without waiting for the command line each time.
"""

from __future__ import annotations

import atexit
import errno
import functools
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, Self
from urllib.parse import urlsplit

import psutil

from dxflow.engine.platforms import signing
from waiting import wait_until

ROOT = Path(__file__).parents[1]
HOST = "127.0.0.1"
PLATFORMS = ("shopify", "stripe", "mailchimp", "mandrill", "woocommerce", "hasura")
SECRETS = {platform: f"whsec_{platform}_0123456789abcdef" for platform in PLATFORMS}


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == errno.ECONNREFUSED


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """This process's environment with these dxflow settings and no others."""
    bare = {name: value for name, value in os.environ.items() if not name.upper().startswith("DXFLOW_")}
    given = {"data_dir": data_dir, **settings}
    return bare | {f"DXFLOW_{name.upper()}": str(value) for name, value in given.items()}


def command_line(data_dir: Path, *words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, str(ROOT / "run.py"), *words],
        env=environment(data_dir, **settings),
        cwd=data_dir.parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def ask(data_dir: Path, *words: str, **settings: object) -> Any:
    """Run one command that must succeed, and return the JSON document it prints."""
    ended = command_line(data_dir, *words, "--json", **settings)
    assert ended.returncode == 0, f"{' '.join(words)}: {ended.stderr}"
    return json.loads(ended.stdout)


@dataclass(frozen=True)
class Door:
    """One connector: where its platform delivers, and with which secret it signs."""

    platform: str
    connector_id: str
    path: str
    secret: str


@dataclass(frozen=True)
class Installation:
    """A data directory with one tenant and its connectors, by platform."""

    directory: Path
    tenant: Mapping[str, str]
    doors: Mapping[str, Door]
    settings: Mapping[str, object] = field(default_factory=dict)

    def copy(self, directory: Path) -> Installation:
        """The same tenant and connectors in a data directory of their own."""
        shutil.copytree(self.directory, directory)
        return Installation(directory, self.tenant, self.doors, self.settings)

    def verify_log(self) -> dict[str, Any]:
        """What ``audit verify`` finds; it must find nothing wrong."""
        found = ask(self.directory, "audit", "verify", **self.settings)
        assert found["ok"], found["problems"]
        return dict(found)


def install(directory: Path, platforms: Sequence[str] = PLATFORMS, **settings: object) -> Installation:
    """Make a tenant and a connector per platform, with nothing but the command line."""
    tenant = ask(directory, "tenant", "create", "--name", "Acme Shop", **settings)

    def add(platform: str) -> Door:
        words = ("connector", "add", "--tenant", tenant["did"], "--platform", platform)
        made = ask(directory, *words, "--secret", SECRETS[platform], **settings)
        return Door(platform, made["id"], urlsplit(made["url"]).path, SECRETS[platform])

    with ThreadPoolExecutor(2) as pool:
        doors = {door.platform: door for door in pool.map(add, platforms)}
    return Installation(directory, tenant, doors, settings)


@functools.cache
def installed() -> Installation:
    """One installation with a connector for each platform, made once per test run; copy it."""
    directory = Path(tempfile.mkdtemp(prefix="dxflow-tests-"))
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return install(directory / "data")


@contextmanager
def edge_alone(data_dir: Path, **settings: object) -> Iterator[tuple[Server, Installation]]:
    """``web`` on a copy of ``installed()``: it accepts, and nobody processes."""
    installation = installed().copy(data_dir)
    server = Server(data_dir, "web", **settings)
    try:
        yield server.start().ready(), installation
    finally:
        server.close()


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Client:
    """One keep-alive connection; for one thread. Raises OSError or HTTPException when the server goes away."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection(HOST, port, timeout=timeout)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        try:
            self._connection.request(method, path, body, dict(headers or {}))
            response = self._connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lower, response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request connects anew
            raise

    def deliver(
        self,
        door: Door,
        topic: str,
        body: bytes,
        delivery_id: str = "",
        *,
        secret: str | None = None,
        now: datetime | None = None,
        changed: Mapping[str, str] | None = None,
    ) -> Answer:
        """Deliver a body, signed as the platform would; ``changed`` headers are put in after signing."""
        headers, path = self.signed(door, topic, body, delivery_id, secret=secret, now=now)
        return self.request("POST", path, body, {**headers, **(changed or {})})

    def signed(
        self,
        door: Door,
        topic: str,
        body: bytes,
        delivery_id: str = "",
        *,
        secret: str | None = None,
        now: datetime | None = None,
    ) -> tuple[dict[str, str], str]:
        """Headers and path (with the query, where the secret is in it) of a signed delivery."""
        headers, url = signing.signed_request(
            door.platform,
            topic,
            body,
            door.secret if secret is None else secret,
            url=f"http://{HOST}:{self.port}{door.path}",
            now=now or datetime.now(UTC),
            delivery_id=delivery_id,
        )
        return headers, url.removeprefix(f"http://{HOST}:{self.port}")

    def close(self) -> None:
        self._connection.close()


class Server:
    """``run.py serve``, ``web`` or ``worker`` on a data directory; its log outlives restarts."""

    def __init__(self, data_dir: Path, command: str = "serve", **settings: object) -> None:
        self.data_dir, self.command = data_dir, command
        self.port = int(str(settings.pop("port", 0))) or free_port()
        self.settings = settings
        self.log_file = data_dir.parent / f"{data_dir.name}-{command}-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._earlier_log = 0

    def start(self) -> Self:
        """Start the process, in a session of its own as a terminal would; doesn't wait."""
        self._earlier_log = len(self.log())
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, str(ROOT / "run.py"), self.command],
                env=environment(self.data_dir, port=self.port, **self.settings),
                cwd=self.data_dir.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def ready(self, timeout: float = 60.0) -> Self:
        """Wait until it can work: the engine of ``serve`` and ``worker``, the edge of ``web``."""
        wait_until(self._is_ready, timeout=timeout, what=f"{self.command} to be ready")
        return self

    def _is_ready(self) -> bool:
        assert self.running, f"{self.command} has ended:\n{self.log()}"
        if self.command == "worker":
            return "engine_started" in self.log()[self._earlier_log :]
        return self.status_of("/readyz" if self.command == "serve" else "/healthz") == 200

    def status_of(self, path: str) -> int | None:
        """The status a path is answered with; None while nothing answers."""
        client = Client(self.port, timeout=5)
        try:
            return client.request("GET", path).status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            client.close()

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "not started"
        return self._process

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def family(self) -> list[psutil.Process]:
        """The process and everything it has started that still runs."""
        if not self.running:
            return []
        master = psutil.Process(self.process.pid)
        return [master, *master.children(recursive=True)]

    def kill(self) -> None:
        """kill -9 of the process that was started, and of no other."""
        self.process.kill()
        self.process.wait()

    def stop(self, number: signal.Signals = signal.SIGTERM, timeout: float = 40.0) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout)

    def interrupt(self, timeout: float = 40.0) -> int:
        """Ctrl-C: a terminal sends it to the whole process group."""
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(timeout)

    def log(self) -> str:
        """Everything it has written to stdout and stderr, over all its starts."""
        return self.log_file.read_text("utf-8", "replace") if self.log_file.exists() else ""

    def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None and self.running:
            left = self.family()
            self.kill()
            wait_until(lambda: not any(alive(one) for one in left), what="the end of its children")


def alive(process: psutil.Process) -> bool:
    """Whether a process still runs; one that only waits for its parent to notice its end doesn't."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def send_raw(port: int, request: bytes, timeout: float = 10.0) -> int | None:
    """Send bytes as they are; the status of the answer, None when the connection is closed without one."""
    return exchange_raw(port, request, timeout)[0]


def exchange_raw(port: int, request: bytes, timeout: float = 10.0) -> list[int | None]:
    """Send bytes as they are on one connection; the status of every answer, and None for its end."""
    statuses: list[int | None] = []
    with socket.create_connection((HOST, port), timeout) as connection:
        with suppress(ConnectionError):  # it may answer and close before it has read everything
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        stream = connection.makefile("rb")
        with suppress(ConnectionError):  # closing with bytes unread is a reset
            while line := stream.readline():
                statuses.append(int(line.split()[1]))
                _skip(stream)
    return [*statuses, None]


def _skip(stream: BinaryIO) -> None:
    """Read to the end of an answer whose status line has been read."""
    headers = http.client.parse_headers(stream)
    stream.read(int(headers.get("Content-Length", 0)))
