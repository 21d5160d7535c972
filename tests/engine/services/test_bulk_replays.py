"""Many failed events decided about together: each once, whoever is killed or faster in between."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from flow import HandClock, Sender, at_once, check_invariants, claim, customer, drain, events, leaves, run

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Invalid, NotFound, PermanentError
from dxflow.engine.outbox import Outbox
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import bulk_replays, decisions, failures
from dxflow.engine.services.traffic import events as service
from dxflow.engine.services.traffic.bulk_replays import Wish
from dxflow.engine.store import models

Break = Callable[..., None]
FIRE = failures.Cause("webhook", "log", "the printer is on fire")


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_replays, "BATCH", 3)


@pytest.fixture
def failing(core: Core, shopify: Sender, breaking: Break) -> Callable[..., None]:
    """Makes so many deliveries fail at the step ``log``; the fault is mended afterwards unless it ``stays``."""
    sent = 0

    def fail(count: int, error: str = "the printer is on fire", *, stays: bool = False) -> None:
        nonlocal sent
        breaking("webhook", "log", PermanentError(error))
        for _ in range(count):
            sent += 1
            shopify.send("customers/create", customer(sent))
        drain(core)
        if not stays:
            breaking("webhook", "log", PermanentError("never"), when=lambda _: False)

    return fail


def states() -> list[str]:
    return [event.state for event in events("webhook")]


def replayed(tenant: NewTenant) -> list[object]:
    """The events of the log's entries that say so, in order."""
    return [leaf["event"] for leaf in leaves(tenant.controller.id, "event.replayed")]


