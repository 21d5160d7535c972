"""The event table as an outbox: what is due, who has it, and what becomes of it when nobody does."""

from __future__ import annotations

from datetime import timedelta

import peewee
import pytest
from flow import HandClock, Sender, at_once, claim, customer, drain, events, run, settle

from dxflow.engine.core import Core
from dxflow.engine.outbox import BATCH, Dispatch, Outbox
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def _nothing(_: object) -> set[str]:
    return set()


def test_what_is_due_travels_in_batches_of_one_tenant_workflow_and_step(
    core: Core, shopify: Sender, tenant: NewTenant
) -> None:
    drain(core)
    other = Sender(core, tenants.create(core, "Other", "FR").controller.id)
    drain(core)
    for number in range(BATCH + 3):
        shopify.send("customers/create", customer(number))
    other.send("customers/create", customer())
    dispatches = claim(core)
    sizes = {dispatch.tenant_id: [] for dispatch in dispatches}
    for dispatch in dispatches:
        sizes[dispatch.tenant_id].append(len(dispatch.event_ids))
        rows = models.Event.select().where(models.Event.id.in_(list(dispatch.event_ids)))
        assert {(row.tenant_id, row.workflow, row.step) for row in rows} == {
            (dispatch.tenant_id, dispatch.workflow, dispatch.step)
        }
    assert sizes == {tenant.controller.id: [BATCH, 3], other.tenant_id: [1]}


def test_a_claim_is_exclusive(core: Core, shopify: Sender) -> None:
    for number in range(20):
        shopify.send("customers/create", customer(number))
    results = at_once(core, [lambda: claim(core)] * 4)
    taken = [event_id for found in results for dispatch in found for event_id in dispatch.event_ids]  # type: ignore[union-attr]
    assert sorted(taken) == sorted(event.id for event in events())
    assert claim(core) == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)  # SQLite has one writer at a time
def test_a_tenant_that_another_process_is_claiming_is_left_to_it_and_nobody_waits(
    core: Core, shopify: Sender
) -> None:
    quiet = Sender(core, tenants.create(core, "Quiet", "FR").controller.id)
    drain(core)
    shopify.send("customers/create", customer(1))
    earlier = Outbox(core).due(100)
    shopify.send("customers/create", customer(2))
    quiet.send("customers/create", customer())

    def claim_all() -> list[Dispatch]:
        core.store.database.execute_sql("SET lock_timeout = '2s'")
        return claim(core)

    with core.store.transaction():
        (first,) = Outbox(core).claim(earlier, _nothing)
        (others,) = at_once(core, [claim_all])
    assert first.event_ids == tuple(row.id for row in earlier)
    assert isinstance(others, list), others
    assert [dispatch.tenant_id for dispatch in others] == [quiet.tenant_id]
    assert [dispatch.tenant_id for dispatch in claim(core)] == [shopify.tenant_id]


def test_a_message_the_dispatcher_still_has_only_gets_a_longer_lease(
    core: Core, clock: HandClock, shopify: Sender
) -> None:
    shopify.send("customers/create", customer())
    first = claim(core)
    known = {dispatch.message_id for dispatch in first}
    clock.forward(core.dispatch_lease + 1)
    outbox = Outbox(core)
    assert outbox.claim(outbox.due(100), lambda asked: known & {message_id for _, message_id in asked}) == []
    assert outbox.due(100) == []
    assert {event.message_id for event in events()} == known
    clock.forward(core.dispatch_lease + 1)
    again = outbox.claim(outbox.due(100), _nothing)
    assert {d.event_ids for d in again} == {d.event_ids for d in first}
    assert not known & {d.message_id for d in again}


