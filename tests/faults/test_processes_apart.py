"""The edge and the actors in processes of their own: they share a database and need nothing else of each
other."""

from __future__ import annotations

import pytest
from traffic import Crowd, shipments

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


def test_one_of_two_workers_killed_leaves_its_work_to_the_other(installation, books, make_server, own_redis):
    shared = {"redis_url": own_redis.url, "lease_ms": 2000, "dispatch_lease_ms": 4000}
    first, second = (make_server(installation.directory, "worker", **shared) for _ in range(2))
    edge = make_server(installation.directory, "web", **shared).start().ready()
    first.start().ready()
    crowd = Crowd(edge.port, installation.doors)
    second.start().ready()
    crowd.send(shipments(150), lambda: (crowd.wait_for(70), first.kill()))
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert second.stop() == 0
    installation.verify_log()
