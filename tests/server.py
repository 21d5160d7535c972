"""A real dxflow in a process of its own.

A ``Server`` is started, killed and started again on one data directory and one port, as an operator's would be.
An ``Installation`` is made once through the command line and copied for each test, so that every test has its
own database without waiting for the command line each time.
"""

from __future__ import annotations

import atexit
import functools
import http.client
import json
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import forked
import psutil
from wire import Client, Door, free_port

from waiting import wait_until

PLATFORMS = ("shopify", "stripe", "mailchimp", "mandrill", "woocommerce", "hasura")
SECRETS = {platform: f"whsec_{platform}_0123456789abcdef" for platform in PLATFORMS}


def command_line(data_dir: Path, *words: str, **settings: object) -> forked.Ending:
    """Run one command to its end."""
    return forked.run(data_dir, words, **settings)


def ask(data_dir: Path, *words: str, **settings: object) -> Any:
    """Run one command that must succeed, and return the JSON document it prints."""
    ended = command_line(data_dir, *words, "--json", **settings)
    assert ended.returncode == 0, f"{' '.join(words)}: {ended.stderr}"
    return json.loads(ended.stdout)


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


class Server:
    """``run.py serve``, ``web`` or ``worker`` on a data directory; its log outlives restarts."""

    def __init__(self, data_dir: Path, command: str = "serve", **settings: object) -> None:
        self.data_dir, self.command = data_dir, command
        self.port = int(str(settings.pop("port", 0))) or free_port()
        self.settings = settings
        self.log_file = data_dir.parent / f"{data_dir.name}-{command}-{self.port}.log"
        self._process: forked.Program | None = None
        self._earlier_log = 0

    def start(self) -> Self:
        """Start the process, in a session of its own as a terminal would; doesn't wait."""
        self._earlier_log = len(self.log())
        self._process = forked.Program(
            self.data_dir, [self.command], self.log_file, port=self.port, **self.settings
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
    def process(self) -> forked.Program:
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