def test_failures_are_grouped_by_step_and_words(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(3)
    failing(1, "the flood")
    found = failures.by_cause(tenant.controller.id)
    assert [(one.cause.error, one.count) for one in found.causes] == [(FIRE.error, 3), ("the flood", 1)]
    newest = events("webhook")[2]
    assert found.causes[0].example.id == newest.id
    assert found.causes[0].last == newest.updated_at
    assert found.causes[0].first == events("webhook")[0].received_at
    assert found.whole


def test_causes_beyond_the_first_are_not_passed_over_in_silence(
    tenant: NewTenant, failing: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "CAUSES", 1)
    failing(2)
    failing(1, "the flood")
    found = failures.by_cause(tenant.controller.id)
    assert ([one.count for one in found.causes], found.whole) == ([2], False)


def test_all_of_one_cause_are_replayed_in_batches_and_logged_one_by_one(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(7)
    failing(1, "the flood")
    row = bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    assert (row.chosen, row.decided, row.finished_at) == (7, 0, None)
    drain(core)
    assert states() == ["done"] * 7 + ["failed"]
    found = bulk_replays.show(tenant.controller.id, row.id)
    assert (found.row.decided, found.passed_over, found.failed_again) == (7, 0, 0)
    assert found.row.finished_at is not None
    assert found.run is not None
    assert [entry["outcome"] for entry in found.run.history] == ["more", "more", "finished"]
    asked = [event.id for event in events("webhook")[:7]]
    assert replayed(tenant) == asked
    (leaf,) = leaves(tenant.controller.id, "events.replay_asked")
    assert (leaf["actor"], leaf["events"], leaf["replay"]) == ("user:1", 7, row.id)
    assert "printer" not in str(leaf)
    check_invariants(core)


def test_each_batch_is_a_message_and_a_transaction_of_its_own(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(7)
    bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    (dispatch,) = claim(core)
    (following,) = run(core, dispatch).follow_ups
    assert len(replayed(tenant)) == 3
    assert following.workflow == "bulk_replay"


def test_who_is_killed_between_two_batches_goes_on_where_it_was(
    core: Core, clock: HandClock, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(7)
    row = bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    (dispatch,) = claim(core)
    run(core, dispatch)  # its follow-up dies with the worker
    assert (
        Outbox(core).claim([one for one in Outbox(core).due(99) if one.workflow == "bulk_replay"], set) == []
    )
    clock.forward(core.dispatch_lease + 1)
    drain(core)
    assert states() == ["done"] * 7
    assert len(replayed(tenant)) == len(set(replayed(tenant))) == 7
    assert bulk_replays.show(tenant.controller.id, row.id).row.decided == 7


def test_who_is_killed_in_the_middle_of_a_batch_leaves_nothing_of_it(
    core: Core, clock: HandClock, tenant: NewTenant, failing: Callable[..., None], breaking: Break
) -> None:
    failing(4)
    row = bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")

    class Killed(BaseException):
        pass

    breaking("bulk_replay", "decide", Killed())
    (dispatch,) = claim(core)
    with pytest.raises(Killed):
        run(core, dispatch)
    assert states() == ["failed"] * 4
    assert replayed(tenant) == []
    breaking("bulk_replay", "decide", Killed(), when=lambda _: False)
    clock.forward(core.dispatch_lease + 1)
    drain(core)
    assert states() == ["done"] * 4
    assert len(replayed(tenant)) == 4
    assert bulk_replays.show(tenant.controller.id, row.id).row.decided == 4


def test_a_message_that_comes_three_times_decides_about_nothing_twice(
    core: Core, clock: HandClock, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(5)
    row = bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    (dispatch,) = claim(core)
    at_once(core, [lambda: run(core, dispatch)] * 3)
    clock.forward(core.dispatch_lease + 1)
    drain(core)
    assert len(replayed(tenant)) == len(set(replayed(tenant))) == 5
    assert bulk_replays.show(tenant.controller.id, row.id).row.decided == 5


def test_two_who_ask_at_once_replay_every_event_once(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(8)
    rows = [bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), f"user:{one}") for one in (1, 2)]
    (both,) = claim(core)  # one message would run them one after the other
    queue = [replace(both, event_ids=(one,)) for one in both.event_ids]
    while queue:
        reports = at_once(core, [partial(run, core, dispatch) for dispatch in queue])
        queue = [following for report in reports for following in report.follow_ups]
    drain(core)
    assert states() == ["done"] * 8
    assert len(replayed(tenant)) == len(set(replayed(tenant))) == 8
    found = [bulk_replays.show(tenant.controller.id, row.id) for row in rows]
    assert sum(one.row.decided for one in found) == 8
    assert all(one.row.decided + one.passed_over == 8 for one in found)


def test_what_fails_again_is_counted_and_not_tried_a_second_time(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(5, stays=True)
    row = bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    drain(core)
    assert states() == ["failed"] * 5
    found = bulk_replays.show(tenant.controller.id, row.id)
    assert (found.row.decided, found.failed_again) == (5, 5)
    assert found.row.finished_at is not None


def test_what_failed_after_somebody_asked_is_not_meant(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(2)
    bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    (dispatch,) = claim(core)
    failing(1)
    run(core, dispatch)
    drain(core)
    assert states() == ["done", "done", "failed"]


def test_what_waited_when_somebody_asked_and_fails_meanwhile_is_not_given_up_unseen(
    core: Core, tenant: NewTenant, shopify: Sender, failing: Callable[..., None], breaking: Break
) -> None:
    failing(1)
    breaking("webhook", "log", PermanentError(str(FIRE.error)))
    shopify.send("customers/create", customer(9))  # accepted before, and no worker came to it yet
    row = bulk_replays.ask(core, tenant.controller.id, Wish(FIRE, discard_reason="a test"), "user:1")
    waiting, decides = claim(core)
    assert (waiting.workflow, decides.workflow) == ("webhook", "bulk_replay")
    run(core, waiting)
    run(core, decides)
    assert states() == ["discarded", "failed"]
    found = bulk_replays.show(tenant.controller.id, row.id)
    assert (found.row.chosen, found.row.decided, found.passed_over) == (1, 1, 0)


def test_everything_since_a_time_is_replayed_whatever_its_cause(
    core: Core, clock: HandClock, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(2)
    clock.forward(3600)
    since = clock()
    failing(2, "the flood")
    failing(2)
    row = bulk_replays.ask(core, tenant.controller.id, Wish(since=since), "user:1")
    assert row.chosen == 4
    drain(core)
    assert states() == ["failed"] * 2 + ["done"] * 4


def test_all_of_a_cause_are_given_up_for_a_reason_that_stays_with_each(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(4)
    wish = Wish(FIRE, discard_reason="  a test\nof ours ")
    row = bulk_replays.ask(core, tenant.controller.id, wish, "user:1")
    drain(core)
    assert states() == ["discarded"] * 4
    assert {event.history[-1]["reason"] for event in events("webhook")} == {"a test of ours"}
    assert len(leaves(tenant.controller.id, "event.discarded")) == 4
    (leaf,) = leaves(tenant.controller.id, "events.discard_asked")
    assert "a test of ours" not in str(leaf)
    assert bulk_replays.show(tenant.controller.id, row.id).failed_again == 0


def test_one_that_was_discarded_meanwhile_is_passed_over(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(4)
    row = bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    service.discard(core, tenant.controller.id, events("webhook")[1].id, "no use", "user:2")
    drain(core)
    assert states() == ["done", "discarded", "done", "done"]
    found = bulk_replays.show(tenant.controller.id, row.id)
    assert (found.row.decided, found.passed_over) == (3, 1)


def test_one_that_moves_between_being_read_and_decided_costs_its_neighbours_nothing(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(3)
    read = events("webhook")
    service.replay(core, tenant.controller.id, read[1].id, "user:2")
    with core.store.transaction():
        moved = decisions.take(core, tenant.controller.id, read, decisions.replaying(core.clock()), "user:1")
    assert [event.id for event in moved] == [read[0].id, read[2].id]
    assert len(replayed(tenant)) == 3
    check_invariants(core)


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_giving_up_many_takes_a_reason_too(
    core: Core, tenant: NewTenant, failing: Callable[..., None], reason: str
) -> None:
    failing(1)
    with pytest.raises(Invalid, match="reason"):
        bulk_replays.ask(core, tenant.controller.id, Wish(FIRE, discard_reason=reason), "user:1")
    assert models.BulkReplay.select().count() == 0


def test_where_nothing_fits_nothing_is_asked(core: Core, tenant: NewTenant) -> None:
    with pytest.raises(Conflict, match="no failed event fits"):
        bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    assert leaves(tenant.controller.id, "events.replay_asked") == []


def test_another_tenants_failures_are_neither_seen_nor_touched(
    core: Core, tenant: NewTenant, failing: Callable[..., None]
) -> None:
    failing(2)
    row = bulk_replays.ask(core, tenant.controller.id, Wish(FIRE), "user:1")
    other = tenants.create(core, "Other", "FR").controller.id
    assert failures.by_cause(other).causes == []
    assert bulk_replays.recent(other) == []
    for name in (row.id, "no id"):
        with pytest.raises(NotFound):
            bulk_replays.show(other, name)
    with pytest.raises(Conflict):
        bulk_replays.ask(core, other, Wish(), "user:2")
    assert [one.id for one in bulk_replays.recent(tenant.controller.id)] == [row.id]
