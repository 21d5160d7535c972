"""Weights: how many turns a tenant's queue has where others have one."""

from __future__ import annotations

from itertools import pairwise

import pytest

from dxflow.actors.broker.scripts import Entry, Fetch, Scripts, Settlement
from dxflow.actors.broker.shards import SINGLE

HEAVY, LIGHT = "f_queue_did:dep:heavy", "f_queue_did:dep:light"


@pytest.fixture
def scripts(valkey):
    return Scripts(valkey.client, SINGLE)


def send(scripts, queue, count, weight=1, limit=1):
    scripts.enqueue(
        [Entry(f"{queue}/{n}", queue, b"{}", limit, weight, exchange="", did="") for n in range(count)]
    )


def serve(scripts, turns):
    """The queues served, one message at a time, each settled with the next fetch."""
    served, ended = [], []
    for number in range(1, turns + 1):
        (one,) = scripts.fetch(0, Fetch("me", number, 1, 60_000, 5), ended).leased
        served.append(one.queue)
        ended = [Settlement(one.message_id, one.token, "ack")]
    return served


def test_a_queue_of_weight_three_has_three_turns_where_the_other_has_one(scripts):
    send(scripts, HEAVY, 12, weight=3)
    send(scripts, LIGHT, 12)
    assert serve(scripts, 12).count(HEAVY) == 9


def test_without_a_weight_turns_alternate(scripts):
    send(scripts, HEAVY, 4)
    send(scripts, LIGHT, 4)
    served = serve(scripts, 8)
    assert all(one != other for one, other in pairwise(served))


def test_a_weight_never_lets_a_queue_pass_its_limit(scripts):
    send(scripts, HEAVY, 5, weight=100)
    leased = scripts.fetch(0, Fetch("me", 1, 5, 60_000, 5), []).leased
    assert [one.queue for one in leased] == [HEAVY]


def test_a_heavy_queue_may_fill_a_fetch_up_to_its_limit_before_the_others(scripts):
    send(scripts, HEAVY, 5, weight=2, limit=3)
    send(scripts, LIGHT, 1)
    leased = scripts.fetch(0, Fetch("me", 1, 4, 60_000, 5), []).leased
    assert [one.queue for one in leased] == [HEAVY, LIGHT, HEAVY, HEAVY]


def test_a_weight_changes_with_the_next_message(scripts):
    send(scripts, HEAVY, 8, weight=4)
    scripts.enqueue([Entry("last", HEAVY, b"{}", 1, 1)])
    send(scripts, LIGHT, 8)
    served = serve(scripts, 8)
    assert served.count(HEAVY) == 4


def test_turns_left_over_are_bounded_when_a_queue_ran_empty(scripts):
    send(scripts, HEAVY, 1, weight=3)
    serve(scripts, 1)
    send(scripts, LIGHT, 6)
    scripts.enqueue([Entry(f"again/{n}", HEAVY, b"{}", 1, 3) for n in range(6)])
    assert serve_from(scripts, 2, 4).count(LIGHT) >= 1


def serve_from(scripts, number, turns):
    served, ended = [], []
    for offset in range(turns):
        leased = scripts.fetch(0, Fetch("other", number + offset, 1, 60_000, 5), ended).leased
        served += [one.queue for one in leased]
        ended = [Settlement(one.message_id, one.token, "ack") for one in leased]
    return served


@pytest.mark.parametrize("weight", [0, 101, "3", 1.5, True])
def test_a_weight_that_is_none_is_refused(weight, valkey, make_broker, message):
    with pytest.raises(ValueError, match="from 1 to 100"):
        make_broker(valkey).enqueue(message(HEAVY, options={"weight": weight}))


def test_a_limit_raised_in_the_middle_of_a_call_holds_at_once(scripts):
    send(scripts, HEAVY, 1)
    assert len(scripts.fetch(0, Fetch("me", 1, 5, 60_000, 5), []).leased) == 1
    scripts.enqueue([Entry("l", LIGHT, b"{}"), Entry("h", HEAVY, b"{}", limit=2)])
    leased = scripts.fetch(0, Fetch("me", 2, 5, 60_000, 5), []).leased
    assert {one.queue for one in leased} == {LIGHT, HEAVY}
