"""Looking at events, replaying and discarding them."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from flow import HandClock, Sender, at_once, claim, customer, drain, leaves, run, settle
from flow import events as rows

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Invalid, NotFound, PermanentError
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import events
from dxflow.engine.store import models

Break = Callable[..., None]


@pytest.fixture
def failed(core: Core, shopify: Sender, breaking: Break) -> models.Event:
    """An event that failed at its step ``log``; the fault is mended since."""
    breaking("webhook", "log", PermanentError("the printer is on fire"))
    shopify.send("customers/create", customer())
    drain(core)
    breaking("webhook", "log", PermanentError("never"), when=lambda _: False)
    (event,) = rows("webhook")
    assert event.state == "failed"
    return event


def test_a_replayed_event_goes_on_where_it_failed(
    core: Core, tenant: NewTenant, failed: models.Event
) -> None:
    replayed = events.replay(core, tenant.controller.id, failed.id, "key:1")
    assert (replayed.state, replayed.step, replayed.attempts, replayed.error) == ("received", "log", 0, None)
    settle(core)
    event = events.show(tenant.controller.id, failed.id)
    assert event.state == "done"
    steps = [entry["step"] for entry in event.history if "outcome" in entry]
    assert steps == ["extract", "match", "log"], "nothing was done twice"
    assert [entry["actor"] for entry in event.history if entry.get("act") == "event.replayed"] == ["key:1"]
    assert [leaf["actor"] for leaf in leaves(tenant.controller.id, "event.replayed")] == ["key:1"]
    assert models.ProcessingActivity.select().count() == 1


def test_a_replay_rings_the_bell(core: Core, tenant: NewTenant, failed: models.Event) -> None:
    core.bell.clear()
    events.replay(core, tenant.controller.id, failed.id, "system")
    assert core.bell.is_set()


def test_a_discarded_event_keeps_its_reason_and_may_be_replayed(
    core: Core, tenant: NewTenant, failed: models.Event
) -> None:
    gone = events.discard(core, tenant.controller.id, failed.id, "  a test\n of ours ", "user:1")
    assert (gone.state, gone.due_at) == ("discarded", None)
    assert gone.history[-1]["reason"] == "a test of ours"
    assert "a test of ours" not in str(leaves(tenant.controller.id)), (
        "a leaf is for ever, and people write freely"
    )
    assert len(leaves(tenant.controller.id, "event.discarded")) == 1
    with pytest.raises(Conflict):
        events.discard(core, tenant.controller.id, failed.id, "again", "user:1")
    events.replay(core, tenant.controller.id, failed.id, "user:1")
    settle(core)
    assert events.show(None, failed.id).state == "done"


@pytest.mark.parametrize("reason", ["", "  ", "a" * 501])
def test_a_discard_needs_a_reason(core: Core, tenant: NewTenant, failed: models.Event, reason: str) -> None:
    with pytest.raises(Invalid):
        events.discard(core, tenant.controller.id, failed.id, reason, "user:1")
    assert events.show(None, failed.id).state == "failed"


def test_a_done_event_can_be_neither_replayed_nor_discarded(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    shopify.send("customers/create", customer())
    (event,) = settle(core)
    with pytest.raises(Conflict, match="done"):
        events.replay(core, tenant.controller.id, event.id, "system")
    with pytest.raises(Conflict, match="done"):
        events.discard(core, tenant.controller.id, event.id, "no", "system")
    assert models.Event.get(models.Event.id == event.id).version == event.version


def test_an_event_under_way_can_be_discarded_and_its_message_finds_nothing(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    shopify.send("customers/create", customer())
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    events.discard(core, tenant.controller.id, dispatch.event_ids[0], "a mistake", "system")
    assert run(core, dispatch).moved == 0
    drain(core)
    assert rows("webhook")[0].state == "discarded"
    assert models.ProcessingActivity.select().count() == 0


def test_another_tenants_event_is_not_found(core: Core, failed: models.Event) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    for call in (
        lambda name: events.show(other, name),
        lambda name: events.replay(core, other, name, "system"),
        lambda name: events.discard(core, other, name, "no", "system"),
    ):
        for name in (failed.id, str(uuid.uuid4()), "no id"):
            with pytest.raises(NotFound):
                call(name)
    assert [event.tenant_id for event in events.listing(other)] == [other]
    assert events.replay_many(core, other, "system") == 0


def test_two_people_who_replay_at_once_replay_once(
    core: Core, tenant: NewTenant, failed: models.Event
) -> None:
    calls = [lambda: events.replay(core, tenant.controller.id, failed.id, "system")] * 6
    results = at_once(core, calls)
    assert sum(isinstance(result, models.Event) for result in results) == 1
    assert all(isinstance(result, models.Event | Conflict) for result in results), results
    settle(core)
    assert len(leaves(tenant.controller.id, "event.replayed")) == 1
    assert models.ProcessingActivity.select().count() == 1


def test_many_failed_events_are_replayed_by_error_time_and_id(
    core: Core, clock: HandClock, tenant: NewTenant, shopify: Sender, breaking: Break
) -> None:
    for number, error in enumerate(["fire", "fire", "flood_", "fire"]):
        breaking("webhook", "extract", PermanentError(error))
        shopify.send("customers/create", customer(number))
        drain(core)
        clock.forward(60)
    fires = [event for event in rows("webhook") if event.error == "fire"]
    told: list[tuple[int, int]] = []
    tenant_id = tenant.controller.id
    since = fires[1].received_at
    count = events.replay_many(
        core, tenant_id, "system", error="fire", since=since, progress=lambda *n: told.append(n)
    )
    assert (count, told) == (2, [(1, 2), (2, 2)])
    assert events.replay_many(core, tenant_id, "system", error="o_d") == 0, "no wildcard of LIKE's"
    assert events.replay_many(core, tenant_id, "system", ids=["no id", fires[1].id]) == 0, "it isn't failed"
    assert events.replay_many(core, tenant_id, "system", ids=[fires[0].id]) == 1
    assert events.replay_many(core, tenant_id, "system", ids=[]) == 0
    assert [event.state for event in rows("webhook")] == ["received", "received", "failed", "received"]


def test_events_are_listed_newest_first_by_state_source_and_words(
    core: Core, tenant: NewTenant, failed: models.Event, shopify: Sender
) -> None:
    shopify.send("orders/create", {"id": 1})
    tenant_id = tenant.controller.id
    assert [event.seq for event in events.listing(tenant_id)] == sorted((e.seq for e in rows()), reverse=True)
    assert [event.id for event in events.listing(tenant_id, state="failed")] == [failed.id]
    assert {event.source for event in events.listing(tenant_id, source="shopify")} == {"shopify"}
    for words in ("printer", "PRINTER is", failed.id, "customers/create"):
        assert failed.id in [event.id for event in events.listing(tenant_id, q=words)], words
    assert events.listing(tenant_id, q="100%") == []
    assert len(events.listing(tenant_id, limit=1)) == 1
    with pytest.raises(Invalid):
        events.listing(tenant_id, state="lost")
