"""Idle consumers block on the bell: cheap while nothing happens, and nobody sleeps through work."""

from __future__ import annotations

import threading

import dramatiq
import pytest

from dxflow.actors.broker.names import QUEUE, queue_name

A = "audit_register_queue_did:dep:aa"
B = "audit_register_queue_did:dep:bb"


def test_one_ring_wakes_as_many_consumers_as_there_is_work_for(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    consumers = [consume(make_broker(valkey), prefetch=1) for _ in range(2)]
    assert [next(consumer) for consumer in consumers] == [None, None]
    broker.enqueue(message(A))
    broker.enqueue(message(B))
    assert valkey.client.llen("dxflow:bell") == 1
    assert {next(consumer).queue for consumer in consumers} == {A, B}


def test_two_idle_workers_both_run_when_there_is_more_than_one_can_hold(valkey, make_broker, run_worker):
    at_work, everybody = set(), threading.Event()
    brokers = [make_broker(valkey) for _ in range(2)]

    def work_as(worker: int):
        def work() -> None:
            at_work.add(worker)
            if len(at_work) == 2:
                everybody.set()
            assert everybody.wait(30)

        return work

    for number, broker in enumerate(brokers):
        dramatiq.actor(work_as(number), broker=broker, actor_name="work")
    # with one thread a worker holds two messages at most: the third needs the other
    with run_worker(brokers[0], threads=1), run_worker(brokers[1], threads=1):
        for n in range(3):
            brokers[0].actors["work"].send_with_options(tenant_queue=queue_name("workflow", f"did:dep:{n}"))
        brokers[0].join(QUEUE, timeout=30_000)
    assert at_work == {0, 1}


@pytest.mark.parametrize("limit", [1, 3])
def test_an_idle_consumer_asks_redis_fewer_than_ten_times_a_second(
    limit, valkey, make_broker, consume, message, eventually
):
    broker = make_broker(valkey, limits={"f": limit})
    consumer = consume(broker, timeout=1000)
    for number in range(3):
        broker.enqueue(message(A, number, options={"family": "f"}))
        consumer.ack(next(consumer))
    broker.join(QUEUE, timeout=5000)
    assert next(consumer) is None
    before = _commands(valkey)
    looks = 3
    assert [next(consumer) for _ in range(looks)] == [None] * looks
    assert _commands(valkey) - before < 10 * looks


def _commands(valkey) -> int:
    """Commands so far, those inside scripts included."""
    return sum(stat["calls"] for stat in valkey.client.info("commandstats").values())
