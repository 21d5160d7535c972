"""One queue per tenant: names, order, fairness, limits, idempotence. Consumers are used without a Worker."""

from __future__ import annotations

import time
from typing import Any

import dramatiq
import pytest
import redis
from dramatiq.errors import QueueJoinTimeout, QueueNotFound

from dxflow.actors.broker.broker import TenantBroker
from dxflow.actors.broker.names import QUEUE, did_of, queue_name
from dxflow.actors.broker.reads import Depth

A = "audit_register_queue_did:dep:aa"
B = "audit_register_queue_did:dep:bb"


def _run(consumer: Any, count: int) -> list[tuple[str, int]]:
    """Handle ``count`` messages one after the other; (queue, number) in the order they came."""
    seen = []
    while len(seen) < count:
        message = next(consumer)
        assert message is not None, f"only {seen} came"
        seen.append((message.queue, message.args[0]))
        consumer.ack(message)
    return seen


def test_a_tenants_list_in_redis_is_named_as_its_public_queue(valkey, make_broker, message):
    make_broker(valkey).enqueue(message(A, message_id="m1"))
    assert valkey.client.lrange(A, 0, -1) == [b"m1"]


def test_queue_names_and_dids_translate_into_each_other():
    assert queue_name("audit_register", "did:dep:aa") == A
    assert did_of(A) == "did:dep:aa"
    assert did_of(QUEUE) is None


@pytest.mark.parametrize("name", ["dxflow:ring", "plain", "x_queue_", "x_queue_did:dep:a b", "x_queue_a\nb"])
def test_a_name_that_isnt_a_tenant_queues_is_refused(name, valkey, make_broker, message):
    broker = make_broker(valkey)
    with pytest.raises(ValueError, match="not a tenant queue"):
        broker.enqueue(message(name))
    assert valkey.client.dbsize() == 0


def test_the_exchange_shows_which_did_is_bound_to_which_queue(valkey, make_broker, message):
    make_broker(valkey).enqueue(message(A, options={"exchange": "audit_register_exchange"}))
    assert valkey.client.hgetall("audit_register_exchange") == {b"did:dep:aa": A.encode()}


