"""What the broker does when processes and servers die, stall or lose everything."""

from __future__ import annotations

import threading
import time

import dramatiq
import pytest

from dxflow.actors.broker.names import QUEUE, queue_name

pytestmark = pytest.mark.fault

A = "audit_register_queue_did:dep:aa"


@pytest.fixture
def ran():
    return []


@pytest.fixture
def note(ran):
    """Declares an actor that writes down the number it was called with."""

    def declare(broker):
        return dramatiq.actor(lambda number: ran.append(number), broker=broker, actor_name="note")

    return declare


def held_up(broker):
    """An actor that waits: events for that it started and that it may go on, and what it was run with."""
    started, go_on, ran = threading.Event(), threading.Event(), []

    @dramatiq.actor(broker=broker)
    def note(number):
        started.set()
        go_on.wait(30)
        ran.append(number)

    return started, go_on, ran


def test_what_a_killed_worker_held_comes_back_within_its_lease(
    valkey, make_broker, run_worker, message, note, ran, start_worker_process
):
    lease_ms = 1500
    broker = make_broker(valkey, lease_ms=lease_ms)
    note(broker)
    for number in range(8):
        broker.enqueue(message(queue_name("workflow", f"did:dep:{number}"), number))
    process = start_worker_process("messages", valkey.url, str(lease_ms), "8")
    assert process.stdout.readline() == "holding\n"
    with run_worker(broker):
        process.kill()
        killed_at = time.monotonic()
        broker.join(QUEUE, timeout=30_000)
        took = time.monotonic() - killed_at
    assert sorted(ran) == list(range(8))
    assert took < 1.5 * lease_ms / 1000 + 2  # a lease, half a lease until somebody looks, and a slow machine


def test_a_wiped_redis_keeps_workers_alive_and_counts_sane(
    own_valkey, make_broker, run_worker, message, eventually
):
    broker = make_broker(own_valkey, lease_ms=500)
    started, go_on, ran = held_up(broker)
    with run_worker(broker, threads=1):
        broker.enqueue(message(A, 1))
        assert started.wait(30)
        broker.mark()
        own_valkey.client.flushall()
        own_valkey.client.script_flush()
        assert broker.mark()
        broker.enqueue(message(A, 2))
        broker.enqueue(message(A, 3))
        go_on.set()
        broker.join(QUEUE, timeout=30_000)
    assert ran == [1, 2, 3]
    left = {key for key in own_valkey.client.keys("dxflow:*") if not key.startswith(b"dxflow:fetched:")}
    assert left <= {b"dxflow:marker", b"dxflow:bell"}


def test_prefetched_messages_of_a_wiped_redis_are_dropped(
    own_valkey, make_broker, consume, message, eventually
):
    broker = make_broker(own_valkey, lease_ms=300)
    broker.enqueue(message(A))
    held = next(consume(broker))
    broker.emit_before("process_message", held)
    own_valkey.client.flushall()

    def is_dropped():
        try:
            broker.emit_before("process_message", held)
        except dramatiq.middleware.SkipMessage:
            return True
        return False

    eventually(is_dropped)


@pytest.mark.usefixtures("fast_reconnect")
def test_a_killed_and_restarted_redis_loses_nothing_and_needs_nobody(
    own_valkey, make_broker, run_worker, message, note, ran, eventually
):
    broker = make_broker(own_valkey, lease_ms=1000)
    note(broker)
    with run_worker(broker):
        for number in range(200):
            broker.enqueue(message(queue_name("workflow", f"did:dep:{number % 20}"), number))
        eventually(lambda: len(ran) > 10)
        own_valkey.kill()
        own_valkey.start()
        broker.enqueue(message(A, 200))
        broker.join(QUEUE, timeout=30_000)
    assert set(ran) == set(range(201))
    assert own_valkey.client.hgetall("dxflow:inflight") == {}


@pytest.mark.usefixtures("fast_reconnect")
def test_an_acknowledgement_made_while_redis_was_away_arrives_when_it_is_back(
    own_valkey, make_broker, run_worker, message, eventually
):
    broker = make_broker(own_valkey, lease_ms=60_000)
    started, go_on, ran = held_up(broker)
    broker.enqueue(message(A, 1))
    with run_worker(broker):
        assert started.wait(30)
        own_valkey.kill()
        go_on.set()
        eventually(lambda: ran == [1])
        own_valkey.start()
        eventually(lambda: own_valkey.client.exists("dxflow:messages") == 0)
    assert ran == [1]


@pytest.mark.usefixtures("fast_reconnect")
def test_messages_whose_fetch_reply_was_lost_come_back_after_the_lease(
    own_valkey, make_broker, run_worker, message, note, ran, eventually
):
    broker = make_broker(own_valkey, query="&socket_timeout=0.3", lease_ms=1000)
    for number in range(4):
        broker.enqueue(message(queue_name("workflow", f"did:dep:{number}"), number, message_id=f"m{number}"))
    consumer = broker.consume(QUEUE, prefetch=1, timeout=50)
    consumer.ack(next(consumer))
    own_valkey.stall()
    with pytest.raises(dramatiq.errors.ConnectionClosed):
        next(consumer)
    own_valkey.go_on()
    eventually(lambda: own_valkey.client.zscore("dxflow:leases", "m1"))
    consumer.close()
    note(broker)
    with run_worker(broker):
        broker.join(QUEUE, timeout=30_000)
    assert sorted(ran) == [1, 2, 3]


def test_a_bell_that_rang_for_a_process_that_died_costs_half_a_lease_at_most(
    own_valkey, make_broker, consume, message, eventually
):
    broker = make_broker(own_valkey, lease_ms=2000)
    consumer = consume(broker)
    assert next(consumer) is None
    broker.enqueue(message(A))
    own_valkey.client.delete("dxflow:bell")
    began = time.monotonic()
    assert eventually(lambda: next(consumer)).args == (0,)
    assert time.monotonic() - began < 1 + 1


@pytest.mark.usefixtures("fast_reconnect")
def test_a_stalled_redis_is_waited_out(own_valkey, make_broker, run_worker, message, note, ran, eventually):
    broker = make_broker(own_valkey, query="&socket_timeout=0.3", lease_ms=1000)
    note(broker)
    with run_worker(broker):
        own_valkey.stall()
        with pytest.raises(dramatiq.errors.ConnectionClosed):
            broker.enqueue(message(A, 1, message_id="m1"))
        own_valkey.go_on()
        broker.enqueue(message(A, 1, message_id="m1"))
        broker.join(QUEUE, timeout=30_000)
    assert 1 in ran
