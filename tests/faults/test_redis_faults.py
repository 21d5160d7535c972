"""Redis goes away, or forgets everything, while a thousand webhooks come in: nobody is refused, nothing is
lost, nothing happens twice."""

from __future__ import annotations

import shutil

import pytest
from traffic import Crowd, shipments

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
