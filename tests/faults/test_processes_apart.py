"""The edge and the actors in processes of their own: they share a database and need nothing else of each
other."""

from __future__ import annotations

import time

import pytest
from traffic import Crowd, shipments

from waiting import wait_until

pytestmark = pytest.mark.fault


def test_the_edge_alone_accepts_without_any_redis_and_a_worker_started_later_does_the_work(
    installation, books, make_server, own_redis
):
    edge = make_server(installation.directory, "web").start().ready()
    assert not any("valkey" in process.name() for process in edge.family())
    crowd = Crowd(edge.port, installation.doors)
    crowd.send(shipments(60))
    assert crowd.statuses() == {(200, "accepted")}
    assert books.rows("SELECT DISTINCT state FROM events WHERE workflow = 'webhook'") == [("received",)]
    worker = make_server(installation.directory, "worker", redis_url=own_redis.url).start().ready()
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert (edge.stop(), worker.stop()) == (0, 0)


def test_two_workers_at_once_do_each_event_once(installation, books, make_server, own_redis):
    shared = {"redis_url": own_redis.url}
    workers = [make_server(installation.directory, "worker", **shared).start() for _ in range(2)]
    edge = make_server(installation.directory, "web", **shared).start().ready()
    for worker in workers:
        worker.ready()
    crowd = Crowd(edge.port, installation.doors)
    crowd.send(shipments(300))
    assert crowd.statuses() == {(200, "accepted")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert [one.stop() for one in (edge, *workers)] == [0, 0, 0]
    installation.verify_log()


def test_of_two_workers_one_is_killed_again_and_again_and_the_other_goes_on(
    installation, books, make_server, own_redis
):
    """In turns and several times, because a tenant's batch is in the hands of one of them at a time."""
    shared = {"redis_url": own_redis.url, "lease_ms": 1000, "dispatch_lease_ms": 3000, "lock_ttl_ms": 1000}
    workers = [make_server(installation.directory, "worker", **shared).start() for _ in range(2)]
    edge = make_server(installation.directory, "web", **shared).start().ready()
    crowd = Crowd(edge.port, installation.doors)

    sent = shipments(320)
    for number in range(4):
        worker = workers[number % 2].ready()
        aim = books.steps_done() + 60
        part = sent[number * 80 : number * 80 + 80]
        crowd.send(part, lambda worker=worker, aim=aim: (_wait_for_steps(books, aim), worker.kill()))
        worker.start()
    assert crowd.statuses() == {(200, "accepted")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert [worker.ready().stop() for worker in workers] == [0, 0]
    installation.verify_log()


def _wait_for_steps(books, aim: int) -> None:
    wait_until(lambda: books.steps_done() >= aim, timeout=60, what=f"{aim} steps in all")


def test_a_batch_in_the_hands_of_a_killed_worker_is_taken_up_within_its_lease_and_a_second(
    installation, books, make_server, own_redis, start_holder
):
    lease_s = 4.0
    shared = {"redis_url": own_redis.url, "lease_ms": int(lease_s * 1000), "lock_ttl_ms": 1000}
    edge = make_server(installation.directory, "web", **shared).start().ready()
    crowd = Crowd(edge.port, installation.doors)
    crowd.send(shipments(30))
    holder = start_holder(installation.directory, **shared)
    assert holder.held() > 1, "a batch"
    worker = make_server(installation.directory, "worker", **shared).start().ready()
    registered = books.number("SELECT count(*) FROM registrations")
    holder.kill()
    killed = time.monotonic()
    wait_until(
        lambda: books.number("SELECT count(*) FROM registrations") > registered,
        timeout=lease_s + 1,
        what="the batch to be registered by the other worker",
    )
    print("kill -9 to registered, s:", round(time.monotonic() - killed, 2))
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert worker.stop() == 0
    installation.verify_log()
