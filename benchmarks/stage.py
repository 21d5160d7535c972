"""Everything a figure needs around it: an installation to deliver to, and child processes to measure."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # has no types
from traffic import Target

from dxflow.config.settings import Settings
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import connectors
from dxflow.engine.wiring import core_for

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a secret shared with the shop"
START_S = 30.0


class StageFailed(Exception):
    """Raised when a child doesn't start, answers nonsense, or dies."""


@dataclass(frozen=True, slots=True)
class Spent:
    """Processor time in seconds and memory in MB of a process with all its children."""

    cpu: float
    memory: float


class Child:
    """A running child process and the processes under it, in a session of their own."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        directory: Path | None = None,
    ) -> None:
        self.name, self.log = name, log
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                command,
                env={**os.environ, **environment},
                cwd=directory,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=errors,
                stderr=errors,
            )

    def await_port(self, port: int) -> None:
        """Wait until it listens and serves. Raises StageFailed."""
        deadline = time.monotonic() + START_S
        while not _serves(port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise StageFailed(self.fault())
            time.sleep(0.02)

    def spent(self) -> Spent:
        """What it and its children used so far."""
        family = self.family()
        times = [one.cpu_times() for one in family]
        memory = sum(one.memory_info().rss for one in family[1:] or family)  # gunicorn's master does no work
        return Spent(sum(one.user + one.system for one in times), memory / 1e6)

    def family(self) -> list[psutil.Process]:
        """The process itself, then those under it."""
        top = psutil.Process(self.process.pid)
        return [top, *top.children(recursive=True)]

    def fault(self) -> str:
        """The last thing it said."""
        lines = self.log.read_text("utf-8", "replace").strip().splitlines()
        return f"{self.name}: {lines[-1] if lines else 'no answer'} ({self.log})"

    def stop(self) -> None:
        """Ask it to end; kill it when it doesn't, and whatever it leaves behind."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(30)
        with suppress(ProcessLookupError):  # nobody of its session is left
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass(frozen=True, slots=True)
class Installation:
    """A data directory with tenants in it, and the settings that lead there."""

    directory: Path
    settings: Settings
    core: Core
    connectors: tuple[tuple[str, str], ...]
    """Each tenant's one connector, as (path, secret)."""

    def target(self, first: int = 0, last: int | None = None) -> Target:
        """The connectors of these tenants."""
        return Target(self.settings.port, self.connectors[first:last])

    @contextmanager
    def child(self, name: str, **more: str) -> Iterator[Child]:
        """A server of this installation, ready; stopped at the end."""
        environment = {
            "DXFLOW_DATA_DIR": str(self.directory),
            "DXFLOW_DATABASE_URL": self.settings.database,
            "DXFLOW_PORT": str(self.settings.port),
            "DXFLOW_LOG_LEVEL": "warning",
            **more,
        }
        command = [sys.executable, str(Path(__file__).with_name("children.py")), name]
        child = Child(name, command, environment, self.directory / f"{name}.log")
        try:
            child.await_port(int(environment["DXFLOW_PORT"]))
            yield child
        finally:
            child.stop()


@contextmanager
def workplace() -> Iterator[Path]:
    """An empty working directory where no setting of whoever runs this applies: neither environment nor .env.

    It lies on the disk of this checkout: where /tmp is memory, a commit there would cost nothing.
    """
    for name in [name for name in os.environ if name.startswith("DXFLOW_")]:
        del os.environ[name]
    (ROOT / "build").mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="bench-", dir=ROOT / "build", ignore_cleanup_errors=True) as name,
        chdir(name),
    ):
        yield Path(name)


@contextmanager
def installation(place: Path, count: int, database: str | None = None) -> Iterator[Installation]:
    """A new installation of ``count`` tenants with a Shopify connector each."""
    place.mkdir()
    settings = Settings.load(data_dir=place, port=free_port(), database_url=database)
    core = core_for(settings)
    made = []
    for number in range(count):
        tenant = tenants.create(core, f"Shop {number}").controller
        connector = connectors.add(core, tenant.id, "shopify", [SECRET])
        made.append((f"/webhooks/shopify/{connector.id}", SECRET))
    try:
        yield Installation(place, settings, core, tuple(made))
    finally:
        core.store.close()


def free_port() -> int:
    """A port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _serves(port: int) -> bool:
    """Whether a worker answers; gunicorn's master listens before there is one."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=START_S) as probe:
            probe.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
            return probe.recv(16).startswith(b"HTTP/1.1")
    except OSError:
        return False
