"""gunicorn with our configuration file: every kind of worker, with and without --preload."""

from __future__ import annotations

import signal

import psutil
import pytest
from books import Books
from embedding.launch import gunicorn
from server import Installation, alive
from traffic import Crowd, shipments

from waiting import wait_until


@pytest.mark.parametrize("preload", [False, True], ids=["", "preload"])
@pytest.mark.parametrize("kind", ["sync", "gthread", "gevent"])
def test_every_kind_of_worker_does_each_event_once_and_ends_cleanly(
    installation: Installation, books: Books, run, kind, preload
) -> None:
    flags = ["-k", kind, "-w", "2", *(["--preload"] if preload else [])]
    server = run(gunicorn(installation.directory, *flags)).ready()
    crowd = Crowd(server.port, installation.doors)
    crowd.send(shipments(60))
    assert crowd.statuses() == {(200, "accepted")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.status_of("/metrics") == 200
    workers = server.workers()
    assert len(workers) == 2
    wait_until(lambda: all(map(holds_connections, workers)), what="both workers to have opened their own")
    few = [kind == "gevent"] * 2
    wait_until(lambda: [worker.num_threads() < 8 for worker in workers] == few, what="their threads")
    check_that_the_master_shares_nothing(server)
    assert server.end() == 0
    assert "Traceback" not in server.log()


def holds_connections(worker: psutil.Process) -> bool:
    """Whether a worker has connections of its own, to database and Redis: the master has none to inherit."""
    files = [file.path for file in worker.open_files()]
    return any("dxflow.db" in file for file in files) and bool(worker.net_connections(kind="unix"))


def check_that_the_master_shares_nothing(server) -> None:
    """Its workers can't have anything of it: it has one thread, no database and no connection."""
    master = server.family()[0]
    assert master.num_threads() == 1
    assert [file.path for file in master.open_files() if "dxflow.db" in file.path] == []
    assert [one for one in master.net_connections(kind="inet") if one.status != "LISTEN"] == []
    assert len(master.net_connections(kind="unix")) == 0


def test_a_killed_valkey_is_started_again_by_the_stock_configuration(
    installation: Installation, books: Books, run
) -> None:
    server = run(gunicorn(installation.directory)).ready()
    crowd = Crowd(server.port, installation.doors)
    valkey = next(process for process in server.family() if "valkey" in process.name())
    crowd.send(shipments(60), lambda: (crowd.wait_for(20), valkey.kill()))
    assert crowd.statuses() == {(200, "accepted")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    server.ready()
    assert not alive(valkey)
    assert server.end() == 0


def test_a_reload_under_load_loses_nothing(installation: Installation, books: Books, run) -> None:
    server = run(gunicorn(installation.directory)).ready()
    crowd = Crowd(server.port, installation.doors, patient=True)
    before = server.workers()

    def reload() -> None:
        crowd.wait_for(30)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not any(alive(one) for one in before), timeout=40, what="the old worker's end")

    crowd.send(shipments(150), reload)
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.end() == 0
    installation.verify_log()
