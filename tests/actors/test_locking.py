"""Messages under their tenant's lock: what a refusal costs, and what the actor sees."""

from __future__ import annotations

import logging

import dramatiq
import pytest
from dramatiq.middleware import CurrentMessage

from dxflow.actors.broker.names import LOCK_TEMPLATE, QUEUE
from dxflow.actors.middleware.locking import RedlockMiddleware, current_lease, holders
from dxflow.actors.middleware.redlock import Redlock

A = "audit_register_queue_did:dep:aa"
KEY = "audit_register_did:dep:aa"


@pytest.fixture
def redlock(valkey, lock_node):
    return Redlock([lock_node(valkey)], 30_000)


@pytest.fixture
def broker(valkey, make_broker, redlock):
    return make_broker(valkey, middleware=[CurrentMessage(), RedlockMiddleware(redlock)])


@pytest.fixture
def seen(broker):
    """(number, key of the lease, redeliveries) of every run of an actor that needs the lock."""
    seen = []

    @dramatiq.actor(broker=broker, lock=LOCK_TEMPLATE)
    def note(number: int) -> None:
        lease = current_lease()
        redeliveries = CurrentMessage.get_current_message().options["redeliveries"]
        seen.append((number, lease.resource if lease and lease.still_valid() else None, redeliveries))

    return seen


def test_an_actor_runs_under_its_tenants_lock_which_is_freed_after_it(
    valkey, broker, seen, run_worker, message
):
    broker.enqueue(message(A, 1))
    with run_worker(broker):
        broker.join(QUEUE, timeout=30_000)
    assert seen == [(1, KEY, 0)]
    assert valkey.client.exists(KEY) == 0
    assert current_lease() is None


def test_the_lock_is_freed_when_the_actor_fails(valkey, broker, run_worker, message):
    @dramatiq.actor(broker=broker, lock=LOCK_TEMPLATE)
    def note(number: int) -> None:
        raise RuntimeError("as asked")

    broker.enqueue(message(A))
    with run_worker(broker):
        broker.join(QUEUE, timeout=30_000)
    assert valkey.client.exists(KEY) == 0


def test_a_refused_lock_spends_nothing_and_keeps_the_order(
    valkey, broker, seen, redlock, run_worker, message, eventually
):
    foreign = redlock.acquire(KEY)
    for number in range(3):
        broker.enqueue(message(A, number))
    with run_worker(broker):
        refusals = []

        def has_been_refused_again():
            refusals.append(valkey.client.zscore("dxflow:parked", A))
            return len(set(refusals) - {None}) >= 3

        eventually(has_been_refused_again)
        assert seen == []
        assert broker.depths([A])[A].ready + broker.depths([A])[A].in_flight == 3
        redlock.release(foreign)
        broker.join(QUEUE, timeout=30_000)
    assert seen == [(0, KEY, 0), (1, KEY, 0), (2, KEY, 0)]


def test_a_refused_queue_rests_no_longer_than_the_lock_is_busy(broker, consume, redlock, message):
    redlock.acquire(KEY)
    dramatiq.actor(lambda number: None, broker=broker, actor_name="note", lock=LOCK_TEMPLATE)
    broker.enqueue(message(A))
    refused = next(consume(broker))
    with pytest.raises(dramatiq.middleware.SkipMessage):
        broker.emit_before("process_message", refused)
    assert 250 <= refused.park_ms <= 1000


def test_letting_go_of_the_lock_wakes_the_queue(broker, consume, seen, message):
    broker.enqueue(message(A, 1))
    broker.enqueue(message(A, 2))
    consumer = consume(broker)
    held = next(consumer)
    broker.emit_before("process_message", held)
    held.park_ms = 3_600_000
    consumer.ack(held)
    assert next(consumer) is None
    broker.emit_after("process_message", held)
    assert next(consumer).args == (1,)


def test_a_lease_that_ran_out_is_no_lock_any_more(broker, consume, redlock, message, monkeypatch):
    dramatiq.actor(lambda number: None, broker=broker, actor_name="note", lock=LOCK_TEMPLATE)
    broker.enqueue(message(A))
    held = next(consume(broker))
    broker.emit_before("process_message", held)
    lease = current_lease()
    assert lease.resource == KEY
    lease.valid_until = lease.clock()
    assert current_lease() is None
    broker.emit_after("process_message", held)


def test_a_refused_lock_is_no_warning_and_any_other_skipped_message_is(
    valkey, broker, seen, redlock, run_worker, message, eventually, caplog
):
    caplog.set_level(logging.WARNING)
    foreign = redlock.acquire(KEY)
    broker.enqueue(message(A, 1))
    with run_worker(broker) as worker:
        eventually(lambda: valkey.client.zscore("dxflow:parked", A))
        redlock.release(foreign)
        broker.join(QUEUE, timeout=30_000)
        assert caplog.messages == []
        skipped = dramatiq.broker.MessageProxy(message(A, 2))
        worker.workers[0].logger.warning("Message %s was skipped.", skipped)
    assert len(caplog.messages) == 1


def test_an_actor_without_a_lock_runs_without_one(broker, run_worker, message):
    leases = []
    dramatiq.actor(lambda number: leases.append(current_lease()), broker=broker, actor_name="note")
    broker.enqueue(message(A))
    with run_worker(broker):
        broker.join(QUEUE, timeout=30_000)
    assert leases == [None]


def test_a_message_without_a_tenant_is_given_up_rather_than_run_without_the_lock(
    valkey, broker, seen, run_worker, message, eventually
):
    broker.enqueue(message(None, message_id="m1"))
    with run_worker(broker):
        eventually(lambda: valkey.client.hkeys("dxflow:poison") == [b"m1"])
    assert seen == []


def test_a_lock_that_fails_unexpectedly_refuses(broker, consume, redlock, message, monkeypatch):
    dramatiq.actor(lambda number: None, broker=broker, actor_name="note", lock=LOCK_TEMPLATE)
    monkeypatch.setattr(redlock, "acquire", lambda resource: 1 / 0)
    broker.enqueue(message(A))
    held = next(consume(broker))
    with pytest.raises(dramatiq.middleware.SkipMessage):
        broker.emit_before("process_message", held)
    assert held.park_ms is not None


@pytest.mark.fault
def test_without_its_lock_node_a_message_waits_and_runs_when_the_node_is_back(
    valkey, own_valkey, lock_node, make_broker, run_worker, message, eventually
):
    broker = make_broker(valkey, middleware=[RedlockMiddleware(Redlock([lock_node(own_valkey)], 30_000))])
    ran = []
    dramatiq.actor(ran.append, broker=broker, actor_name="note", lock=LOCK_TEMPLATE)
    own_valkey.kill()
    broker.enqueue(message(A, 1))
    with run_worker(broker):
        eventually(lambda: valkey.client.zscore("dxflow:parked", A))
        assert ran == []
        own_valkey.start()
        broker.join(QUEUE, timeout=30_000)
    assert ran == [1]


def test_who_holds_a_register_queues_lock_is_told_by_the_queues_name(valkey, make_broker, lock_node):
    redlock = Redlock([lock_node(valkey)], 30_000)
    broker = make_broker(valkey, middleware=[RedlockMiddleware(redlock)])
    held, free = (f"audit_register_queue_did:dep:{name}" for name in ("aa", "bb"))
    assert holders(broker, [held, free]) == {}
    lease = redlock.acquire("audit_register_did:dep:aa")
    found = holders(broker, [held, free])
    assert {queue: holder.token for queue, holder in found.items()} == {held: lease.token}
    assert holders(make_broker(valkey), [held]) == {}, "a broker without locks knows of none"
