"""One message, few transactions: what commits together, what a duplicate finds, what a failure leaves."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import pytest
from flow import (
    HandClock,
    Sender,
    at_once,
    check_invariants,
    claim,
    customer,
    events,
    leaves,
    run,
    settle,
)

from dxflow.engine import runner
from dxflow.engine.core import Core
from dxflow.engine.errors import (
    IllegalMove,
    LogBroken,
    PermanentError,
    StaleFence,
    Unavailable,
)
from dxflow.engine.outbox import BATCH, Dispatch, Outbox
from dxflow.engine.runner import Report
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models, quick


def _one(workflow: str = "webhook") -> models.Event:
    (event,) = events(workflow)
    return event


def test_an_accepted_delivery_becomes_one_activity_one_registration_and_one_leaf(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    accepted = shopify.send("customers/create", customer())
    (event,) = settle(core)
    assert (event.id, event.state, event.step, event.due_at) == (accepted.event_id, "done", "done", None)
    activity = models.ProcessingActivity.get()
    registration = models.Registration.get()
    (leaf,) = leaves(tenant.controller.id, "activity.registered")
    assert activity.event_id == event.id
    assert activity.registration_state == "registered"
    assert registration.activity_id == activity.id
    assert (leaf["activity"], leaf["seq"]) == (activity.did, activity.log_index)
    assert activity.subject_id == event.subject_id == models.DataSubject.get().id


def test_the_history_tells_every_step_and_its_outcome(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    (event,) = settle(core)
    assert [(entry["step"], entry["outcome"]) for entry in event.history] == [
        ("extract", "person"),
        ("match", "created"),
        ("log", "logged"),
    ]


def test_every_move_has_its_audit_leaf(core: Core, tenant: NewTenant, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    settle(core)
    moves = sum(len(event.history) for event in events())
    assert len(leaves(tenant.controller.id, "workflow.step")) == moves


def test_a_message_that_comes_twice_finds_nothing_to_do(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    seen, follow_ups = list[Dispatch](), list[Dispatch]()
    while queue := follow_ups or claim(core):
        dispatch, *follow_ups = queue
        report = run(core, dispatch)
        seen.append(dispatch)
        before = [(event.id, event.version) for event in events()]
        assert run(core, dispatch) == Report()
        assert [(event.id, event.version) for event in events()] == before
        check_invariants(core)
        follow_ups += report.follow_ups
    assert [dispatch.step for dispatch in seen][-3:] == ["extract", "register", "record"]
    assert all(run(core, dispatch) == Report() for dispatch in seen)


def test_two_threads_with_the_same_message_move_each_event_once(core: Core, shopify: Sender) -> None:
    for number in range(6):
        shopify.send("customers/create", customer(number))
    follow_ups: list[Dispatch] = []
    while queue := follow_ups or claim(core):
        dispatch, *follow_ups = queue
        before = _history()
        reports = _all_at_once(core, dispatch)
        assert sum(report.moved for report in reports) == _history() - before
        assert sum(report.failed + report.retrying for report in reports) == 0
        check_invariants(core)
        follow_ups += [found for report in reports for found in report.follow_ups]
    assert {event.state for event in events()} == {"done"}
    assert models.ProcessingActivity.select().count() == 6
    assert models.Registration.select().count() == 6


def _history() -> int:
    """Steps that are written down, of all events."""
    return sum(len(event.history) for event in events())


def _all_at_once(core: Core, dispatch: Dispatch) -> list[Report]:
    """What three threads made of one message; a registration that another overtook made nothing of it."""
    results = at_once(core, [lambda: run(core, dispatch)] * 3)
    overtaken = [isinstance(result, StaleFence) for result in results]
    assert not any(overtaken) or dispatch.step == "register"
    assert all(isinstance(result, Report | StaleFence) for result in results), results
    return [result for result in results if isinstance(result, Report)]


def test_a_report_names_no_message_without_events(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    call = (core, dispatch.workflow, dispatch.step, dispatch.event_ids)
    reports = at_once(core, [lambda: runner.run_step(*call)] * 4)
    follow_ups = [found for report in reports for found in report.follow_ups]  # type: ignore[union-attr]
    assert [found.event_ids for found in follow_ups] == [(_one("processing_activity").id,)]


def test_a_crash_between_commit_and_enqueue_recovers_when_the_lease_ends(
    core: Core, clock: HandClock, shopify: Sender
) -> None:
    shopify.send("customers/create", customer())
    rounds = 0
    while any(event.state != "done" for event in events()):
        for dispatch in claim(core):
            run(core, dispatch)  # and its follow-ups are never enqueued
            check_invariants(core)
        assert all(row.message_id is None for row in Outbox(core).due(10)), "under lease, nobody else has it"
        clock.forward(core.dispatch_lease + 1)
        rounds += 1
        assert rounds < 20
    assert rounds == 3, "webhook, registration and its result each travel in a message of their own"
    assert models.Registration.select().count() == 1


def test_a_stale_runner_is_rolled_back_with_everything_it_wrote(
    core: Core, shopify: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    shopify.send("customers/create", customer())
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    stale = models.Event.get_by_id(_one().seq)
    models.Event.update(version=stale.version + 1).where(models.Event.id == stale.id).execute()
    monkeypatch.setattr(runner, "_load", lambda *_: [stale])
    size = core.log.head(dispatch.tenant_id).size
    assert run(core, dispatch) == Report()
    assert models.ProcessingActivity.select().count() == models.DataSubject.select().count() == 0
    assert core.log.head(dispatch.tenant_id).size == size
    check_invariants(core)


@pytest.mark.parametrize("column", ["state", "step", "version"])
def test_a_move_needs_the_state_the_step_and_the_version_it_started_from(
    core: Core, shopify: Sender, monkeypatch: pytest.MonkeyPatch, column: str
) -> None:
    shopify.send("customers/create", customer())
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    stale = models.Event.get_by_id(_one().seq)
    moved = {"state": "discarded", "step": "log", "version": 7}[column]
    models.Event.update({column: moved}).where(models.Event.id == stale.id).execute()
    monkeypatch.setattr(runner, "_load", lambda *_: [stale])
    assert run(core, dispatch) == Report()
    assert getattr(_one(), column) == moved


def test_a_poison_event_neither_rolls_back_nor_stops_its_neighbours(core: Core, shopify: Sender) -> None:
    for number in range(BATCH - 1):
        shopify.send("customers/create", customer(number))
    poison = shopify.send("customers/create", {"id": 1, "line_items": []}).event_id
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    assert len(dispatch.event_ids) == BATCH
    report = run(core, dispatch)
    check_invariants(core)
    assert (report.steps["webhook", "log", "moved"], report.failed) == (BATCH - 1, 1)
    states = {event.id: event.state for event in events("webhook")}
    assert states.pop(poison) == "failed"
    assert set(states.values()) == {"done"}


def test_what_a_failing_step_wrote_is_gone_with_it(
    core: Core, shopify: Sender, breaking: Callable[..., None]
) -> None:
    breaking("webhook", "log", PermanentError("no"), when=lambda event: event.seq % 2 == 0)
    for number in range(6):
        shopify.send("customers/create", customer(number))
    settle(core)
    failed = [event for event in events("webhook") if event.state == "failed"]
    assert 0 < len(failed) < 6
    logged = {activity.event_id for activity in models.ProcessingActivity.select()}
    assert logged == {event.id for event in events("webhook")} - {event.id for event in failed}


def test_a_batch_that_commits_in_slices_travels_on_in_one_message(
    core: Core, shopify: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SLICE", 0.0)
    for number in range(5):
        shopify.send("customers/create", customer(number))
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    report = run(core, dispatch)
    assert report.steps["processing_activity", "publish", "moved"] == 5
    (following,) = report.follow_ups
    activities = events("processing_activity")
    assert following.event_ids == tuple(event.id for event in activities)
    assert {event.message_id for event in activities} == {following.message_id}
    check_invariants(core)


def test_slices_that_committed_stay_when_a_later_one_cannot(
    core: Core,
    clock: HandClock,
    shopify: Sender,
    breaking: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "SLICE", 0.0)
    ids = [shopify.send("customers/create", customer(number)).event_id for number in range(3)]
    breaking("webhook", "extract", Unavailable("gone"), when=lambda event: event.id == ids[2])
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    with pytest.raises(Unavailable):
        run(core, dispatch)
    check_invariants(core)
    assert [event.step for event in events("webhook")] == ["done", "done", "extract"]
    breaking("webhook", "extract", AssertionError(), when=lambda _: False)
    clock.forward(core.dispatch_lease + 1)
    settle(core)
    assert {event.state for event in events()} == {"done"}


def test_an_unavailable_database_spends_no_attempt(
    core: Core, shopify: Sender, breaking: Callable[..., None]
) -> None:
    breaking("webhook", "extract", Unavailable("the database doesn't answer"))
    shopify.send("customers/create", customer())
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    with pytest.raises(Unavailable):
        run(core, dispatch)
    event = _one()
    assert (event.state, event.attempts, event.error, event.history) == ("received", 0, None, [])


def test_a_log_that_contradicts_itself_stops_the_step(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    claimed = [found for found in claim(core) if found.workflow == "webhook"]
    models.AuditTile.update(hashes=b"x" * 32).execute()
    with pytest.raises(LogBroken):
        run(core, claimed[0])
    assert _one().step == "extract"


def test_a_step_that_does_not_exist_is_an_error(core: Core) -> None:
    with pytest.raises(IllegalMove):
        runner.run_step(core, "webhook", "nowhere", [str(uuid.uuid4())])


def test_events_that_are_over_are_left_alone(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    settle(core)
    event = _one()
    quick.update(models.Event, {"id": event.id}, {"step": "match"})  # as if a message had been forged
    assert runner.run_step(core, "webhook", "match", [event.id]) == Report()
