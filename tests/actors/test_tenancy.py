from __future__ import annotations

import dramatiq
from structlog.contextvars import clear_contextvars, get_contextvars

from dxflow.actors.broker.names import QUEUE
from dxflow.actors.middleware.tenancy import Tenancy

A = "audit_register_queue_did:dep:aa"


def test_log_lines_of_a_message_name_its_tenant_and_nothing_stays_behind(
    valkey, make_broker, run_worker, message
):
    broker = make_broker(valkey, middleware=[Tenancy()])
    seen = []
    dramatiq.actor(lambda number: seen.append(get_contextvars()), broker=broker, actor_name="note")
    broker.enqueue(message(A, message_id="m1"))
    broker.enqueue(message(None, message_id="m2"))
    with run_worker(broker, threads=1):
        broker.join(QUEUE, timeout=30_000)
    assert seen == [
        {"tenant": "did:dep:aa", "message_id": "m1", "actor": "note"},
        {"tenant": None, "message_id": "m2", "actor": "note"},
    ]


def test_a_skipped_message_leaves_nothing_behind_either(valkey, make_broker, consume, message):
    clear_contextvars()
    broker = make_broker(valkey, middleware=[Tenancy()])
    broker.enqueue(message(A))
    held = next(consume(broker))
    broker.emit_before("process_message", held)
    assert get_contextvars()["tenant"] == "did:dep:aa"
    broker.emit_after("skip_message", held)
    assert get_contextvars() == {}
