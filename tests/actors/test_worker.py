"""Stock ``dramatiq.Worker`` on the tenant broker."""

from __future__ import annotations

import threading
from collections import Counter

import dramatiq
import pytest
from dramatiq.middleware import Middleware, SkipMessage

from dxflow.actors.broker.names import QUEUE, queue_name

A = "audit_register_queue_did:dep:aa"


class Journal:
    """What ran, in which order, and how many of a queue at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._now: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.done: list[tuple[str, int]] = []

    def enter(self, queue: str) -> None:
        with self._lock:
            self._now[queue] += 1
            self.most[queue] = max(self.most[queue], self._now[queue])

    def leave(self, queue: str, number: int) -> None:
        with self._lock:
            self._now[queue] -= 1
            self.done.append((queue, number))

    def numbers(self, queue: str) -> list[int]:
        return [number for name, number in self.done if name == queue]


def _declare(broker, journal, **options):
    @dramatiq.actor(broker=broker, **options)
    def note(queue: str, number: int) -> None:
        journal.enter(queue)
        threading.Event().wait(0.001)  # long enough for another to come in if it could
        journal.leave(queue, number)

    return note


def test_every_message_runs_once_and_each_queue_in_order(valkey, make_broker, run_worker):
    broker, journal = make_broker(valkey), Journal()
    note = _declare(broker, journal)
    queues = [queue_name("workflow", f"did:dep:{n}") for n in range(30)]
    for number in range(10):
        for queue in queues:
            note.send_with_options(args=(queue, number), tenant_queue=queue)
    with run_worker(broker):
        broker.join(QUEUE, timeout=30_000)
    assert all(journal.numbers(queue) == list(range(10)) for queue in queues)
    assert valkey.client.hlen("dxflow:inflight") == 0


def test_a_limit_holds_across_workers_and_brokers(valkey, make_broker, run_worker):
    journal = Journal()
    brokers = [make_broker(valkey, limits={"workflow": 3}) for _ in range(2)]
    notes = [_declare(broker, journal, family="workflow") for broker in brokers]
    wide = queue_name("workflow", "did:dep:aa")
    for number in range(120):
        notes[number % 2].send_with_options(args=(A, number), tenant_queue=A, family="audit_register")
        notes[number % 2].send_with_options(args=(wide, number), tenant_queue=wide)
    with run_worker(brokers[0]), run_worker(brokers[1]):
        brokers[0].join(QUEUE, timeout=30_000)
    assert journal.numbers(A) == list(range(120))
    assert sorted(journal.numbers(wide)) == list(range(120))
    assert journal.most[A] == 1
    assert journal.most[wide] <= 3


def test_a_message_without_a_tenant_runs_too(valkey, make_broker, run_worker):
    broker, journal = make_broker(valkey), Journal()
    _declare(broker, journal).send("none", 1)
    with run_worker(broker):
        broker.join(QUEUE, timeout=30_000)
    assert journal.done == [("none", 1)]


def test_a_message_for_an_unknown_actor_is_given_up_and_reported(
    valkey, make_broker, run_worker, message, eventually
):
    reported = []
    broker = make_broker(valkey, on_poison=reported.append, lease_ms=500)
    _declare(broker, Journal())
    broker.enqueue(message(A, actor="nobody", message_id="m1"))
    with run_worker(broker):
        eventually(lambda: [one.message_id for one in reported] == ["m1"])


def test_stopping_a_worker_returns_what_it_hadnt_started_in_order(
    valkey, make_broker, run_worker, eventually
):
    broker = make_broker(valkey, limits={"workflow": 10})
    started, go_on = threading.Event(), threading.Event()

    @dramatiq.actor(broker=broker, family="workflow")
    def block(number: int) -> None:
        started.set()
        assert go_on.wait(30)

    for number in range(6):
        block.send_with_options(args=(number,), tenant_queue=A)
    worker = run_worker(broker, threads=1)
    worker.__enter__()
    assert started.wait(30)
    stopping = threading.Thread(target=worker.__exit__, args=(None, None, None))
    stopping.start()
    go_on.set()
    stopping.join(30)
    left = [_number(valkey, message_id) for message_id in valkey.client.lrange(A, 0, -1)]
    assert left == list(range(6 - len(left), 6))
    assert 0 < len(left) < 6
    assert valkey.client.zcard("dxflow:leases") == 0


def _number(valkey, message_id: bytes) -> int:
    payload = valkey.client.hget("dxflow:messages", message_id).partition(b"\n")[2]
    return dramatiq.Message.decode(payload).args[0]


def test_middleware_may_park_a_message_and_no_delivery_is_counted(valkey, make_broker, run_worker):
    refused: list[int] = []

    class RefuseThrice(Middleware):
        def before_process_message(self, broker, message):
            if len(refused) < 3:
                refused.append(message.options["redeliveries"])
                message.park_ms = 20
                raise SkipMessage("not now")

    broker, journal = make_broker(valkey, middleware=[RefuseThrice()]), Journal()
    note = _declare(broker, journal)
    for number in range(3):
        note.send_with_options(args=(A, number), tenant_queue=A)
    with run_worker(broker):
        broker.join(QUEUE, timeout=30_000)
    assert refused == [0, 0, 0]
    assert journal.numbers(A) == [0, 1, 2]


def test_a_message_whose_lease_ran_out_in_memory_isnt_run_by_the_old_holder(
    valkey, make_broker, consume, message
):
    now = [0.0]
    broker = make_broker(valkey, clock=lambda: now[0])
    broker.enqueue(message(A))
    consumer = consume(broker)
    held = next(consumer)
    broker.emit_before("process_message", held)
    now[0] += 3600
    with pytest.raises(SkipMessage):
        broker.emit_before("process_message", held)
    assert held.park_ms == 0
