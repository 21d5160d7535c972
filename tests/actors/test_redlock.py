"""The lock: one holder, freed by its owner or by time. Its nodes have a file of their own."""

from __future__ import annotations

import os
import signal
import threading

import pytest
import redis
from slow_node import SlowNode

from dxflow.actors.middleware.extender import Extender
from dxflow.actors.middleware.redlock import Lease, Redlock
from dxflow.engine.errors import Unavailable
from waiting import wait_until

KEY = "audit_register_did:dep:aa"


def _lock(nodes, ttl_ms: int = 30_000, **options) -> Redlock:
    return Redlock(nodes, ttl_ms, **options)


def test_a_lock_is_one_key_with_a_secret_value_and_an_expiry(valkey, one):
    lease = _lock(one).acquire(KEY)
    assert valkey.client.get(KEY) == lease.token.encode()
    assert len(bytes.fromhex(lease.token)) == 20
    assert 29_000 < valkey.client.pttl(KEY) <= 30_000


def test_the_second_contender_is_refused_until_the_first_lets_go(one):
    first, second = _lock(one), _lock(one)
    lease = first.acquire(KEY)
    assert second.acquire(KEY) is None
    assert first.release(lease) == 1
    assert second.acquire(KEY) is not None


def test_a_refused_contender_leaves_the_holders_key_alone(valkey, one):
    lease = _lock(one).acquire(KEY)
    assert _lock(one).acquire(KEY) is None
    assert valkey.client.get(KEY) == lease.token.encode()


def test_a_lock_that_could_not_be_released_in_an_outage_is_taken_again_at_once(valkey, one):
    lock = _lock(one)
    lease = lock.acquire(KEY)
    reach, one[0].connection_pool = one[0].connection_pool, redis.ConnectionPool(port=1)
    assert lock.release(lease) == 0
    one[0].connection_pool = reach
    assert valkey.client.get(KEY) == lease.token.encode(), "the outage left the key behind"
    assert lock.acquire(KEY) is not None


def test_a_left_over_release_spares_the_next_holder(valkey, one):
    lock = _lock(one)
    lease = lock.acquire(KEY)
    reach, one[0].connection_pool = one[0].connection_pool, redis.ConnectionPool(port=1)
    lock.release(lease)
    one[0].connection_pool = reach
    valkey.client.set(KEY, "another holder's token")
    assert lock.acquire(KEY) is None
    assert valkey.client.get(KEY) == b"another holder's token"


def test_a_lease_is_good_for_the_ttl_less_drift_and_what_asking_took(one):
    node = SlowNode(one[0], takes_s=1.0)
    lease = _lock([node], 10_000, clock=lambda: node.now).acquire(KEY)
    assert lease.valid_until == pytest.approx(100 + 10 - (0.1 + 0.002))
    node.now = 105.0
    assert lease.still_valid(margin=4.8)
    assert not lease.still_valid(margin=5.0)


def test_a_lock_that_took_longer_than_its_ttl_is_refused_and_undone(valkey, one):
    node = SlowNode(one[0], takes_s=11.0)
    assert _lock([node], 10_000, clock=lambda: node.now).acquire(KEY) is None
    assert node.asked == 1
    assert valkey.client.exists(KEY) == 0


def test_a_forked_process_asks_with_threads_of_its_own(one):
    lock = _lock([one[0]] * 3)  # one after another they refuse each other; what counts is that they answer
    assert lock.busy_ms(KEY) == 0
    child = os.fork()
    if child == 0:
        os._exit(lock.busy_ms(KEY))
    try:
        (_, status) = wait_until(lambda: _ended(child), what="an answer in the child")
    except AssertionError:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        raise
    assert os.waitstatus_to_exitcode(status) == 0
    lock.close()
    assert lock.busy_ms(KEY) == 0, "a closed one opens again"
    lock.close()


def _ended(child: int) -> tuple[int, int] | None:
    pid, status = os.waitpid(child, os.WNOHANG)
    return (pid, status) if pid else None


def test_a_wrong_token_releases_nothing(valkey, one):
    lock = _lock(one)
    lease = lock.acquire(KEY)
    forged = Lease(KEY, "00" * 20, lease.valid_until, lease.clock)
    assert lock.release(forged) == 0
    assert valkey.client.get(KEY) == lease.token.encode()


def test_a_holder_that_expired_cant_delete_or_extend_the_next_holders_lock(valkey, one):
    lock = _lock(one)
    late = lock.acquire(KEY)
    valkey.client.delete(KEY)  # as its expiry does
    following = lock.acquire(KEY)
    assert not lock.extend(late)
    assert lock.release(late) == 0
    assert valkey.client.get(KEY) == following.token.encode()


