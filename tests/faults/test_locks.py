"""The tenant's lock in trouble: nodes dead, a holder that was stopped, clocks that jumped. The lock decides who
works; that the log has no fork and nothing is written twice is the database's doing."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from clusters import Node, start_nodes, urls
from traffic import Crowd, shipments

from dxflow.actors.broker.broker import MAX_DELIVERIES
from waiting import wait_until

pytestmark = pytest.mark.fault

LOCK_TTL_MS = 1000
LONG_TTL_MS = 20_000
AHEAD_S = 120


def refusals(client) -> Callable[[], int]:
    """How often a queue was sent to rest, as far as somebody looks again and again."""
    seen = set()

    def count() -> int:
        seen.update(client.zrange("dxflow:parked", 0, -1, withscores=True))
        return len(seen)

    return count


def attempts_spent(books) -> int:
    return books.number("SELECT count(*) FROM events WHERE history LIKE '%\"attempt\"%' OR attempts > 0")


def test_with_two_of_five_lock_nodes_killed_work_goes_on_and_with_three_it_waits_for_one_to_come_back(
    installation, books, make_server, own_redis, five_nodes
):
    settings = {"redis_url": own_redis.url, "lock_urls": urls(five_nodes), "lock_ttl_ms": LOCK_TTL_MS}
    server = make_server(installation.directory, **settings).start().ready()
    crowd = Crowd(server.port, installation.doors)
    both = shipments(200)

    crowd.send(both[:150], lambda: (crowd.wait_for(30), five_nodes[0].kill(), five_nodes[3].kill()))
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())

    five_nodes[1].kill()
    registered = books.number("SELECT count(*) FROM registrations")
    crowd.send(both[150:])
    assert crowd.statuses() == {(200, "accepted")}
    refused = refusals(own_redis.client)
    wait_until(lambda: refused() > MAX_DELIVERIES, timeout=30, what="the lock to be refused again and again")
    assert books.number("SELECT count(*) FROM registrations") == registered
    assert attempts_spent(books) == 0

    five_nodes[3].start()
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert attempts_spent(books) == 0
    assert server.stop() == 0
    installation.verify_log()
    assert "was skipped" not in server.log()


def test_a_lock_node_that_hangs_holds_up_nobody(installation, books, make_server, own_redis, five_nodes):
    settings = {"redis_url": own_redis.url, "lock_urls": urls(five_nodes), "lock_ttl_ms": LOCK_TTL_MS}
    server = make_server(installation.directory, **settings).start().ready()
    crowd = Crowd(server.port, installation.doors)

    def hang() -> None:
        crowd.wait_for(50)
        with five_nodes[2].hanging():
            crowd.wait_for(150)
            wait_until(lambda: books.number("SELECT count(*) FROM registrations") >= 100, timeout=30)
            assert "lock_node_away" in server.log()

    crowd.send(shipments(200), hang)
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert attempts_spent(books) == 0


def half_registered(installation, make_server, start_holder, shared):
    """Deliveries were accepted, somebody holds the lock over some of them, and a worker wants the rest."""
    edge = make_server(installation.directory, "web", **shared).start().ready()
    crowd = Crowd(edge.port, installation.doors)
    crowd.send(shipments(30))
    holder = start_holder(installation.directory, **shared)
    assert holder.held() > 0
    worker = make_server(installation.directory, "worker", **shared).start().ready()
    return crowd, holder, worker


def test_what_a_holder_stopped_beyond_its_ttl_writes_late_is_refused_by_the_database(
    installation, books, make_server, own_redis, start_holder
):
    shared = {"redis_url": own_redis.url, "lease_ms": 1000, "lock_ttl_ms": LOCK_TTL_MS}
    crowd, holder, worker = half_registered(installation, make_server, start_holder, shared)
    holder.send(signal.SIGSTOP)
    books.wait_until_quiet()
    leaves = books.steps_done()
    holder.send(signal.SIGCONT)
    assert holder.write() == "StaleFence"
    assert books.steps_done() == leaves
    books.check_exactly_once(crowd.event_ids().values())
    assert worker.stop() == 0
    installation.verify_log()


class Clocks:
    """The wall clocks of five lock nodes. They are put ahead by a library that is compiled here and preloaded;
    where there is no compiler, their keys get what such a jump gives them: those that expire within it go."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._library = _compiled(directory)
        for number in range(5):
            self._set(number, 0)

    def environment(self, number: int) -> dict[str, object]:
        """What a node is started with."""
        return {"LD_PRELOAD": self._library, "SKEW_FILE": self._file(number)} if self._library else {}

    def put_ahead(self, number: int, node: Node) -> None:
        """By two minutes."""
        before = node.client.time()[0]
        self._set(number, AHEAD_S)
        if self._library:
            wait_until(
                lambda: node.client.time()[0] - before >= AHEAD_S, what="the server to look at its clock"
            )
            return
        for key in node.client.scan_iter():
            if 0 <= node.client.pttl(key) < AHEAD_S * 1000:
                node.client.delete(key)

    def _set(self, number: int, seconds: int) -> None:
        with self._file(number).open("r+b" if self._file(number).exists() else "wb") as file:
            file.write(seconds.to_bytes(8, "little"))

    def _file(self, number: int) -> Path:
        return self._directory / f"skew{number}"


