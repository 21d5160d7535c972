"""A real Valkey, brokers on it and workers beside them. Everything waits for conditions, never for time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

import dramatiq
import pytest
import redis
from flow import Sender, drain
from redis.backoff import NoBackoff
from redis.retry import Retry

from dxflow.actors.broker.broker import TenantBroker
from dxflow.actors.broker.consumer import TenantConsumer
from dxflow.actors.broker.names import QUEUE
from dxflow.config.valkey import EmbeddedValkey
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from waiting import wait_until

PATIENCE_S = 30.0
WORKER_PROCESS = Path(__file__).with_name("worker_process.py")


class Eventually(Protocol):
    def __call__(self, condition: Callable[[], Any], patience: float = PATIENCE_S) -> Any: ...


@pytest.fixture
def eventually() -> Eventually:
    """Wait until a condition holds and return its value; fail after ``patience`` seconds."""

    def wait(condition: Callable[[], Any], patience: float = PATIENCE_S) -> Any:
        return wait_until(condition, timeout=patience)

    return wait


class Server:
    """A Valkey a test may stop, kill and wipe."""

    def __init__(self, data_dir: Path, *, durable: bool = False) -> None:
        self._valkey = EmbeddedValkey(data_dir)
        self._durable = durable
        self.start()

    def start(self) -> None:
        self._valkey.start()
        self.client = redis.Redis.from_url(self.url)
        if self._durable:
            # Synced each second, a killed server forgets what it answered while a sync was under way.
            self.client.config_set("appendfsync", "always")

    @property
    def url(self) -> str:
        return self._valkey.url

    @property
    def pid(self) -> int:
        assert self._valkey.pid is not None
        return self._valkey.pid

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)

    def stall(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        self.client.close()
        self._valkey.stop()


@pytest.fixture(scope="session")
def _shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("shared"))
    yield server
    server.stop()


@pytest.fixture
def valkey(_shared_server: Server) -> Server:
    """An empty Valkey. Not to be stopped: every test shares it."""
    _shared_server.client.flushall()
    _shared_server.client.config_resetstat()
    return _shared_server


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[[], Server]]:
    """Starts Valkeys that belong to this test alone."""
    servers: list[Server] = []

    def start() -> Server:
        servers.append(Server(tmp_path / f"valkey{len(servers)}", durable=True))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def own_valkey(start_server: Callable[[], Server]) -> Server:
    """A Valkey that this test may kill."""
    return start_server()


@pytest.fixture
def make_broker() -> Iterator[Callable[..., TenantBroker]]:
    brokers: list[TenantBroker] = []

    def make(server: Server, *, query: str = "", **options: Any) -> TenantBroker:
        brokers.append(TenantBroker(server.url + query, **options))
        return brokers[-1]

    yield make
    for broker in brokers:
        broker.close()


@pytest.fixture
def consume() -> Iterator[Callable[..., TenantConsumer]]:
    """Consumers without a Worker, closed at the end unless their Valkey is gone."""
    with ExitStack() as stack:

        def make(broker: TenantBroker, prefetch: int = 16, timeout: int = 50) -> TenantConsumer:
            consumer = broker.consume(QUEUE, prefetch=prefetch, timeout=timeout)
            stack.callback(_close, consumer)
            return consumer

        yield make


def _close(consumer: TenantConsumer) -> None:
    try:
        consumer.close()
    except dramatiq.errors.ConnectionClosed as error:
        print("closed without its Valkey:", error)


@pytest.fixture
def run_worker() -> Callable[..., Any]:
    @contextmanager
    def run(broker: TenantBroker, threads: int = 4) -> Iterator[dramatiq.Worker]:
        worker = dramatiq.Worker(broker, worker_timeout=100, worker_threads=threads)
        worker.start()
        try:
            yield worker
        finally:
            worker.stop(timeout=20_000)

    return run


@pytest.fixture
def fast_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dramatiq waits 3 seconds before it starts a new consumer."""
    monkeypatch.setattr("dramatiq.worker.CONSUMER_RESTART_DELAY_SECS", 0.05)


@pytest.fixture
def start_worker_process() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Processes running ``worker_process.py``; whatever is left of them is killed at the end."""
    processes: list[subprocess.Popen[str]] = []

    def start(role: str, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(WORKER_PROCESS), role, *arguments]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def lock_node() -> Callable[[Server], redis.Redis]:
    """A client as the lock wants it: quick to give up, no retries."""

    def connect(server: Server) -> redis.Redis:
        client = redis.Redis.from_url(server.url, socket_timeout=0.5)
        client.set_retry(Retry(NoBackoff(), 0))
        return client

    return connect


@pytest.fixture
def message() -> Callable[..., dramatiq.Message[Any]]:
    """``message(queue, number)``: what an actor named ``note`` is to be called with."""

    def make(
        queue: str | None, number: int = 0, *, actor: str = "note", **fields: Any
    ) -> dramatiq.Message[Any]:
        options = {**fields.pop("options", {}), **({"tenant_queue": queue} if queue else {})}
        return dramatiq.Message("dxflow", actor, (number,), {}, options, **fields)

    return make


@pytest.fixture
def shop(core: Core) -> Callable[[], Sender]:
    """Makes tenants with a connector, and nothing under way."""

    def make() -> Sender:
        sender = Sender(core, tenants.create(core, "Shop", "DE").controller.id)
        drain(core)
        return sender

    return make


@pytest.fixture
def one(valkey: Server, lock_node: Callable[..., Any]) -> list[Any]:
    """The shared Valkey as a lock's only node."""
    return [lock_node(valkey)]
