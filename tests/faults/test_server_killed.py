"""kill -9 of the server at ten random moments under load, and what it leaves behind.

The platforms of this test do what real ones do: what wasn't answered with 200 they send again, under the same
delivery id.
"""

from __future__ import annotations

import time
from random import Random

import pytest
from server import alive
from traffic import Crowd, shipments
from wire import is_free

from waiting import wait_until

pytestmark = pytest.mark.fault

KILLS = 10
WEBHOOKS = 500
RECOVERED_IN_S = 20.0


class Killer:
    """Kills a server at moments that only its seed knows, and starts it again at once."""

    def __init__(self, server, crowd, books, seed):
        self.server, self.crowd, self.books, self.random = server, crowd, books, Random(seed)
        self.recoveries = []

    def run(self):
        for number in range(KILLS):
            if number % 3 == 0:
                self._wait_for_what_is_begun()
            if number % 4 == 3:
                self._wait_for_a_start_half_done()
            else:
                self._wait_for_progress()
            self.server.kill()
            self.server.start()
            self.recoveries.append(self._time_to_answer())

    def _wait_for_progress(self):
        """A random number of answers and of steps from now."""
        more = self.random.randrange(1, WEBHOOKS // KILLS * 4)
        aim = self._progress() + more
        wait_until(lambda: self._progress() >= aim, timeout=120, what=f"{more} more answers and steps")

    def _wait_for_what_is_begun(self):
        """All events so far, done: a message is given up when it was in hand at five deaths in a row."""
        [(newest,)] = self.books.rows("SELECT max(seq) FROM events")
        waiting = f"SELECT count(*) FROM events WHERE seq <= {newest or 0} AND state <> 'done'"
        wait_until(lambda: self.books.rows(waiting) == [(0,)], timeout=60, what="what was begun")

    def _wait_for_a_start_half_done(self):
        """Kill it now, and again while it starts: as soon as it has a child, or its worker has begun."""
        self.server.kill()
        self.server.start()
        children = self.random.choice([1, 2])
        wait_until(lambda: len(self.server.family()) > children, timeout=30, what="the server's children")

    def _progress(self):
        return len(self.crowd.answers) + self.books.steps_done()

    def _time_to_answer(self):
        started = time.monotonic()
        wait_until(lambda: self.server.status_of("/healthz") == 200, timeout=60, what="an answer")
        return time.monotonic() - started


@pytest.mark.parametrize("seed", [20261123])
def test_every_delivery_is_done_exactly_once_when_the_server_is_killed_ten_times_under_load(
    installation, books, make_server, seed
):
    server = make_server(installation.directory).start().ready()
    crowd = Crowd(server.port, installation.doors, patient=True)
    killer = Killer(server, crowd, books, seed)
    crowd.send(shipments(20 * WEBHOOKS, seed), killer.run, until_it_is_over=True)
    assert len(crowd.answers) < 20 * WEBHOOKS, "the test is void: at the end nobody was at work"
    assert len(killer.recoveries) == KILLS
    assert crowd.statuses() <= {(200, "accepted"), (200, "duplicate")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.stop() == 0
    installation.verify_log()
    assert max(killer.recoveries) < RECOVERED_IN_S, killer.recoveries
    print("kill -9 to answer, s:", [round(one, 2) for one in killer.recoveries], "repeated:", crowd.repeated)


def test_work_begun_before_a_kill_is_finished_soon_after_the_restart(installation, books, make_server):
    server = make_server(installation.directory).start().ready()
    crowd = Crowd(server.port, installation.doors)
    # Until the server is behind: a machine that is slow at taking deliveries may work them off meanwhile.
    sent = 0
    for count in (200, 300, 500, 800):
        crowd.send(shipments(count, seed=7)[sent:], lambda count=count: crowd.wait_for(count))
        sent = count
        if books.under_way():
            break
    assert books.under_way() > 0, "the test is void: nothing was left to recover"
    server.kill()
    started = time.monotonic()
    server.start()
    books.wait_until_quiet(timeout=RECOVERED_IN_S)
    print("kill -9 to all done, s:", round(time.monotonic() - started, 2))
    books.check_exactly_once(crowd.event_ids().values())


def test_a_killed_server_leaves_no_children_no_ports_and_no_locks(installation, make_server):
    server = make_server(installation.directory).start().ready()
    family = server.family()
    assert len(family) >= 3, "a master, its worker and Valkey"
    assert any("valkey" in process.name() for process in family)
    server.kill()
    wait_until(lambda: not any(alive(one) for one in family), what="the end of the killed server's children")
    wait_until(lambda: is_free(server.port), what="the port")
    assert server.start().ready().running


def test_a_killed_valkey_is_started_again_by_its_server(installation, books, make_server):
    server = make_server(installation.directory).start().ready()
    crowd = Crowd(server.port, installation.doors)
    valkey = next(process for process in server.family() if "valkey" in process.name())
    crowd.send(shipments(100), lambda: (crowd.wait_for(30), valkey.kill()))
    assert crowd.statuses() == {(200, "accepted")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert valkey.pid not in [process.pid for process in server.family()]


def test_a_killed_worker_is_replaced_by_its_master_and_nothing_is_done_twice(
    installation, books, make_server
):
    server = make_server(installation.directory).start().ready()
    crowd = Crowd(server.port, installation.doors, patient=True)

    def kill_workers() -> None:
        for answered in (40, 90):
            crowd.wait_for(answered)
            kill_the_worker(server)

    crowd.send(shipments(150), kill_workers)
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.stop() == 0


def kill_the_worker(server):
    """kill -9 of the process that serves and works, and wait until another one has taken its place."""
    (worker,) = [one for one in server.family()[1:] if "valkey" not in one.name()]
    worker.kill()
    wait_until(lambda: not alive(worker), what="the worker's end")
    server.ready()
