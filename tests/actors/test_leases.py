"""Leases: what settles them, what ends them, and what is counted."""

from __future__ import annotations

from dxflow.actors.broker.broker import MAX_DELIVERIES, TenantBroker
from dxflow.actors.broker.reads import Depth

A = "audit_register_queue_did:dep:aa"
B = "audit_register_queue_did:dep:bb"
NOTHING = Depth(0, 0, 0, None)


def _expire(valkey, *message_ids: str) -> None:
    """As if these leases had run out: their holders are silent."""
    for message_id in message_ids:
        assert valkey.client.zadd("dxflow:leases", {message_id: 0}, xx=True, ch=True) == 1


def test_an_acknowledgement_reaches_redis_without_another_fetch(
    valkey, make_broker, consume, message, eventually
):
    broker = make_broker(valkey)
    broker.enqueue(message(A))
    consumer = consume(broker)
    consumer.ack(next(consumer))
    eventually(lambda: broker.depths([A])[A] == NOTHING and not broker.known([(A, "m1")]))


def test_closing_sends_what_was_acknowledged_and_returns_what_wasnt_handed_out(
    valkey, make_broker, consume, message
):
    broker = make_broker(valkey, limits={"f": 9})
    for number in range(4):
        broker.enqueue(message(A, number, message_id=f"m{number}", options={"family": "f"}))
    consumer = consume(broker)
    consumer.ack(next(consumer))
    consumer.close()
    assert valkey.client.lrange(A, 0, -1) == [b"m1", b"m2", b"m3"]
    assert broker.depths([A])[A][:2] == (3, 0)


def test_requeued_messages_return_to_the_front_in_order_and_count_no_delivery(
    valkey, make_broker, consume, message
):
    broker = make_broker(valkey, limits={"f": 3})
    for number in range(5):
        broker.enqueue(message(A, number, options={"family": "f"}))
    consumer = consume(broker)
    taken = [next(consumer) for _ in range(3)]
    consumer.requeue(taken[::-1])
    again = [next(consumer) for _ in range(3)]
    assert [(one.args[0], one.options["redeliveries"]) for one in again] == [(0, 0), (1, 0), (2, 0)]


def test_an_expired_lease_puts_the_message_back_in_front_and_counts_a_delivery(
    valkey, make_broker, consume, message
):
    broker = make_broker(valkey, limits={"f": 3})
    for number in range(5):
        broker.enqueue(message(A, number, message_id=f"m{number}", options={"family": "f"}))
    silent = consume(broker)
    assert [next(silent).args[0] for _ in range(3)] == [0, 1, 2]
    _expire(valkey, "m2", "m0", "m1")
    other = consume(make_broker(valkey))
    again = [next(other) for _ in range(3)]
    assert [(one.args[0], one.options["redeliveries"]) for one in again] == [(0, 1), (1, 1), (2, 1)]


def test_settling_a_lease_that_somebody_else_has_by_now_changes_nothing(
    valkey, make_broker, consume, message
):
    broker = make_broker(valkey)
    broker.enqueue(message(A, message_id="m1"))
    slow = consume(broker)
    stale = next(slow)
    _expire(valkey, "m1")
    other = consume(make_broker(valkey))
    assert next(other).message_id == "m1"
    for settle in (slow.ack, slow.nack, lambda one: slow.requeue([one])):
        settle(stale)
    slow.close()
    assert broker.depths([A])[A] == Depth(0, 1, 0, None)
    assert broker.known([(A, "m1")]) == {"m1"}
    assert valkey.client.hlen("dxflow:poison") == 0


def test_a_lease_is_renewed_while_its_message_is_worked_on(valkey, make_broker, consume, message, eventually):
    broker = make_broker(valkey, lease_ms=300)
    broker.enqueue(message(A, message_id="m1"))
    consumer = consume(broker)
    assert next(consumer) is not None
    first = valkey.client.zscore("dxflow:leases", "m1")
    eventually(lambda: valkey.client.zscore("dxflow:leases", "m1") > first + 900)
    assert valkey.client.hlen("dxflow:deliveries") == 0


def test_a_message_that_always_loses_its_holder_is_given_up_and_reported(
    valkey, make_broker, consume, message, eventually
):
    reported = []
    broker = make_broker(valkey, on_poison=reported.append)
    broker.enqueue(message(A, 1, message_id="bad"))
    broker.enqueue(message(A, 2, message_id="good"))
    for earlier in range(MAX_DELIVERIES):
        consumer = consume(make_broker(valkey))
        assert next(consumer).options["redeliveries"] == earlier
        _expire(valkey, "bad")
    consumer = consume(broker)
    assert next(consumer).message_id == "good"
    assert [one.message_id for one in reported] == ["bad"]
    assert broker.known([(A, "bad")]) == set()
    eventually(lambda: valkey.client.hlen("dxflow:poison") == 0)


