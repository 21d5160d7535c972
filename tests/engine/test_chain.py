"""An event's steps in one transaction: each keeps its own, the row moves once, and what fails takes nothing but
its own away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flow import HandClock, Sender, check_invariants, claim, customer, drain, events, leaves, run

from dxflow.engine import runner, steps
from dxflow.engine.core import Core
from dxflow.engine.errors import PermanentError, TransientError, Unavailable
from dxflow.engine.outbox import Dispatch, Outbox
from dxflow.engine.runner import Report
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps import Outcome, Step
from dxflow.engine.store import models, quick

Break = Callable[..., None]
CHAIN = ("extract", "match", "log", "consent")
CONSENTING = {
    "email_marketing_consent": {"state": "subscribed", "consent_updated_at": "2026-02-01T10:00:00Z"}
}


@pytest.fixture
def dispatch(core: Core, shopify: Sender) -> Dispatch:
    """The message of one delivery that comes to the end of the longest chain."""
    drain(core)
    shopify.send("customers/create", customer(**CONSENTING))
    (found,) = claim(core)
    return found


def _one(workflow: str = "webhook") -> models.Event:
    (event,) = events(workflow)
    return event


def _rows() -> tuple[int, int, int]:
    """What match, log and consent wrote."""
    tables = (models.DataSubject, models.ProcessingActivity, models.Consent)
    subjects, activities, consents = (table.select().count() for table in tables)
    return subjects, activities, consents


def _logged(tenant: NewTenant, kind: str = "workflow.step") -> list[object]:
    wanted = [leaf for leaf in leaves(tenant.controller.id, kind) if leaf["workflow"] == "webhook"]
    return [leaf["step"] for leaf in wanted]


def test_a_chain_moves_its_event_once_and_tells_every_step(
    core: Core, tenant: NewTenant, dispatch: Dispatch
) -> None:
    before = _one().version
    report = run(core, dispatch)
    event = _one()
    assert (event.state, event.step, event.version) == ("done", "done", before + 1)
    assert tuple(entry["step"] for entry in event.history) == CHAIN
    assert tuple(_logged(tenant)) == CHAIN
    assert _rows() == (1, 1, 1)
    assert [report.steps["webhook", step, "moved"] for step in CHAIN] == [1, 1, 1, 1]
    check_invariants(core)


@pytest.mark.parametrize("position", range(4))
def test_a_step_that_fails_leaves_the_steps_before_it(
    core: Core, clock: HandClock, tenant: NewTenant, dispatch: Dispatch, breaking: Break, position: int
) -> None:
    breaking("webhook", CHAIN[position], TransientError("away"))
    report = run(core, dispatch)
    event = _one()
    assert (event.state, event.step, event.attempts) == ("retrying", CHAIN[position], 1)
    assert (event.message_id, event.error) == (None, "away")
    assert tuple(entry["step"] for entry in event.history) == CHAIN[: position + 1]
    assert "error" in event.history[-1]
    assert tuple(_logged(tenant)) == CHAIN[:position]
    assert _rows() == (int(position > 1), int(position > 2), 0)
    assert (report.steps["webhook", CHAIN[position], "retrying"], report.failed) == (1, 0)
    check_invariants(core)
    breaking("webhook", CHAIN[position], AssertionError(), when=lambda _: False)
    clock.forward(60)
    drain(core)
    assert (_one().state, _rows()) == ("done", (1, 1, 1))
    check_invariants(core)


@pytest.mark.parametrize("position", range(4))
def test_a_chain_that_fails_for_good_says_where(
    core: Core, tenant: NewTenant, dispatch: Dispatch, breaking: Break, position: int
) -> None:
    breaking("webhook", CHAIN[position], PermanentError("never"))
    report = run(core, dispatch)
    event = _one()
    assert (event.state, event.step, event.due_at, event.error) == ("failed", CHAIN[position], None, "never")
    assert _logged(tenant, "workflow.failed") == [CHAIN[position]]
    (notice,) = models.Notification.select()
    assert notice.entity_id == event.id
    assert (report.failed, report.alerts) == (1, {("webhook", CHAIN[position], 100): 1})
    check_invariants(core)


@pytest.mark.parametrize("position", range(4))
def test_a_crash_anywhere_in_a_chain_leaves_nothing_of_it(
    core: Core, clock: HandClock, tenant: NewTenant, dispatch: Dispatch, breaking: Break, position: int
) -> None:
    breaking("webhook", CHAIN[position], KeyboardInterrupt())
    before, size = _one().version, core.log.head(tenant.controller.id).size
    with pytest.raises(KeyboardInterrupt):
        run(core, dispatch)
    assert (_one().version, _one().history, _rows()) == (before, [], (0, 0, 0))
    assert core.log.head(tenant.controller.id).size == size
    breaking("webhook", CHAIN[position], AssertionError(), when=lambda _: False)
    clock.forward(core.dispatch_lease + 1)
    drain(core)
    assert (_one().state, _rows()) == ("done", (1, 1, 1))
    check_invariants(core)


@pytest.mark.parametrize("position", range(4))
def test_a_chain_that_somebody_overtook_leaves_nothing(
    core: Core, tenant: NewTenant, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch, position: int
) -> None:
    """The row moves while the step runs, as it can where transactions see what others commit."""
    whole = steps.STEPS["webhook"][CHAIN[position]]

    def overtaken(core: Core, event: models.Event, prepared: steps.Prepared) -> Outcome:
        outcome = whole.apply(core, event, prepared)
        quick.update(models.Event, {"id": event.id}, {"version": 77})
        return outcome

    changed = {**steps.STEPS["webhook"], CHAIN[position]: Step(overtaken, whole.prepare)}
    monkeypatch.setattr(steps, "STEPS", {**steps.STEPS, "webhook": changed})
    size = core.log.head(tenant.controller.id).size
    assert run(core, dispatch) == Report()
    assert (_one().history, _rows(), core.log.head(tenant.controller.id).size) == ([], (0, 0, 0), size)
    check_invariants(core)


def test_a_move_that_the_database_refuses_fails_the_step_where_the_event_stood(
    core: Core, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = steps.STEPS["webhook"]["log"]
    impossible = Step(lambda *_: Outcome("logged", changes={"source": None}), whole.prepare)
    monkeypatch.setattr(
        steps, "STEPS", {**steps.STEPS, "webhook": {**steps.STEPS["webhook"], "log": impossible}}
    )
    run(core, dispatch)
    event = _one()
    assert (event.state, event.step, event.attempts) == ("retrying", "extract", 1)
    assert "IntegrityError" in event.error
    assert _rows() == (0, 0, 0)
    check_invariants(core)


def test_what_a_chain_brings_forth_runs_in_the_same_message(core: Core, dispatch: Dispatch) -> None:
    report = run(core, dispatch)
    assert _one("data_subject").state == "done"
    activity = _one("processing_activity")
    assert (activity.step, activity.state) == ("register", "running")
    (following,) = report.follow_ups
    assert (following.step, following.event_ids) == ("register", (activity.id,))
    assert activity.message_id == following.message_id
    assert Outbox(core).due(10) == []


def test_offspring_that_fails_takes_nothing_from_its_parent(
    core: Core, dispatch: Dispatch, breaking: Break
) -> None:
    breaking("processing_activity", "publish", PermanentError("no"))
    report = run(core, dispatch)
    assert (_one().state, _one("data_subject").state) == ("done", "done")
    assert (_one("processing_activity").state, report.follow_ups) == ("failed", [])
    check_invariants(core)


def test_offspring_whose_turn_did_not_come_is_due(
    core: Core, dispatch: Dispatch, breaking: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "SLICE", 0.0)
    breaking("data_subject", "derive", Unavailable("gone"))
    with pytest.raises(Unavailable):
        run(core, dispatch)
    assert (_one().state, _rows()) == ("done", (1, 1, 1))
    due = {(row.workflow, row.message_id) for row in Outbox(core).due(10)}
    assert due == {("data_subject", None), ("processing_activity", None)}


def test_what_is_committed_is_reported_even_if_the_rest_could_not_run(
    core: Core, shopify: Sender, dispatch: Dispatch, breaking: Break, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(core, dispatch)
    monkeypatch.setattr(runner, "SLICE", 0.0)
    for number in range(3):
        shopify.send("customers/create", customer(10 + number))
    (second,) = claim(core)
    (register,) = [found for found in run(core, second).follow_ups if found.step == "register"]
    breaking(
        "processing_activity", "register", Unavailable("gone"), when=lambda e: e.id == register.event_ids[1]
    )
    report = Report()
    fence = core.log.fence(register.tenant_id)
    with pytest.raises(Unavailable):
        runner.run_step(core, register.workflow, register.step, register.event_ids, fence, report)
    (following,) = report.follow_ups
    assert following.event_ids == register.event_ids[:1]
    assert report.moved == 1


def test_a_step_that_prepares_something_of_its_own_begins_in_a_message_of_its_own(
    core: Core, dispatch: Dispatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = steps.STEPS["webhook"]["log"], list[int]()

    def prepare(core: Core, found: object, fence: int | None) -> steps.Prepared:
        calls.append(1)
        return whole.prepare(core, found, fence)  # type: ignore[arg-type]  # events, as it gets them

    changed = {**steps.STEPS["webhook"], "log": Step(whole.apply, prepare)}
    monkeypatch.setattr(steps, "STEPS", {**steps.STEPS, "webhook": changed})
    (following,) = run(core, dispatch).follow_ups
    assert (following.step, calls, _one().step) == ("log", [], "log")
    run(core, following)
    assert calls == [1]
