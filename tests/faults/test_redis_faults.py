"""Redis goes away, or forgets everything, while a thousand webhooks come in: nobody is refused, nothing is
lost, nothing happens twice."""

from __future__ import annotations

import shutil
import time

import pytest
from traffic import Crowd, shipments

from dxflow.config.server import GRACEFUL_TIMEOUT_S
from waiting import wait_until

pytestmark = pytest.mark.fault

WEBHOOKS = 1000


@pytest.mark.parametrize(("memory", "webhooks"), [("kept", WEBHOOKS), ("lost", WEBHOOKS // 4)])
def test_redis_killed_among_a_thousand_webhooks_refuses_none_and_all_are_done_once_it_is_back(
    installation, books, make_server, own_redis, tmp_path, memory, webhooks
):
    server = make_server(installation.directory, redis_url=own_redis.url).start().ready()
    crowd = Crowd(server.port, installation.doors)

    def without_redis() -> None:
        crowd.wait_for(webhooks // 4)
        own_redis.kill()

    crowd.send(shipments(webhooks), without_redis)
    assert crowd.statuses() == {(200, "accepted")}
    assert books.under_way() > 0, "the test is void: all was done before Redis went away"
    if memory == "lost":
        shutil.rmtree(tmp_path / "redis" / "valkey")
    own_redis.start()
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.stop() == 0
    assert installation.verify_log()["tenants"] == 1


def test_a_redis_wiped_again_and_again_among_a_thousand_webhooks_loses_nothing(
    installation, books, make_server, own_redis
):
    server = make_server(installation.directory, redis_url=own_redis.url).start().ready()
    crowd = Crowd(server.port, installation.doors)

    def wipe() -> None:
        for answered in (200, 450, 700):
            crowd.wait_for(answered)
            own_redis.client.flushall()

    crowd.send(shipments(WEBHOOKS), wipe)
    assert crowd.statuses() == {(200, "accepted")}
    own_redis.client.flushall()
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.stop() == 0
    assert installation.verify_log()["tenants"] == 1


def test_a_redis_that_hangs_holds_up_nobody_who_delivers(installation, books, make_server, own_redis):
    server = make_server(installation.directory, redis_url=own_redis.url).start().ready()
    crowd = Crowd(server.port, installation.doors)
    with own_redis.hanging():
        started = time.monotonic()
        crowd.send(shipments(100))
        took = time.monotonic() - started
    assert crowd.statuses() == {(200, "accepted")}
    assert took < 15, "a hundred deliveries must not wait for a Redis that doesn't answer"
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())


def test_a_redis_stopped_beyond_the_socket_timeout_is_left_and_found_again(
    installation, books, make_server, own_redis
):
    address = f"{own_redis.url}&socket_timeout=0.5"
    leases = {"lease_ms": 2000, "dispatch_lease_ms": 4000, "lock_ttl_ms": 1000}
    server = make_server(installation.directory, redis_url=address, **leases).start().ready()
    crowd = Crowd(server.port, installation.doors)

    def stop_it() -> None:
        crowd.wait_for(100)
        with own_redis.hanging():
            wait_until(lambda: "relay_waiting" in server.log(), timeout=30, what="the relay to give up")
            wait_until(lambda: _consumer_gave_up(server.log()), timeout=30, what="the consumer to give up")

    crowd.send(shipments(300), stop_it)
    assert crowd.statuses() == {(200, "accepted")}
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.stop() == 0
    installation.verify_log()


def _consumer_gave_up(log: str) -> bool:
    return "Consumer encountered a connection error" in log


def test_a_worker_and_its_redis_that_die_together_with_all_they_had_in_hand_lose_nothing(
    installation, books, make_server, own_redis, tmp_path, start_holder
):
    settings = {"redis_url": own_redis.url, "dispatch_lease_ms": 600_000}  # nobody is to wait for its end
    edge = make_server(installation.directory, "web").start().ready()
    crowd = Crowd(edge.port, installation.doors)
    crowd.send(shipments(30))
    holder = start_holder(installation.directory, **settings)
    assert holder.held() > 0
    holder.kill()
    own_redis.kill()
    shutil.rmtree(tmp_path / "redis" / "valkey")
    own_redis.start()
    worker = make_server(installation.directory, "worker", **settings).start().ready()
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert worker.stop() == 0
    installation.verify_log()


def test_a_server_stops_in_time_while_its_redis_hangs(installation, books, make_server, own_redis):
    server = make_server(installation.directory, redis_url=own_redis.url).start().ready()
    crowd = Crowd(server.port, installation.doors)
    with own_redis.hanging():
        crowd.send(shipments(20))
        assert server.stop(timeout=GRACEFUL_TIMEOUT_S + 5) == 0
    server.start()
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
