"""What a failure leaves: history, attempts, the next try, and in the end somebody who is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import structlog
from flow import (
    HandClock,
    Sender,
    check_invariants,
    claim,
    customer,
    drain,
    events,
    leaves,
    settle,
)

from dxflow.engine import runner
from dxflow.engine.core import Core
from dxflow.engine.errors import (
    IllegalMove,
    PermanentError,
    TransientError,
)
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

CANARY = "canary.person@secret.example"


def _one(workflow: str = "webhook") -> models.Event:
    (event,) = events(workflow)
    return event


def test_a_failure_waits_with_backoff_and_jitter_then_fails_and_says_so(
    core: Core, clock: HandClock, tenant: NewTenant, shopify: Sender, breaking: Callable[..., None]
) -> None:
    breaking("webhook", "match", TransientError("the other side is away"))
    shopify.send("customers/create", customer())
    waits = []
    drain(core)
    while (event := _one()).state == "retrying":
        waits.append((event.due_at - event.updated_at).total_seconds())
        assert event.attempts == len(waits)
        assert event.error == "the other side is away"
        assert event.message_id is None
        clock.now = event.due_at
        drain(core)
        check_invariants(core)
    assert (event.state, event.step, event.due_at, event.attempts) == ("failed", "match", None, 8)
    assert waits == pytest.approx([0.5 * 2**n for n in range(7)], abs=0.01)
    errors = [entry for entry in event.history if "error" in entry]
    assert [entry["attempt"] for entry in errors] == list(range(1, 9))
    (notice,) = models.Notification.select().where(models.Notification.kind == "event.failed")
    assert notice.entity_id == event.id
    assert "the other side is away" in notice.body
    (leaf,) = leaves(tenant.controller.id, "workflow.failed")
    assert (leaf["event"], leaf["step"], leaf["attempts"]) == (event.id, "match", 8)


def test_a_permanent_failure_is_told_with_its_reason_at_the_first_attempt(
    core: Core, shopify: Sender
) -> None:
    shopify.send("customers/create", {"id": 1, "line_items": []})
    settle(core)
    event = _one()
    assert (event.state, event.attempts) == ("failed", 1)
    (notice,) = models.Notification.select()
    assert event.error
    assert event.error in notice.body


def test_the_other_sides_retry_after_is_honoured_within_the_cap(
    core: Core, shopify: Sender, breaking: Callable[..., None]
) -> None:
    breaking("webhook", "extract", TransientError("busy", retry_after=86_400))
    shopify.send("customers/create", customer())
    drain(core)
    event = _one()
    assert (event.due_at - event.updated_at).total_seconds() == pytest.approx(600, abs=0.01)


def test_a_step_that_succeeds_after_failures_starts_the_next_with_all_attempts(
    core: Core, clock: HandClock, shopify: Sender, breaking: Callable[..., None]
) -> None:
    breaking("webhook", "match", TransientError("away"), when=lambda event: event.attempts < 3)
    shopify.send("customers/create", customer())
    for _ in range(4):
        drain(core)
        clock.forward(60)
    event = _one()
    assert (event.state, event.attempts, event.error) == ("done", 0, None)
    assert [entry.get("attempt") for entry in event.history if entry["step"] == "match"] == [1, 2, 3, None]


@pytest.mark.parametrize(
    "error", [ValueError(CANARY), KeyError(CANARY), UnicodeEncodeError("utf-8", CANARY, 0, 1, CANARY)]
)
def test_an_unexpected_error_leaves_its_kind_and_none_of_its_words(
    core: Core, shopify: Sender, breaking: Callable[..., None], error: Exception
) -> None:
    breaking("webhook", "match", error)
    shopify.send("customers/create", customer())
    with structlog.testing.capture_logs() as logged:
        drain(core)
    event = _one()
    assert event.state == "retrying"
    assert type(error).__name__ in event.error
    assert CANARY not in event.error + str(event.history) + str(logged)
    (entry,) = logged
    assert (entry["event"], entry["step"], entry["error"]) == ("step_failed", "match", type(error).__name__)


def test_an_outcome_that_the_table_does_not_know_changes_nothing_but_the_failure(
    core: Core, shopify: Sender, breaking: Callable[..., None]
) -> None:
    breaking("webhook", "match", IllegalMove("no such outcome"))
    shopify.send("customers/create", customer())
    drain(core)
    assert _one().step == "match"
    assert _one().error.startswith("a defect in dxflow")
    assert models.DataSubject.select().count() == 0


def test_an_event_at_a_step_of_another_version_fails_where_people_see_it(core: Core, shopify: Sender) -> None:
    shopify.send("customers/create", customer())
    models.Event.update(step="retired").where(models.Event.workflow == "webhook").execute()
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    report = runner.fail_batch(core, "webhook", "retired", dispatch.event_ids, PermanentError("no such step"))
    assert (report.failed, _one().state, _one().error) == (1, "failed", "no such step")


def test_a_whole_message_that_failed_is_written_down_for_each_of_its_events(
    core: Core, shopify: Sender
) -> None:
    for number in range(3):
        shopify.send("customers/create", customer(number))
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    report = runner.fail_batch(
        core, dispatch.workflow, dispatch.step, dispatch.event_ids, TransientError("away")
    )
    assert report.retrying == 3
    assert {(event.state, event.attempts) for event in events("webhook")} == {("retrying", 1)}
    report = runner.fail_batch(
        core, dispatch.workflow, dispatch.step, dispatch.event_ids, PermanentError("no")
    )
    assert report.failed == 3
    assert models.Notification.select().count() == 3
    check_invariants(core)
