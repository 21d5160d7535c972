"""The systems that run no-op messages, and how they are run: one at a time, on one Valkey."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from environments import python_of
from server import Server, valkey
from stage import Child, StageFailed
from tally import Tally

HERE = Path(__file__).resolve().parent
FILL_S = 300.0


@dataclass(frozen=True, slots=True)
class System:
    """A message queue in one setting. ``count`` is how many messages make a run of some seconds; ``own`` says
    that it brings an environment of its own."""

    name: str
    folder: str
    setting: str
    delivery: str
    count: int
    module: str = "tasks"
    variant: str = ""
    own: bool = True

    def python(self) -> str:
        """The interpreter it runs in. Raises PeerMissing."""
        return str(python_of(HERE / self.folder)) if self.own else sys.executable


AFTER, BEFORE = "after the run", "before the run"
_STOCK, _OURS = "peers/dramatiq", "."

OURS = System("dxflow", _OURS, "1 process, 8 threads", AFTER, 30_000, "ours", own=False)
OURS_CLI = System("dxflow", _OURS, "CLI -p 2 -t 8", AFTER, 20_000, "ours", "cli", own=False)
STOCK = System("Dramatiq", _STOCK, "1 process, 8 threads", AFTER, 6_000, own=False)
STOCK_MANY = System("Dramatiq", _STOCK, "1 process, 8 threads", AFTER, 4_000, own=False)
STOCK_CLI = System("Dramatiq", _STOCK, "CLI -p 2 -t 8", AFTER, 9_000, variant="cli", own=False)
CELERY = System("Celery", "peers/celery", "prefork × 2, prefetch 64", BEFORE, 2_000)
PEERS = (
    CELERY,
    System("huey", "peers/huey", "process × 2", BEFORE, 6_000, variant="process"),
    System("huey", "peers/huey", "thread × 8", BEFORE, 6_000, variant="thread"),
    System("taskiq", "peers/taskiq", "stream, process × 2, 100 async", AFTER, 6_000, variant="stream"),
    System("taskiq", "peers/taskiq", "list, process × 2, 100 async", BEFORE, 6_000, variant="list"),
    System("arq", "peers/arq", "process × 2, 100 async", AFTER, 3_000),
    System("rq", "peers/rq", "SimpleWorker × 2", "before the run, marked failed", 600),
)


@dataclass(frozen=True, slots=True)
class Arena:
    """The Valkey and the pipe that systems meet in."""

    place: Path
    server: Server
    tally: Tally

    def send(self, system: System, word: str, *numbers: int, **settings: int) -> float:
        """Have a process of the system send messages; the seconds it took. Raises StageFailed."""
        with self.sending(system, word, *numbers, **settings) as process:
            out, errors = process.communicate(timeout=FILL_S)
        if process.returncode != 0:
            last = (errors.strip().splitlines() or ["no reason"])[-1]
            raise StageFailed(f"{system.name} can't send: {last}")
        return float(out)

    @contextmanager
    def sending(
        self, system: System, word: str, *numbers: int, **settings: int
    ) -> Iterator[subprocess.Popen[str]]:
        """The same while something else is measured."""
        process = subprocess.Popen(
            self._command(system, word, *map(str, numbers)),
            cwd=HERE / system.folder,
            env=self._environment(system, settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        with process:
            try:
                yield process
            finally:
                process.kill()

    @contextmanager
    def worker(self, system: System, **settings: int) -> Iterator[Child]:
        """A worker of the system, started; whether it is up shows when messages run."""
        child = Child(
            f"{system.name} worker",
            self._command(system, "worker"),
            self._environment(system, settings),
            self.place / f"{system.name}.log",
            HERE / system.folder,
        )
        try:
            yield child
        finally:
            child.stop()

    def clear(self) -> None:
        """Forget all messages, and the ticks of the last system."""
        self.server.clear()
        self.tally.read()

    @staticmethod
    def _command(system: System, *words: str) -> list[str]:
        return [system.python(), str(HERE / "peers" / "shared" / "launch.py"), system.module, *words]

    def _environment(self, system: System, settings: dict[str, int]) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": os.pathsep.join(map(str, (HERE / "peers" / "shared", HERE / system.folder))),
            "BENCH_REDIS_URL": self.server.url,
            "BENCH_PIPE": str(self.tally.path),
            "BENCH_VARIANT": system.variant,
            **{f"BENCH_{name.upper()}": str(value) for name, value in settings.items()},
        }


@contextmanager
def arena(place: Path) -> Iterator[Arena]:
    """A new one in an empty directory."""
    place.mkdir()
    tally = Tally(place / "ticks")
    try:
        with valkey(place) as server:
            yield Arena(place, server, tally)
    finally:
        tally.close()
