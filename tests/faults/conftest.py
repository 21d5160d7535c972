"""Real servers on data directories of their own, and Redis servers that a test may kill and wipe."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import redis
from books import Books
from server import Installation, Server, alive, installed

from dxflow.config.valkey import EmbeddedValkey
from waiting import wait_until


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
        process = psutil.Process(self.pid)
        process.kill()
        wait_until(lambda: not alive(process), what="the end of Redis")

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """While the block runs it takes connections and answers nothing."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.client.close()
        self._valkey.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis that is nobody's child but the test's."""
    server = Redis(tmp_path / "redis")
    yield server
    server.stop()