def test_what_could_not_be_handed_over_is_due_at_once(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    outbox = Outbox(core)
    for dispatch in claim(core):
        outbox.release(dict.fromkeys(dispatch.event_ids, dispatch.message_id))
    assert len(outbox.due(100)) == len(events())
    assert {event.message_id for event in events()} == {None}


def test_releasing_what_is_over_brings_nothing_back(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    seen = [dispatch.message_id for dispatch in claim(core) if run(core, dispatch)]
    Outbox(core).release_all()
    settle(core)
    outbox = Outbox(core)
    ids = [event.id for event in events()]
    for message_id in seen:
        outbox.release(dict.fromkeys(ids, message_id))
        outbox.postpone(message_id, ids, 5)
    assert outbox.release_all() == 0
    assert outbox.due(100) == []


def test_a_postponed_event_is_due_later_and_spent_no_attempt(
    core: Core, clock: HandClock, shopify: Sender
) -> None:
    shopify.send("customers/create", customer())
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    outbox = Outbox(core)
    outbox.postpone(dispatch.message_id, dispatch.event_ids, 5)
    assert outbox.due(100) == []
    (event,) = events("webhook")
    assert (event.state, event.attempts) == ("received", 0)
    clock.forward(5)
    assert [row.id for row in outbox.due(100)] == [event.id]


def test_a_wiped_dispatcher_makes_everything_under_way_due_again(core: Core, shopify: Sender) -> None:
    for number in range(3):
        shopify.send("customers/create", customer(number))
    lost: list[Dispatch] = []
    for dispatch in claim(core):
        lost += run(core, dispatch).follow_ups  # committed, enqueued, and wiped
    outbox = Outbox(core)
    active = [event for event in events() if event.due_at is not None and event.message_id is not None]
    assert lost
    assert outbox.release_all() == len(active)
    settle(core)
    assert {event.state for event in events()} == {"done"}
    assert models.Registration.select().count() == 3
    assert all(run(core, dispatch).moved == 0 for dispatch in lost), "a message that turns up after all"


def test_a_wiped_dispatcher_brings_no_retry_forward(core: Core, clock: HandClock, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    later = clock.now + timedelta(minutes=5)
    models.Event.update(state="retrying", due_at=later, message_id=None).execute()
    assert Outbox(core).release_all() == 0
    assert Outbox(core).due(100) == []
    assert Outbox(core).next_due() == later


def test_an_event_that_moved_on_is_not_postponed_by_the_message_it_came_with(
    core: Core, shopify: Sender
) -> None:
    shopify.send("customers/create", customer())
    before = claim(core)
    (follow_up,) = [found for dispatch in before for found in run(core, dispatch).follow_ups]
    due = {event.id: event.due_at for event in events()}
    for dispatch in before:
        Outbox(core).postpone(dispatch.message_id, [*due], 5)
    assert {event.id: event.due_at for event in events()} == due
    Outbox(core).postpone(follow_up.message_id, follow_up.event_ids, 5)
    moved = {event.id for event in events() if event.due_at != due[event.id]}
    assert moved == set(follow_up.event_ids)


def test_a_lease_is_for_the_step_at_which_the_event_was_found(core: Core, shopify: Sender) -> None:
    drain(core)
    shopify.send("customers/create", customer())
    outbox = Outbox(core)
    rows = outbox.due(100)
    models.Event.update(step="match", state="retrying").where(models.Event.workflow == "webhook").execute()
    assert outbox.claim(rows, _nothing) == []
    (dispatch,) = claim(core)
    assert dispatch.step == "match"


def test_a_quiet_tenant_is_found_behind_a_backlog(core: Core, shopify: Sender, tenant: NewTenant) -> None:
    other = Sender(core, tenants.create(core, "Quiet", "FR").controller.id)
    drain(core)
    for number in range(20):
        shopify.send("customers/create", customer(number))
    other.send("customers/create", customer())
    outbox, quiet = Outbox(core), other.tenant_id
    assert set(outbox.longest_due(10)) == {tenant.controller.id}
    assert sorted(outbox.tenants_due(10)) == sorted([tenant.controller.id, quiet])
    assert [row.tenant_id for row in outbox.due_of({quiet: 10})] == [quiet]
    rows = outbox.due_of({tenant.controller.id: 3, quiet: 3})
    assert sorted(row.tenant_id for row in rows) == sorted([tenant.controller.id] * 3 + [quiet])


def test_all_tenants_have_their_turn_in_a_round(core: Core, clock: HandClock) -> None:
    ids = sorted(tenants.create(core, f"Shop {number}", "DE").controller.id for number in range(7))
    outbox, seen, after = Outbox(core), list[str](), ""
    while page := outbox.tenants_due(3, after):
        assert len(page) <= 3
        seen += page
        after = page[-1]
    assert seen == ids
    claim(core)
    assert outbox.tenants_due(10) == outbox.longest_due(10) == [], "under lease"
    clock.forward(core.dispatch_lease + 1)
    assert outbox.tenants_due(10) == ids


def test_only_exceptional_weights_are_read(core: Core, tenant: NewTenant) -> None:
    assert Outbox(core).weights() == {}
    models.DataController.update(queue_weight=5).execute()
    assert Outbox(core).weights() == {tenant.controller.id: 5}


@pytest.mark.parametrize("weight", [0, -1, 101])
def test_a_weight_is_a_number_from_1_to_100(tenant: NewTenant, weight: int) -> None:
    with pytest.raises(peewee.IntegrityError):
        models.DataController.update(queue_weight=weight).where(
            models.DataController.id == tenant.controller.id
        ).execute()


def test_nothing_under_way_has_no_next_time(core: Core) -> None:
    assert Outbox(core).next_due() is None
