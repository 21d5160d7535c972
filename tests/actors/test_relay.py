"""The relay: who is handed over, and how long a backlog keeps others waiting."""

from __future__ import annotations

from collections import Counter

import pytest
from flow import Sender, customer

from dxflow.actors import relay as relays
from dxflow.actors.broker.reads import Depth
from dxflow.actors.dispatcher import Dispatcher
from dxflow.actors.relay import Relay
from dxflow.engine import machine
from dxflow.engine.core import Core
from dxflow.engine.identity import did
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture
def relay(core: Core, make_broker, valkey) -> Relay:
    broker = make_broker(valkey)
    return Relay(core, broker, Dispatcher(core, broker))


def _queued(relay: Relay, *senders: Sender) -> list[int]:
    """Messages that wait in each tenant's queue."""
    names = [machine.queue_name("workflow", did.derive(sender.tenant_id)) for sender in senders]
    depths = relay.broker.depths(names)
    return [depths[name].ready for name in names]


def _deliver(sender: Sender, count: int) -> None:
    for number in range(count):
        sender.send("customers/create", customer(number))


def test_a_tenant_with_a_message_in_its_queue_waits_with_the_rest(relay: Relay, shop) -> None:
    busy = shop()
    _deliver(busy, 1)
    assert relay.hand_over() == 1
    _deliver(busy, 3)
    assert relay.hand_over() == 0
    assert _queued(relay, busy) == [1]


def test_a_backlog_that_fills_the_look_hides_nobody(
    relay: Relay, shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relays, "TAKE", 4)
    busy, quiet, quieter = shop(), shop(), shop()
    _deliver(busy, 1)
    relay.hand_over()
    _deliver(busy, 30)
    _deliver(quiet, 1)
    _deliver(quieter, 1)
    assert relay.hand_over() == 2
    assert _queued(relay, busy, quiet, quieter) == [1, 1, 1]


def test_backlogs_take_turns_and_starve_nobody(
    relay: Relay, shop, valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TAKE": 2, "BATCH": 1, "PAGE": 2, "GATHER": 0.0}.items():
        monkeypatch.setattr(relays, name, value)
    relay.most = 2
    busy, quiet = [shop() for _ in range(4)], shop()
    for sender in busy:
        _deliver(sender, 9)
    _deliver(quiet, 1)
    served = []
    for _ in range(5):  # five tenants, two at a time
        relay.hand_over()
        served += [one for one in (*busy, quiet) if _queued(relay, one) != [0]]
        valkey.client.flushall()  # all done
    assert served.count(quiet) == 1
    assert [served.count(one) for one in busy] in (
        [2, 2, 2, 2],
        [3, 2, 2, 2],
        [2, 3, 2, 2],
        [2, 2, 3, 2],
        [2, 2, 2, 3],
    )


def test_no_more_tenants_are_out_than_workers_can_serve(relay: Relay, shop, valkey) -> None:
    relay.most = 2
    senders = [shop() for _ in range(5)]
    for sender in senders:
        _deliver(sender, 1)
    assert relay.hand_over() == 2
    assert sum(_queued(relay, *senders)) == 2
    assert relay.hand_over() == 0
    valkey.client.flushall()
    assert relay.hand_over() == 2


def test_a_tenant_whose_worker_died_keeps_others_waiting_for_a_moment_only(
    relay: Relay, shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    relay.most = 1
    stuck, other = shop(), shop()
    _deliver(stuck, 1)
    assert relay.hand_over() == 1
    _deliver(other, 1)
    assert relay.hand_over() == 0
    monkeypatch.setattr(relays, "HOLD", 0.0)
    assert relay.hand_over() == 1
    assert _queued(relay, stuck, other) == [1, 1]


def test_who_was_served_a_moment_ago_gathers_first(
    relay: Relay, shop, monkeypatch: pytest.MonkeyPatch, valkey
) -> None:
    monkeypatch.setattr(relays, "GATHER", 3600.0)
    busy, other = shop(), shop()
    _deliver(busy, 1)
    assert relay.hand_over() == 1
    valkey.client.flushall()
    _deliver(busy, 2)
    _deliver(other, 1)
    assert relay.hand_over() == 1
    assert _queued(relay, busy, other) == [0, 1]
    monkeypatch.setattr(relays, "GATHER", 0.0)
    assert relay.hand_over() == 1
    assert _queued(relay, busy, other) == [1, 1]


def test_an_exceptional_weight_travels_with_the_message(relay: Relay, shop) -> None:
    heavy, plain = shop(), shop()
    models.DataController.update(queue_weight=7).where(models.DataController.id == heavy.tenant_id).execute()
    sent = []
    relay.dispatcher.broker.enqueue_all = sent.extend  # what goes out, instead of sending it
    for sender in (heavy, plain):
        _deliver(sender, 1)
    relay.hand_over()
    weights = {message.kwargs["tenant_id"]: message.options.get("weight") for message in sent}
    assert weights == {heavy.tenant_id: 7, plain.tenant_id: None}


def test_a_tenant_of_weight_three_has_three_times_the_share_of_others(
    relay: Relay, shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"TAKE": 4, "BATCH": 2}.items():
        monkeypatch.setattr(relays, name, value)
    heavy, plain = shop(), shop()
    models.DataController.update(queue_weight=3).where(models.DataController.id == heavy.tenant_id).execute()
    sent = []
    relay.dispatcher.broker.enqueue_all = sent.extend  # what goes out, instead of sending it
    for sender in (heavy, plain):
        _deliver(sender, 12)
    relay.hand_over()
    events = Counter(message.kwargs["tenant_id"] for message in sent for _ in message.kwargs["event_ids"])
    assert events == {heavy.tenant_id: 6, plain.tenant_id: 2}


def test_a_backlog_of_many_tenants_is_handed_over_in_looks_and_not_in_one(
    relay: Relay, shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However fast the workers are: between two looks the relay rests, and sees that it is to stop."""
    relay.most = 2
    senders = [shop() for _ in range(5)]
    for sender in senders:
        _deliver(sender, 1)
    nothing = Depth(0, 0, 0, None)
    monkeypatch.setattr(relay.broker, "depths", lambda names: dict.fromkeys(names, nothing))
    assert [relay.hand_over() for _ in range(4)] == [2, 2, 1, 0]
