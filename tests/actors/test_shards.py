"""The layout for a Cluster, tried on one server: what a shard's scripts touch carries its tag, and shards take
turns. That a real Cluster takes it is shown in tests/faults."""

from __future__ import annotations

import time
from collections import Counter

import dramatiq
import pytest
import redis
from redis.crc import key_slot

from dxflow.actors.broker.hub import Hub
from dxflow.actors.broker.names import QUEUE
from dxflow.actors.broker.poison import PoisonReport
from dxflow.actors.broker.scripts import Scripts
from dxflow.actors.broker.shards import CLUSTER, SINGLE
from dxflow.engine.machine import FAMILIES, queue_name

DIDS = [f"did:dep:{n:04d}" for n in range(200)]


def workflow(did: str) -> str:
    return queue_name("workflow", did)


def test_one_server_keeps_the_names_that_operators_know():
    assert SINGLE.key(workflow(DIDS[0])) == workflow(DIDS[0])
    assert SINGLE.internal(0, "ring") == "dxflow:ring"


def test_all_queues_of_a_tenant_are_in_one_shard_and_a_shard_in_one_slot():
    for did in DIDS:
        names = [queue_name(family, did) for family in FAMILIES]
        (shard,) = {CLUSTER.of(name) for name in names}
        keys = [*(CLUSTER.key(name) for name in names), CLUSTER.internal(shard, "messages")]
        assert len({key_slot(key.encode()) for key in keys}) == 1


def test_tenants_spread_over_the_shards_and_shards_over_the_slots():
    per_shard = Counter(CLUSTER.of(workflow(did)) for did in DIDS)
    assert len(per_shard) == CLUSTER.count
    thirds = Counter(key_slot(CLUSTER.internal(shard).encode()) * 3 // 16384 for shard in CLUSTER)
    assert min(thirds[n] for n in range(3)) >= 2


def test_every_key_carries_a_shards_tag(valkey, make_broker, consume, message):
    broker = make_broker(valkey, shards=CLUSTER)
    broker.mark()
    for n, did in enumerate(DIDS):
        broker.enqueue(message(workflow(did), options={"exchange": "ex", "weight": 1 + n % 2}))
        broker.enqueue(message(workflow(did)), delay=60_000)
    consumer = consume(broker, prefetch=50)
    consumer.nack(next(consumer))
    assert all(key.startswith(b"{dxflow:") for key in valkey.client.keys("*"))


def test_messages_of_all_shards_are_run_and_counted(valkey, make_broker, run_worker, message):
    broker, ran = make_broker(valkey, shards=CLUSTER), []

    @dramatiq.actor(broker=broker)
    def note(number):
        ran.append(number)

    broker.enqueue_all(message(workflow(did), n) for n, did in enumerate(DIDS))
    assert sum(depth.ready for depth in broker.depths([workflow(did) for did in DIDS]).values()) == len(DIDS)
    assert set(broker.active()) == {workflow(did) for did in DIDS}
    with run_worker(broker):
        broker.join(QUEUE, timeout=30_000)
    assert sorted(ran) == list(range(len(DIDS)))


def test_a_ring_wakes_an_idle_consumer_at_once(valkey, make_broker, consume, message):
    broker = make_broker(valkey, shards=CLUSTER, lease_ms=60_000)
    consumer = consume(broker, timeout=10_000)
    for _ in CLUSTER:
        consumer._rounds.next(1)  # every shard has been looked at; the next look is half a minute away
    began = time.monotonic()
    broker.enqueue(message(workflow(DIDS[7]), 7))
    assert next(consumer).args == (7,)
    assert time.monotonic() - began < 5


def test_a_wiped_shard_is_noticed(valkey, make_broker):
    broker = make_broker(valkey, shards=CLUSTER)
    assert broker.mark()
    assert not broker.mark()
    valkey.client.delete(CLUSTER.internal(5, "marker"))
    assert broker.mark()


@pytest.fixture
def away(monkeypatch):
    """Shards whose node doesn't answer a fetch."""
    shards: set[int] = set()
    fetch = Scripts.fetch

    def fetch_unless_away(self, shard, *arguments):
        if shard in shards:
            raise redis.ConnectionError("as asked")
        return fetch(self, shard, *arguments)

    monkeypatch.setattr(Scripts, "fetch", fetch_unless_away)
    return shards


def test_while_a_shards_node_is_away_the_others_go_on_and_it_catches_up(
    valkey, make_broker, run_worker, message, away, eventually
):
    broker, ran = make_broker(valkey, shards=CLUSTER), []

    @dramatiq.actor(broker=broker)
    def note(number):
        ran.append(number)

    away.add(CLUSTER.of(workflow(DIDS[0])))
    others = [n for n, did in enumerate(DIDS) if CLUSTER.of(workflow(did)) not in away]
    broker.enqueue_all(message(workflow(did), n) for n, did in enumerate(DIDS))
    with run_worker(broker):
        eventually(lambda: len(ran) == len(others))
        assert sorted(ran) == others
        away.clear()
        broker.join(QUEUE, timeout=30_000)
    assert sorted(ran) == list(range(len(DIDS)))


def test_when_no_shard_answers_dramatiq_hears_of_it(valkey, make_broker, consume, away):
    consumer = consume(make_broker(valkey, shards=CLUSTER))
    away.update(CLUSTER)
    for _ in range(CLUSTER.count - 1):
        assert next(consumer) is None
    with pytest.raises(dramatiq.errors.ConnectionClosed):
        next(consumer)


class OneNodeAway:
    """A client whose first shard doesn't answer."""

    def __init__(self, poison):
        self.poison = poison

    def set_retry(self, retry): ...

    def hscan(self, key, count):
        if key.startswith(CLUSTER.tag(0)):
            raise redis.ConnectionError("as asked")
        return 0, dict(self.poison.get(key, {}))

    def hdel(self, key, message_id):
        del self.poison[key][message_id]


def test_what_was_given_up_is_reported_while_another_shards_node_is_away(message):
    poison = {CLUSTER.internal(3, "poison"): {b"m1": b"queue\n" + message(workflow(DIDS[0])).encode()}}
    reported = []
    report = PoisonReport(Hub(lambda: OneNodeAway(poison), CLUSTER), reported.append, time.monotonic)
    report()
    assert len(reported) == 1
    assert poison == {CLUSTER.internal(3, "poison"): {}}
