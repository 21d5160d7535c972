"""Whatever happens in whatever order, the dispatcher's state stays consistent.

A model chooses what happens: messages come, are leased, settled, parked, lose their holders, and are settled
once more by holders that don't know. After each step every invariant is checked in Redis.
"""

from __future__ import annotations

from collections import Counter

import redis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from dxflow.actors.broker.scripts import Entry, Fetch, Leased, Scripts, Settlement
from dxflow.actors.broker.shards import SINGLE

LIMITS = {"f_queue_a": 1, "f_queue_b": 1, "f_queue_c": 3}
QUEUES = st.sampled_from(sorted(LIMITS))
HOUR_MS = 3_600_000


class Dispatcher(RuleBasedStateMachine):
    client: redis.Redis

    def __init__(self) -> None:
        super().__init__()
        self.client.flushall()
        self.scripts = Scripts(self.client, SINGLE)
        self.fetches = 0
        self.sent: Counter[str] = Counter()
        self.leased: list[Leased] = []
        self.settled: list[Leased] = []
        self.finished: list[str] = []

    @rule(queue=QUEUES, delayed=st.booleans())
    def send(self, queue: str, delayed: bool) -> None:
        message_id = f"{queue}/{self.sent[queue]:04d}" + ("/delayed" if delayed else "")
        self.sent[queue] += 1
        entry = Entry(message_id, queue, b"{}", LIMITS[queue], delay_ms=HOUR_MS if delayed else 0)
        assert self.scripts.enqueue([entry, entry]) == 1
        assert self.scripts.enqueue([entry._replace(delay_ms=0)]) == 0

    def _fetch(self, wanted: int) -> list[Leased]:
        self.fetches += 1
        return self.scripts.fetch(0, Fetch("holder", self.fetches, wanted, HOUR_MS, 100), []).leased

    @rule(wanted=st.integers(1, 5))
    def fetch(self, wanted: int) -> None:
        self.leased += self._fetch(wanted)

    @rule(wanted=st.integers(1, 5))
    def fetch_after_every_holder_went_silent(self, wanted: int) -> None:
        for one in self.leased:
            self.client.zadd("dxflow:leases", {one.message_id: 0}, xx=True)
        self.settled += self.leased
        self.leased = self._fetch(wanted)

    @rule(verb=st.sampled_from(["ack", "front", "park"]), data=st.data())
    def settle(self, verb: str, data: st.DataObject) -> None:
        if not self.leased:
            return
        one = self.leased.pop(data.draw(st.integers(0, len(self.leased) - 1)))
        self.scripts.settle(0, [Settlement(one.message_id, one.token, verb, HOUR_MS)])
        self.settled.append(one)
        if verb == "ack":
            self.finished.append(one.message_id)

    @rule(data=st.data())
    def settle_again(self, data: st.DataObject) -> None:
        if self.settled:
            one = data.draw(st.sampled_from(self.settled))
            self.scripts.settle(0, [Settlement(one.message_id, one.token, "ack")])

    @rule(queue=QUEUES)
    def wake(self, queue: str) -> None:
        self.scripts.wake(queue)

    @rule()
    def take_over(self) -> None:
        self.scripts.take_over(100)
        self.settled += self.leased
        self.leased = []

    @rule()
    def a_delayed_message_falls_due(self) -> None:
        for message_id, _due in self.client.zrange("dxflow:delayed", 0, 0, withscores=True):
            self.client.zadd("dxflow:delayed", {message_id: 0})

    @invariant()
    def every_message_is_in_exactly_one_place(self) -> None:
        places = Counter(self.client.zrange("dxflow:delayed", 0, -1))
        places += Counter(self.client.zrange("dxflow:leases", 0, -1))
        for queue in LIMITS:
            places += Counter(self.client.lrange(queue, 0, -1))
        assert set(places.values()) <= {1}
        assert set(places) == set(self.client.hkeys("dxflow:messages"))
        assert len(places) + len(self.finished) == self.sent.total()

    @invariant()
    def what_is_leased_is_what_the_holders_hold(self) -> None:
        tokens = self.client.hgetall("dxflow:tokens")
        assert {key.decode() for key in tokens} == {one.message_id for one in self.leased}
        held = Counter(one.queue for one in self.leased)
        inflight = {q.decode(): int(n) for q, n in self.client.hgetall("dxflow:inflight").items()}
        assert inflight == dict(held)
        assert all(held[queue] <= limit for queue, limit in LIMITS.items())

    @invariant()
    def the_ring_holds_the_ready_queues_and_no_queue_twice(self) -> None:
        ring = [queue.decode() for queue in self.client.lrange("dxflow:ring", 0, -1)]
        assert sorted(ring) == sorted(queue.decode() for queue in self.client.smembers("dxflow:ringed"))
        held = Counter(one.queue for one in self.leased)
        parked = {queue.decode() for queue in self.client.zrange("dxflow:parked", 0, -1)}
        ready = {q for q in LIMITS if self.client.llen(q) and held[q] < LIMITS[q]} - parked
        assert ready <= set(ring)
        assert set(ring) - ready <= parked  # parked while it was in the ring: dropped when its turn comes
        assert not ring or self.client.llen("dxflow:bell") == 1

    @invariant()
    def a_serial_queue_keeps_the_order_in_which_messages_fell_due(self) -> None:
        for queue, limit in LIMITS.items():
            waiting = [one for one in self.client.lrange(queue, 0, -1) if not one.endswith(b"/delayed")]
            if limit == 1:
                assert waiting == sorted(waiting)


def test_no_order_of_events_breaks_an_invariant(valkey):
    Dispatcher.client = valkey.client
    slow_is_fine = settings(
        max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
    )
    run_state_machine_as_test(Dispatcher, settings=slow_is_fine)
