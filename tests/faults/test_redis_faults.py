"""Redis goes away, or forgets everything, while a thousand webhooks come in: nobody is refused, nothing is
lost, nothing happens twice."""

from __future__ import annotations

import shutil
import time

import pytest
from traffic import Crowd, shipments

from dxflow.config.server import GRACEFUL_TIMEOUT_S

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


def test_a_server_stops_in_time_while_its_redis_hangs(installation, books, make_server, own_redis):
    server = make_server(installation.directory, redis_url=own_redis.url).start().ready()
    crowd = Crowd(server.port, installation.doors)
    with own_redis.hanging():
        crowd.send(shipments(20))
        assert server.stop(timeout=GRACEFUL_TIMEOUT_S + 5) == 0
    server.start()
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