def test_a_released_lease_is_no_longer_valid(one):
    lock = _lock(one)
    lease = lock.acquire(KEY)
    assert lease.still_valid()
    lock.release(lease)
    assert not lease.still_valid()
    assert not lock.extend(lease)


def test_extending_starts_the_ttl_again(valkey, one):
    lock = _lock(one)
    lease = lock.acquire(KEY)
    valkey.client.pexpire(KEY, 5000)
    before = lease.valid_until
    assert lock.extend(lease)
    assert valkey.client.pttl(KEY) > 29_000
    assert lease.valid_until > before


def test_the_extender_keeps_a_lock_beyond_its_ttl_and_stops_when_told(valkey, one, eventually):
    lock = _lock(one, 600)
    extender = Extender(lock)
    extender.start()
    lease = lock.acquire(KEY)
    end_without_extension = lease.valid_until
    extender.watch(lease)
    eventually(lambda: lease.valid_until > end_without_extension + 0.6)
    assert valkey.client.get(KEY) == lease.token.encode()
    extender.unwatch(lease)
    eventually(lambda: valkey.client.exists(KEY) == 0)
    extender.stop()
    assert "dxflow-lock-extender" not in {thread.name for thread in threading.enumerate()}


def test_the_extender_gives_up_on_work_that_hangs(valkey, one, eventually):
    lock = _lock(one, 300)
    extender = Extender(lock, max_extensions=2)
    extender.start()
    lease = lock.acquire(KEY)
    extender.watch(lease)
    eventually(lambda: valkey.client.exists(KEY) == 0)
    assert lease.extensions == 2
    extender.stop()


def test_a_refused_contender_learns_how_long_the_lock_is_busy(valkey, one):
    lock = _lock(one)
    assert lock.busy_ms(KEY) == 0
    lease = lock.acquire(KEY)
    assert 29_000 < lock.busy_ms(KEY) <= 30_000
    lock.release(lease)
    valkey.client.set(KEY, "a key without expiry")
    assert lock.busy_ms(KEY) == 30_000


def test_contenders_are_never_in_at_the_same_time(one):
    inside, overlaps, entries = threading.Semaphore(1), [], []

    def contend() -> None:
        lock = _lock(one)
        while len(entries) < 40:
            if (lease := lock.acquire(KEY)) is not None:
                alone = inside.acquire(blocking=False)
                entries.append(1)
                overlaps.extend([] if alone else [1])
                if alone:
                    inside.release()
                lock.release(lease)

    threads = [threading.Thread(target=contend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(entries) >= 40
    assert overlaps == []


def test_a_lock_without_nodes_is_refused():
    with pytest.raises(ValueError, match="at least one node"):
        Redlock([], 1000)


@pytest.mark.fault
def test_the_lock_of_a_killed_holder_is_free_after_its_ttl(valkey, one, start_worker_process, eventually):
    process = start_worker_process("lock", valkey.url, "1000", KEY)
    assert process.stdout.readline() == "holding\n"
    process.kill()
    assert _lock(one).acquire(KEY) is None
    assert eventually(lambda: _lock(one).acquire(KEY))


@pytest.mark.fault
def test_an_unreachable_node_refuses_and_doesnt_raise(own_valkey, lock_node):
    nodes = [lock_node(own_valkey)]
    own_valkey.kill()
    lock = _lock(nodes)
    assert lock.acquire(KEY) is None
    assert lock.busy_ms(KEY) == 30_000


def test_the_holder_and_the_time_left_can_be_asked_for(one):
    lock = _lock(one)
    assert lock.holder(KEY) is None
    lease = lock.acquire(KEY)
    found = _lock(one).holder(KEY)
    assert found.token == lease.token
    assert 29_000 < found.left_ms <= 30_000
    lock.release(lease)
    assert lock.holder(KEY) is None


def test_a_token_that_only_a_minority_carries_holds_nothing(start_server, lock_node):
    servers = [start_server() for _ in range(3)]
    lock = _lock([lock_node(server) for server in servers])
    servers[0].client.set(KEY, "half a try", px=30_000)
    assert lock.holder(KEY) is None
    servers[1].client.set(KEY, "half a try", px=5_000)
    found = lock.holder(KEY)
    assert found.token == "half a try"
    assert found.left_ms <= 5_000, "then a majority is free of it"
    lock.close()


def test_too_few_nodes_know_nothing(one):
    lock = _lock(one)
    one[0].connection_pool = redis.ConnectionPool(port=1)
    with pytest.raises(Unavailable):
        lock.holder(KEY)
