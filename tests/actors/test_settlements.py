"""Settlements that couldn't be sent are kept and sent later, whoever tried first."""

from __future__ import annotations

import time

import dramatiq
import pytest
import redis

from dxflow.actors.broker.keeper import Keeper
from dxflow.actors.broker.leases import Holdings
from dxflow.actors.broker.scripts import Entry, Fetch, Scripts, Settlement
from dxflow.actors.broker.shards import SINGLE

pytestmark = pytest.mark.fault

A = "audit_register_queue_did:dep:aa"


def test_what_the_keeper_couldnt_send_it_sends_later(own_valkey, lock_node):
    scripts, holdings = Scripts(lock_node(own_valkey), SINGLE), Holdings(time.monotonic)
    scripts.enqueue([Entry("m1", A, b"{}")])
    (leased,) = scripts.fetch(0, Fetch("holder", 1, 1, 60_000, 5), []).leased
    holdings.settle([Settlement(leased.message_id, leased.token, "ack")])
    keeper = Keeper(scripts, holdings, 60_000, time.monotonic)
    own_valkey.kill()
    with pytest.raises(redis.RedisError):
        keeper.flush()
    own_valkey.start()
    keeper.flush()
    assert own_valkey.client.exists("dxflow:messages", "dxflow:leases", "dxflow:inflight") == 0


def test_what_a_failed_fetch_couldnt_carry_is_sent_at_closing(own_valkey, make_broker, consume, message):
    broker = make_broker(own_valkey, lease_ms=60_000)
    broker.enqueue(message(A))
    consumer = consume(broker, prefetch=1)
    held = next(consumer)
    consumer._keeper.stop()  # so that only the fetch can carry it
    consumer.ack(held)
    own_valkey.kill()
    with pytest.raises(dramatiq.errors.ConnectionClosed):
        next(consumer)
    own_valkey.start()
    consumer.close()
    assert own_valkey.client.exists("dxflow:messages", "dxflow:leases", "dxflow:inflight") == 0


def test_what_a_closed_consumer_couldnt_send_the_next_one_sends(
    own_valkey, make_broker, consume, message, eventually
):
    broker = make_broker(own_valkey, lease_ms=60_000)
    broker.enqueue(message(A))
    old = consume(broker)
    held = next(old)
    old.close()
    own_valkey.kill()
    old.ack(held)
    own_valkey.start()
    assert next(consume(broker)) is None
    eventually(lambda: own_valkey.client.exists("dxflow:messages", "dxflow:leases", "dxflow:inflight") == 0)
