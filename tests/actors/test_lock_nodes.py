"""The lock's nodes: what one that is dead, hangs, errs or forgets costs, and what it is owed."""

from __future__ import annotations

import time

import pytest
import redis
from slow_node import SlowNode

from dxflow.actors.middleware.lock_node import REST_S, LockNode
from dxflow.actors.middleware.redlock import Redlock

KEY = "audit_register_did:dep:aa"


def _lock(nodes, ttl_ms: int = 30_000, **options) -> Redlock:
    return Redlock(nodes, ttl_ms, **options)


@pytest.fixture
def five(start_server, lock_node):
    servers = [start_server() for _ in range(5)]
    return servers, [lock_node(server) for server in servers]


def test_a_node_that_let_a_question_time_out_is_left_alone_for_a_second(one):
    slow = SlowNode(one[0], takes_s=0.25, says=redis.TimeoutError())
    node = LockNode(slow, 1, lambda: slow.now)
    assert [node.take(KEY, "token", 30_000) for _ in range(3)] == [False] * 3
    assert slow.asked == 1
    slow.now += REST_S
    slow.says = None
    assert node.take(KEY, "token", 30_000)
    assert node.extend(KEY, "token", 30_000)


@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError(),
        redis.exceptions.BusyLoadingError(),
        redis.ReadOnlyError(),
        redis.AuthenticationError(),
        redis.exceptions.ClusterDownError("-"),
        redis.exceptions.RedisClusterException(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_node_that_answers_with_an_error_is_no_vote_and_is_asked_again_at_once(one, error):
    slow = SlowNode(one[0], takes_s=0.01, says=error)
    lock = _lock([slow], clock=lambda: slow.now)
    assert lock.acquire(KEY) is None
    slow.says = None
    assert lock.acquire(KEY) is not None


def test_a_node_is_logged_when_it_goes_away_and_when_it_is_back_and_not_at_every_question(one, capsys):
    slow = SlowNode(one[0], takes_s=0.01, says=redis.ReadOnlyError())
    lock = _lock([slow], clock=lambda: slow.now)
    assert [lock.acquire(KEY) for _ in range(3)] == [None] * 3
    slow.says = None
    lock.release(lock.acquire(KEY))
    assert lock.acquire(KEY) is not None
    out = capsys.readouterr().out
    assert (out.count("lock_node_away"), out.count("lock_node_back")) == (1, 1)


def test_what_a_dead_node_is_owed_is_bounded_and_the_newest_is_kept(valkey, one, monkeypatch):
    monkeypatch.setattr("dxflow.actors.middleware.lock_node._RESOURCES_OWED", 2)
    node = LockNode(one[0], 1, time.monotonic)
    names = [f"{KEY}{number}" for number in range(3)]
    assert [node.take(name, f"token of {name}", 600_000) for name in names] == [True] * 3
    reach, one[0].connection_pool = one[0].connection_pool, redis.ConnectionPool(port=1)
    assert [node.free(name, f"token of {name}") for name in names] == [False] * 3
    one[0].connection_pool = reach
    node.settle()
    assert [valkey.client.exists(name) for name in names] == [1, 0, 0]


@pytest.mark.fault
def test_over_five_nodes_there_is_one_holder_and_its_release_empties_all(five):
    servers, nodes = five
    first, second = _lock(nodes), _lock(nodes)
    lease = first.acquire(KEY)
    assert [server.client.exists(KEY) for server in servers] == [1] * 5
    assert second.acquire(KEY) is None
    assert first.release(lease) == 5
    assert [server.client.exists(KEY) for server in servers] == [0] * 5
    assert second.acquire(KEY) is not None
    first.close()
    second.close()


@pytest.mark.fault
def test_with_two_of_five_nodes_dead_the_lock_goes_on(five):
    servers, nodes = five
    servers[0].kill()
    servers[3].kill()
    lock = _lock(nodes)
    lease = lock.acquire(KEY)
    assert lease is not None
    assert lock.extend(lease)
    assert _lock(nodes).acquire(KEY) is None
    assert lock.release(lease) == 3


@pytest.mark.fault
def test_with_three_of_five_nodes_dead_it_is_refused_and_leaves_nothing_behind(five):
    servers, nodes = five
    for server in servers[:3]:
        server.kill()
    assert _lock(nodes).acquire(KEY) is None
    assert [server.client.exists(KEY) for server in servers[3:]] == [0, 0]


@pytest.mark.fault
def test_nodes_that_answer_with_errors_are_as_good_as_dead(five):
    servers, nodes = five
    servers[0].client.replicaof("127.0.0.1", 1)
    servers[1].client.config_set("requirepass", "another than ours")
    lock = _lock(nodes)
    lease = lock.acquire(KEY)
    assert lease is not None
    assert lock.extend(lease)
    assert lock.release(lease) == 3
    servers[2].client.replicaof("127.0.0.1", 1)
    assert lock.acquire(KEY) is None
    assert [server.client.exists(KEY) for server in servers[2:]] == [0, 0, 0]
    servers[0].client.replicaof("NO", "ONE")
    assert lock.acquire(KEY) is not None
    lock.close()


@pytest.mark.fault
def test_a_node_that_stalls_costs_its_timeout_once_and_not_with_every_lock(five):
    servers, nodes = five
    lock = _lock(nodes)
    servers[1].stall()
    started = time.monotonic()
    leases = []
    for _ in range(20):
        leases.append(lock.acquire(KEY))
        lock.release(leases[-1])
    took = time.monotonic() - started
    servers[1].go_on()
    assert None not in leases
    assert took < 20 * 0.5 / 2, "half a second for each would be the node's timeout each time"
    lock.close()


@pytest.mark.fault
def test_what_a_stalled_node_sets_when_it_goes_on_is_undone(five, eventually):
    servers, nodes = five
    lock = _lock(nodes, 600_000)
    lock.release(
        lock.acquire(KEY)
    )  # from here on there are connections, on which a SET reaches a stopped node
    servers[1].stall()
    lease = lock.acquire(KEY)
    assert lock.release(lease) == 4
    servers[1].go_on()
    assert eventually(lambda: servers[1].client.get(KEY)) == lease.token.encode()
    eventually(lambda: (lock.settle(), servers[1].client.exists(KEY) == 0)[1])
    lock.close()


@pytest.mark.fault
def test_with_one_of_five_nodes_dead_a_lock_is_extended_and_not_with_three(five, eventually):
    servers, nodes = five
    lock = _lock(nodes, 1500)
    lease = lock.acquire(KEY)
    first_end = lease.valid_until
    servers[4].kill()
    assert lock.extend(lease)
    assert lease.valid_until > first_end
    servers[0].kill()
    servers[1].kill()
    assert not lock.extend(lease)
    eventually(lambda: not lease.still_valid())
    servers[0].start()
    nodes[0].connection_pool.disconnect()
    assert eventually(lambda: lock.acquire(KEY))
    lock.close()
