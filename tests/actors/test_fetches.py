"""A fetch whose answer was lost: the same messages again, whichever way a stall delayed or doubled it."""

from __future__ import annotations

import pytest

from dxflow.actors.broker.scripts import Entry, Fetch, Scripts, Settlement
from dxflow.actors.broker.shards import SINGLE

LEASE_MS = 60_000


@pytest.fixture
def scripts(valkey):
    scripts = Scripts(valkey.client, SINGLE)
    scripts.enqueue([Entry(f"m{n}", f"f_queue_did:dep:{n}", b"{}") for n in range(4)])
    return scripts


def fetch(scripts, number, wanted=2, holder="me", settlements=()):
    return scripts.fetch(0, Fetch(holder, number, wanted, LEASE_MS, 5), settlements).leased


def test_a_fetch_sent_again_gets_the_very_same_leases(scripts):
    assert fetch(scripts, 1) == fetch(scripts, 1)
    assert [one.message_id for one in fetch(scripts, 1)] == ["m0", "m1"]


def test_sent_again_it_leaves_the_rest_to_the_next_fetch(scripts):
    fetch(scripts, 1)
    fetch(scripts, 1)
    assert [one.message_id for one in fetch(scripts, 2)] == ["m2", "m3"]


def test_one_that_arrives_after_its_holder_went_on_leases_nothing(scripts):
    fetch(scripts, 1)
    fetch(scripts, 2, wanted=1)
    assert fetch(scripts, 1) == []
    assert fetch(scripts, 3) != []


def test_sent_again_after_an_empty_answer_it_leases_nothing_to_nobody(scripts):
    fetch(scripts, 1, wanted=4)
    assert fetch(scripts, 2) == []
    scripts.enqueue([Entry("m9", "f_queue_did:dep:9", b"{}")])
    assert fetch(scripts, 2) == []
    assert [one.message_id for one in fetch(scripts, 3)] == ["m9"]


def test_messages_settled_since_are_not_handed_out_again(scripts):
    first, second = fetch(scripts, 1)
    done = Settlement(first.message_id, first.token, "ack")
    assert fetch(scripts, 1, settlements=[done]) == [second]


def test_a_message_that_somebody_else_has_by_now_stays_theirs(scripts, valkey):
    first, second = fetch(scripts, 1)
    valkey.client.zadd("dxflow:leases", {first.message_id: 0}, xx=True)
    assert first.message_id in [one.message_id for one in fetch(scripts, 1, wanted=4, holder="other")]
    assert fetch(scripts, 1) == [second]


def test_sent_again_its_leases_begin_anew(scripts, valkey):
    first, _second = fetch(scripts, 1)
    soon = valkey.client.zscore("dxflow:leases", first.message_id) - LEASE_MS / 2
    valkey.client.zadd("dxflow:leases", {first.message_id: soon}, xx=True)
    fetch(scripts, 1)
    assert valkey.client.zscore("dxflow:leases", first.message_id) > soon


def test_two_holders_dont_share_their_numbers(scripts):
    mine, theirs = fetch(scripts, 1), fetch(scripts, 1, holder="other")
    assert {one.message_id for one in mine}.isdisjoint({one.message_id for one in theirs})
    assert theirs