def _compiled(directory: Path) -> Path | None:
    compiler, library = shutil.which("cc"), directory / "skew.so"
    if compiler is None or sys.platform != "linux":
        return None
    source = Path(__file__).with_name("skew.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, source], check=True)
    return library


@pytest.fixture
def clocks(tmp_path):
    return Clocks(tmp_path)


@pytest.fixture
def clocked_nodes(tmp_path, clocks):
    with start_nodes(tmp_path / "clocked", 5, clocks.environment) as nodes:
        yield nodes


def test_clocks_that_jump_on_two_of_five_lock_nodes_change_nothing(
    installation, books, make_server, own_redis, clocks, clocked_nodes
):
    settings = {"redis_url": own_redis.url, "lock_urls": urls(clocked_nodes), "lock_ttl_ms": LONG_TTL_MS}
    server = make_server(installation.directory, **settings).start().ready()
    crowd = Crowd(server.port, installation.doors)

    def jump() -> None:
        for number, answered in ((0, 40), (1, 80)):
            crowd.wait_for(answered)
            clocks.put_ahead(number, clocked_nodes[number])

    crowd.send(shipments(150), jump)
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.stop() == 0
    installation.verify_log()


def test_two_holders_by_clocks_that_jumped_and_a_node_that_forgot_make_no_fork(
    installation, books, make_server, own_redis, clocks, clocked_nodes, start_holder
):
    """Redis forgets too, or the second worker would never be given the messages of a holder that lives."""
    shared = {"redis_url": own_redis.url, "lock_urls": urls(clocked_nodes), "lock_ttl_ms": LONG_TTL_MS}
    crowd, holder, worker = half_registered(installation, make_server, start_holder, shared)

    own_redis.client.flushall()
    refused = refusals(own_redis.client)
    wait_until(lambda: refused() > 0, timeout=30, what="the second worker to be refused")
    for number in (0, 1):
        clocks.put_ahead(number, clocked_nodes[number])
        had = refused()
        wait_until(
            lambda had=had: refused() > had + 1, timeout=30, what="the lock to hold on the other nodes"
        )
    assert books.number("SELECT count(*) FROM registrations") == 0
    clocked_nodes[2].forget()
    books.wait_until_quiet()

    leaves = books.steps_done()
    assert holder.write() == "StaleFence"
    assert books.steps_done() == leaves
    books.check_exactly_once(crowd.event_ids().values())
    assert worker.stop() == 0
    installation.verify_log()
