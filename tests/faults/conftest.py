"""Real servers on data directories of their own, and Redis servers that a test may kill and wipe."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import redis
from books import Books
from clusters import Node, end_at_once, start_nodes, stopped
from forked import environment
from server import Installation, Server, installed

from dxflow.config.valkey import EmbeddedValkey


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    """A tenant and its connectors, made through the command line, in a directory with a space in its name."""
    return installed().copy(tmp_path / "data dir")


@pytest.fixture
def books(installation: Installation) -> Books:
    """The installation's database."""
    return Books(installation.directory)


@pytest.fixture
def make_server() -> Iterator[Callable[..., Server]]:
    """Makes servers, not yet started; whatever still runs at the end is killed."""
    servers: list[Server] = []

    def make(data_dir: Path, command: str = "serve", **settings: object) -> Server:
        servers.append(Server(data_dir, command, **settings))
        return servers[-1]

    yield make
    for server in servers:
        server.close()


class Redis:
    """A Redis of its own for one test."""

    def __init__(self, directory: Path) -> None:
        self._valkey = EmbeddedValkey(directory)
        self.start()
        self.url = self._valkey.url
        self.client = redis.Redis.from_url(self.url)

    def start(self) -> None:
        """Start it (again), with what its file has kept."""
        self._valkey.start()

    @property
    def pid(self) -> int:
        assert self._valkey.pid is not None
        return self._valkey.pid

    def kill(self) -> None:
        """kill -9, and wait until it has ended."""
        end_at_once(self.pid)

    def hanging(self) -> AbstractContextManager[None]:
        """While the block runs it takes connections and answers nothing."""
        return stopped(self.pid)

    def stop(self) -> None:
        self.client.close()
        self._valkey.stop()


@pytest.fixture
def five_nodes(tmp_path: Path) -> Iterator[list[Node]]:
    """Lock nodes."""
    with start_nodes(tmp_path / "locks", 5) as nodes:
        yield nodes


class Holder:
    """A worker that stops with a batch in hand (``holder.py``)."""

    def __init__(self, data_dir: Path, **settings: object) -> None:
        self._log = (data_dir.parent / "holder.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("holder.py"))],
            env=environment(data_dir, **settings),
            cwd=data_dir.parent,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )

    def held(self) -> int:
        """Wait until it has a batch, its tenant's lock and a fence; how many activities are in the batch."""
        word, _, number = self._says().partition(" ")
        assert word == "holding"
        return int(number)

    def write(self) -> str:
        """Let it write its batch now: ``written``, or the kind of the error."""
        assert self._process.stdin is not None
        self._process.stdin.write("write\n")
        self._process.stdin.flush()
        return self._says()

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def kill(self) -> None:
        """kill -9."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Leave nothing behind."""
        self.kill()
        for stream in (self._process.stdin, self._process.stdout, self._log):
            assert stream is not None
            stream.close()

    def _says(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


@pytest.fixture
def start_holder() -> Iterator[Callable[..., Holder]]:
    """Starts workers that stop with a batch in hand."""
    holders: list[Holder] = []

    def start(data_dir: Path, **settings: object) -> Holder:
        holders.append(Holder(data_dir, **settings))
        return holders[-1]

    yield start
    for holder in holders:
        holder.close()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis that is nobody's child but the test's."""
    server = Redis(tmp_path / "redis")
    yield server
    server.stop()