def test_a_tenants_messages_come_in_the_order_they_were_sent(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    for number in range(20):
        broker.enqueue(message(A, number))
    assert _run(consume(broker), 20) == [(A, number) for number in range(20)]


def test_a_tenant_that_floods_delays_the_others_by_one_message_per_turn(
    valkey, make_broker, consume, message
):
    broker = make_broker(valkey, limits={"audit_register": 8})
    family = {"family": "audit_register"}
    for number in range(200):
        broker.enqueue(message(A, number, options=family))
    others = [f"audit_register_queue_did:dep:{n}" for n in range(10)]
    for queue in others:
        broker.enqueue(message(queue, options=family))
    first = [queue for queue, _number in _run(consume(broker, prefetch=1), 12)]
    assert set(others) <= set(first)


def test_ready_queues_take_turns(valkey, make_broker, consume, message):
    broker = make_broker(valkey, limits={"f": 2})
    for number in range(3):
        broker.enqueue(message(A, number, options={"family": "f"}))
    for number in range(3):
        broker.enqueue(message(B, number, options={"family": "f"}))
    assert _run(consume(broker, prefetch=1), 6) == [(A, 0), (B, 0), (A, 1), (B, 1), (A, 2), (B, 2)]


def test_a_queue_at_its_limit_gives_nothing_until_one_is_settled(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    broker.enqueue(message(A, 1))
    broker.enqueue(message(A, 2))
    consumer, other = consume(broker), consume(make_broker(valkey))
    first = next(consumer)
    assert first.args == (1,)
    assert next(consumer) is None
    assert next(other) is None
    consumer.ack(first)
    assert _run(consumer, 1) == [(A, 2)]


def test_a_family_may_have_more_in_flight(valkey, make_broker, consume, message):
    broker = make_broker(valkey, limits={"workflow": 3})
    queue = queue_name("workflow", "did:dep:aa")
    for number in range(5):
        broker.enqueue(message(queue, number, options={"family": "workflow"}))
    consumer = consume(broker)
    assert [next(consumer).args[0] for _ in range(3)] == [0, 1, 2]
    assert next(consumer) is None


def test_without_the_option_the_family_is_read_from_the_queues_name(valkey, make_broker, consume, message):
    broker = make_broker(valkey, limits={"audit_register": 2})
    for number in range(3):
        broker.enqueue(message(A, number))
    consumer = consume(broker)
    assert [next(consumer).args[0] for _ in range(2)] == [0, 1]
    assert next(consumer) is None


def test_sending_a_message_again_changes_nothing(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    sent = message(A, 7, message_id="m1")
    broker.enqueue(sent)
    broker.enqueue(sent)
    consumer = consume(broker)
    leased = next(consumer)
    broker.enqueue(sent)
    consumer.ack(leased)
    assert next(consumer) is None
    assert broker.depths([A]) == {A: Depth(0, 0, 0, None)}


def test_a_delayed_message_comes_when_it_is_due_and_hides_nobody(
    valkey, make_broker, consume, message, eventually
):
    broker = make_broker(valkey)
    broker.enqueue(message(A, 2), delay=3_600_000)
    sent_at = time.monotonic()
    broker.enqueue(message(B, 1), delay=200)
    consumer = consume(broker)
    due = eventually(lambda: next(consumer))
    assert time.monotonic() - sent_at >= 0.2
    assert due.args == (1,)
    assert broker.depths([A, B]) == {A: Depth(0, 0, 1, None), B: Depth(0, 1, 0, None)}


def test_depths_tell_what_waits_and_since_when(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    for stamp in (1000, 2000, 3000):
        broker.enqueue(message(A, message_timestamp=stamp))
    assert next(consume(broker)) is not None
    assert broker.depths([A, B]) == {A: Depth(2, 1, 0, 2000), B: Depth(0, 0, 0, None)}


def test_depths_are_answered_in_two_round_trips_without_walking_the_keys(valkey, make_broker, message):
    broker = make_broker(valkey)
    broker.enqueue(message(A))
    valkey.client.config_resetstat()
    broker.depths([A, B])
    used = {name.removeprefix("cmdstat_") for name in valkey.client.info("commandstats")}
    assert used.isdisjoint({"keys", "scan"})


def test_known_names_the_messages_that_are_still_here(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    broker.enqueue(message(A, message_id="done"))
    consumer = consume(broker)
    consumer.ack(next(consumer))
    broker.join(QUEUE, timeout=5000)
    broker.enqueue(message(A, message_id="in flight"))
    assert next(consumer).message_id == "in flight"
    broker.enqueue(message(A, message_id="queued"))
    broker.enqueue(message(A, message_id="delayed"), delay=60_000)
    ids = ["done", "in flight", "queued", "delayed", "never sent"]
    assert broker.known((A, one) for one in ids) == {"in flight", "queued", "delayed"}


def test_the_marker_is_missing_once_and_again_after_a_wipe(valkey, make_broker):
    broker = make_broker(valkey)
    assert [broker.mark(), broker.mark()] == [True, False]
    valkey.client.flushall()
    assert broker.mark()


def test_a_marker_whose_confirmation_was_lost_still_counts_as_missing(valkey, make_broker, monkeypatch):
    once = redis.client.Pipeline.execute

    def twice(pipeline: Any) -> Any:
        commands = list(pipeline.command_stack)
        once(pipeline)
        pipeline.command_stack = commands
        return once(pipeline)

    broker = make_broker(valkey)
    monkeypatch.setattr(redis.client.Pipeline, "execute", twice)
    assert [broker.mark(), broker.mark()] == [True, False]


def test_flushing_drops_every_message_and_the_next_one_comes_through(valkey, make_broker, consume, message):
    broker = make_broker(valkey)
    consumer = consume(broker)
    broker.enqueue(message(A, 1))
    leased = next(consumer)
    broker.enqueue(message(A, 2))
    broker.enqueue(message(B, 3), delay=60_000)
    broker.flush_all()
    consumer.ack(leased)
    broker.enqueue(message(A, 4))
    assert _run(consumer, 1) == [(A, 4)]
    broker.join(QUEUE, timeout=5000)


def test_joining_gives_up_after_its_timeout(valkey, make_broker, message):
    broker = make_broker(valkey)
    broker.enqueue(message(A))
    with pytest.raises(QueueJoinTimeout):
        broker.join(QUEUE, timeout=50)


def test_dramatiq_knows_one_queue_whatever_an_actor_asks_for(valkey, make_broker):
    broker = make_broker(valkey)

    @dramatiq.actor(broker=broker, queue_name="mine", family="workflow", exchange="audit_register_exchange")
    def note(number: int) -> None:
        """Never run."""

    assert note.queue_name == QUEUE
    assert broker.get_declared_queues() == {QUEUE}
    assert broker.get_declared_delay_queues() == set()
    assert broker.get_declared_actors() == {"note"}
    assert note.send(1).queue_name == QUEUE
    with pytest.raises(ValueError, match="only queue"):
        broker.declare_queue("mine")
    with pytest.raises(QueueNotFound):
        broker.consume("mine")


def test_an_actors_family_is_the_default_of_its_messages(valkey, make_broker, consume):
    broker = make_broker(valkey, limits={"workflow": 2})
    note = dramatiq.actor(lambda number: None, broker=broker, actor_name="note", family="workflow")
    for number in range(3):
        note.send_with_options(args=(number,), tenant_queue=A)
    consumer = consume(broker)
    assert [next(consumer).args[0] for _ in range(2)] == [0, 1]
    assert next(consumer) is None


def test_nothing_connects_before_the_first_command(tmp_path):
    broker = TenantBroker(f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(dramatiq.errors.ConnectionClosed):
        broker.mark()