def test_a_report_that_fails_is_repeated(valkey, make_broker, consume, message, eventually):
    calls = []

    def report(given_up):
        calls.append(given_up.message_id)
        if len(calls) == 1:
            raise RuntimeError("the database is away")

    broker = make_broker(valkey, on_poison=report, lease_ms=500)
    broker.enqueue(message(A, message_id="m1"))
    consumer = consume(broker)
    consumer.nack(next(consumer))
    eventually(lambda: next(consumer) is None and len(calls) == 2)
    assert valkey.client.hlen("dxflow:poison") == 0


def test_without_anybody_to_tell_poison_stays_for_the_operator(
    valkey, make_broker, consume, message, eventually
):
    broker = make_broker(valkey)
    broker.enqueue(message(A, message_id="m1"))
    consumer = consume(broker)
    consumer.nack(next(consumer))
    eventually(lambda: valkey.client.hkeys("dxflow:poison") == [b"m1"])
    assert next(consumer) is None


def test_a_message_that_cant_be_decoded_is_given_up_and_the_next_one_comes(
    valkey, make_broker, consume, message
):
    broker = make_broker(valkey)
    broker.enqueue(message(A, 1, message_id="m1"))
    valkey.client.hset("dxflow:messages", "m1", f"{A}\nnot json")
    broker.enqueue(message(B, 2))
    assert next(consume(broker)).args == (2,)


def test_a_parked_message_returns_to_the_front_and_its_queue_rests(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    broker.enqueue(message(A, 1))
    broker.enqueue(message(A, 2))
    consumer = consume(broker)
    refused = next(consumer)
    refused.park_ms = 3_600_000
    consumer.ack(refused)
    assert next(consumer) is None
    assert broker.depths([A])[A][:2] == (2, 0)
    broker.wake(A)
    again = next(consumer)
    assert (again.args, again.options["redeliveries"]) == ((1,), 0)


def test_parking_ends_by_itself(valkey, make_broker, consume, message, eventually):
    broker = make_broker(valkey)
    broker.enqueue(message(A, 1))
    consumer = consume(broker)
    refused = next(consumer)
    refused.park_ms = 100
    consumer.ack(refused)
    assert eventually(lambda: next(consumer)).args == (1,)


def test_a_queue_that_rests_gives_nothing_even_if_it_was_ready(valkey, make_broker, consume, message):
    broker = make_broker(valkey, limits={"f": 2})
    for number in range(3):
        broker.enqueue(message(A, number, options={"family": "f"}))
    consumer = consume(broker, prefetch=1)
    refused = next(consumer)
    refused.park_ms = 3_600_000
    consumer.ack(refused)
    assert next(consumer) is None
    assert broker.depths([A])[A][:2] == (3, 0)


def test_waking_a_queue_that_doesnt_rest_does_nothing(valkey, make_broker):
    make_broker(valkey).wake(A)
    assert valkey.client.dbsize() == 0


def test_taking_over_returns_what_the_dead_held_and_frees_their_locks(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    dead = TenantBroker(valkey.url)
    dead_consumer = consume(dead)
    for number, queue in enumerate((A, A, B)):
        broker.enqueue(message(queue, number))
    assert [next(dead_consumer).args[0] for _ in range(2)] == [0, 2]
    valkey.client.set("audit_register_did:dep:aa", "a dead process", px=60_000)
    valkey.client.set("audit_register_did:dep:cc", "somebody else", px=60_000)
    broker.take_over()
    assert {name: depth[:2] for name, depth in broker.depths([A, B]).items()} == {A: (2, 0), B: (1, 0)}
    assert valkey.client.exists("audit_register_did:dep:aa") == 0
    assert valkey.client.exists("audit_register_did:dep:cc") == 1
    again = next(consume(broker))
    assert (again.args, again.options["redeliveries"]) == ((0,), 1)


def test_an_owner_that_always_dies_gives_a_message_up_in_the_end(valkey, make_broker, consume, message):
    broker = make_broker(valkey, max_deliveries=2)
    broker.enqueue(message(A, message_id="m1"))
    for _ in range(2):
        assert next(consume(make_broker(valkey))) is not None
        broker.take_over()
    assert valkey.client.hkeys("dxflow:poison") == [b"m1"]


def test_taking_over_ends_any_number_of_leases(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    queues = [f"audit_register_queue_did:dep:{n}" for n in range(150)]
    for queue in queues:
        broker.enqueue(message(queue))
    crowd = consume(broker, prefetch=150)
    assert all(next(crowd) is not None for _ in queues)
    broker.take_over()
    assert {depth[:2] for depth in broker.depths(queues).values()} == {(1, 0)}
