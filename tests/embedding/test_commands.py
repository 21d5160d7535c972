"""Our own commands, as the README shows them: all in one process, and several edges and workers."""

from __future__ import annotations

import signal

import pytest
from books import Books
from embedding.launch import Program, shown_line
from server import Installation, alive
from traffic import Crowd, shipments

from waiting import wait_until


def test_serve_does_it_all_in_one_process_and_may_be_reloaded(
    installation: Installation, books: Books, run
) -> None:
    server = run(Program(installation.directory, shown_line("dxflow serve"))).ready()
    (before,) = server.workers()
    crowd = Crowd(server.port, installation.doors, patient=True)

    def reload() -> None:
        crowd.wait_for(30)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not alive(before), timeout=40, what="the old worker's end")

    crowd.send(shipments(120), reload)
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.end() == 0


@pytest.mark.fault
def test_two_edges_and_two_workers_share_a_database_and_a_redis(
    installation: Installation, books: Books, run, own_redis
) -> None:
    shared = {"redis_url": own_redis.url}
    edges = [run(Program(installation.directory, shown_line("dxflow web"), **shared)) for _ in range(2)]
    workers = [run(Program(installation.directory, shown_line("dxflow worker"), **shared)) for _ in range(2)]
    sent = shipments(80)
    crowds = [Crowd(edge.ready().port, installation.doors) for edge in edges]
    for worker in workers:
        wait_until(lambda one=worker: "engine_started" in one.log(), timeout=30, what="a worker")
    crowds[0].send(sent[:40], lambda: crowds[1].send(sent[40:]))
    books.wait_until_quiet()
    books.check_exactly_once([one for crowd in crowds for one in crowd.event_ids().values()])
    assert [one.end() for one in (*edges, *workers)] == [0, 0, 0, 0]
