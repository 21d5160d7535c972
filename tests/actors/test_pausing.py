"""A paused data controller: deliveries come in, nobody works on them, and everything goes on afterwards."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from dramatiq.middleware import CurrentMessage
from flow import Sender, customer, drain, events
from postbox import Postbox, with_post

from dxflow.actors.broker.names import QUEUE
from dxflow.actors.dispatcher import Dispatcher
from dxflow.actors.metrics import Metrics
from dxflow.actors.middleware.retries import RetryMiddleware
from dxflow.actors.relay import GLANCE, Relay
from dxflow.actors.workflows import declare
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.mail.queue import queue
from dxflow.engine.services.people import password_resets, users
from dxflow.engine.services.traffic import pausing
from dxflow.engine.store import models
from waiting import wait_until

from .test_handover import NoLocks

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def box() -> Postbox:
    return Postbox()


@pytest.fixture
def core(core: Core, box: Postbox) -> Core:
    return with_post(core, box)


@pytest.fixture
def relay(core: Core, make_broker, valkey) -> Relay:
    """A relay in front of the real actors."""
    broker = make_broker(valkey, middleware=[CurrentMessage(), RetryMiddleware(core), NoLocks()])
    dispatcher = Dispatcher(core, broker)
    declare(broker, core, dispatcher, Metrics())
    return Relay(core, broker, dispatcher)


def stands(sender: Sender) -> list[tuple[str, str, int, int, str | None]]:
    """Where each delivery of a tenant stands."""
    return [
        (event.state, event.step, event.attempts, event.version, event.message_id)
        for event in events("webhook")
        if event.tenant_id == sender.tenant_id
    ]


UNTOUCHED = ("received", "extract", 0, 0, None)


def test_nothing_of_a_paused_tenant_is_handed_over_and_others_go_on(core: Core, relay: Relay, shop) -> None:
    paused, other = shop(), shop()
    pausing.pause(core, paused.tenant_id, "user:1")
    for sender in (paused, other):
        assert sender.send("customers/create", customer()).status == "accepted"
    assert relay.hand_over() == 1
    assert stands(paused) == [UNTOUCHED]
    assert [message_id for *_, message_id in stands(other)] != [None]


def test_a_backlog_of_a_paused_tenant_hides_nobody(
    core: Core, relay: Relay, shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dxflow.actors.relay.TAKE", 4)
    paused, other = shop(), shop()
    for number in range(9):
        paused.send("customers/create", customer(number))
    pausing.pause(core, paused.tenant_id, "user:1")
    other.send("customers/create", customer())
    assert relay.hand_over() == 1
    assert stands(paused) == [UNTOUCHED] * 9


def test_a_message_that_waited_in_redis_is_put_back_and_no_attempt_is_spent(
    core: Core, relay: Relay, shop, run_worker
) -> None:
    sender = shop()
    for number in range(3):
        sender.send("customers/create", customer(number))
    assert relay.hand_over() == 1
    pausing.pause(core, sender.tenant_id, "user:1")
    with run_worker(relay.broker):
        relay.broker.join(QUEUE, timeout=30_000)
    assert stands(sender) == [UNTOUCHED] * 3


def test_what_follows_from_a_message_under_way_is_put_back_too(
    core: Core, relay: Relay, shop, run_worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = shop()
    sender.send("customers/create", customer())
    relay.hand_over()
    first = iter([True])  # asked once by the message under way; from then on it is paused
    real = pausing.let_through

    def late(core: Core, tenant_id: str, message_id: str, event_ids: list[str]) -> Sequence[str]:
        if not next(first, False):
            return real(core, tenant_id, message_id, event_ids)
        pausing.pause(core, tenant_id, "user:1")
        return event_ids

    monkeypatch.setattr("dxflow.actors.workflows.pausing.let_through", late)
    with run_worker(relay.broker):
        relay.broker.join(QUEUE, timeout=30_000)
    assert [state for state, *_ in stands(sender)] == ["done"]
    waiting = [event for event in events() if event.due_at is not None and event.state != "done"]
    assert waiting, "the activity's registration waits"
    assert all(event.message_id is None and event.attempts == 0 for event in waiting)


@pytest.mark.parametrize("handed_over_before", [False, True])
def test_mail_about_an_account_goes_and_no_other_mail_does(
    core: Core, relay: Relay, shop, box: Postbox, run_worker, handed_over_before: bool
) -> None:
    """A link to a new password holds for an hour, and its owner may belong to other data controllers."""
    sender = shop()
    users.create(core, sender.tenant_id, "ada@acme.example", Role.DPO, password="four plain words together")
    drain(core)
    if not handed_over_before:
        pausing.pause(core, sender.tenant_id, "user:1")
    said = {"reference": "1", "type": "access"}
    with core.store.transaction():
        queue(core, sender.tenant_id, "cancelled", "eve@shop.example", values=said)
    password_resets.ask(core, "ada@acme.example")
    sender.send("customers/create", customer())
    assert relay.hand_over() == (2 if handed_over_before else 1)
    pausing.pause(core, sender.tenant_id, "user:1")
    with run_worker(relay.broker):
        relay.broker.join(QUEUE, timeout=30_000)
        wait_until(lambda: box.sent, what="the mail")
    assert [str(one["To"]) for one in box.sent] == ["ada@acme.example"]
    kinds = {row.kind: row.state for row in models.Message.select()}
    assert kinds == {"password_reset": "sent", "cancelled": "pending"}
    assert stands(sender) == [UNTOUCHED]
    assert relay.hand_over() == 0, "it goes once"


def test_a_paused_tenant_keeps_no_relay_busy(core: Core, relay: Relay, shop) -> None:
    sender = shop()
    pausing.pause(core, sender.tenant_id, "user:1")
    sender.send("customers/create", customer())
    assert relay.hand_over() == 0
    assert relay._pause() == GLANCE
    other = shop()
    other.send("customers/create", customer())
    later = core.clock() + timedelta(seconds=0.3)
    models.Event.update(due_at=later).where(models.Event.tenant_id == other.tenant_id).where(
        models.Event.workflow == "webhook"
    ).execute()
    assert relay._pause() == pytest.approx(0.3, abs=0.05)


def test_after_a_resume_everything_goes_on_by_itself_and_happens_once(
    core: Core, relay: Relay, shop, run_worker, eventually
) -> None:
    sender = shop()
    pausing.pause(core, sender.tenant_id, "user:1")
    with run_worker(relay.broker):
        relay.start()
        try:
            for number in range(5):
                sender.send("customers/create", customer(number))
            eventually(lambda: relay._round_at == sender.tenant_id)  # it has looked, and passed on
            assert stands(sender) == [UNTOUCHED] * 5
            pausing.resume(core, sender.tenant_id, "user:1")
            eventually(lambda: all(state == "done" for state, *_ in stands(sender)), 5.0)
        finally:
            relay.stop(10.0)
    activities = models.ProcessingActivity.select().where(
        models.ProcessingActivity.tenant_id == sender.tenant_id
    )
    assert activities.count() == 5
