"""Two transactions that wait for each other: PostgreSQL undoes one, which is told so and may run again."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import partial

import pytest
from flow import Sender, at_once, check_invariants, claim, customer, events, run

from dxflow.engine import runner
from dxflow.engine.batch import Batch
from dxflow.engine.chain import Chain
from dxflow.engine.core import Core
from dxflow.engine.errors import Deadlock
from dxflow.engine.store import DEADLOCKS, models


def test_one_of_two_that_wait_for_each_other_is_told_of_the_deadlock(core: Core) -> None:
    if core.store.dialect == "sqlite":
        pytest.skip("SQLite's writers take turns: none waits while it holds something")
    for name in ("a", "b"):
        models.Installation.create(name=name, value="", force_insert=True)
    both_hold_one = threading.Barrier(2)

    def touch(first: str, second: str) -> None:
        with core.store.transaction():
            _write(first)
            both_hold_one.wait(30)
            _write(second)

    results = at_once(core, [lambda: touch("a", "b"), lambda: touch("b", "a")])
    assert {type(result) for result in results} == {type(None), Deadlock}


def test_work_that_was_undone_to_end_a_deadlock_runs_again(core: Core) -> None:
    if core.store.dialect == "sqlite":
        pytest.skip("SQLite's writers take turns: none waits while it holds something")
    for name in ("a", "b"):
        models.Installation.create(name=name, value="", force_insert=True)
    both_hold_one, tries = threading.Barrier(2), list[str]()

    def touch(first: str, second: str) -> str:
        tries.append(first)
        _write(first)
        if len(tries) <= 2:  # whoever runs again finds nobody in the way
            both_hold_one.wait(30)
        _write(second)
        return first

    one, other = partial(touch, "a", "b"), partial(touch, "b", "a")
    results = at_once(core, [lambda: core.store.in_one_go(one), lambda: core.store.in_one_go(other)])
    assert sorted(results) == ["a", "b"]
    assert len(tries) >= 3


def test_work_that_is_undone_every_time_says_so(core: Core) -> None:
    tries = 0

    def unlucky() -> None:
        nonlocal tries
        tries += 1
        raise Deadlock("chosen")

    with pytest.raises(Deadlock):
        core.store.in_one_go(unlucky)
    assert tries == DEADLOCKS + 1
    with pytest.raises(Deadlock), core.store.transaction():
        core.store.in_one_go(unlucky)
    assert tries == DEADLOCKS + 2, (
        "inside another transaction all of it was undone, and only its owner can repeat it"
    )


def _write(name: str) -> None:
    models.Installation.update(value="touched").where(models.Installation.name == name).execute()


def test_a_message_that_ended_a_deadlock_runs_again_at_once_and_costs_no_attempt(
    core: Core, shopify: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        shopify.send("customers/create", customer(number))
    append, left = Batch.append, iter([True, True, False])

    def unlucky(batch: Batch, chains: Sequence[Chain]) -> None:
        if next(left, False):
            raise Deadlock("chosen")
        append(batch, chains)

    monkeypatch.setattr(Batch, "append", unlucky)
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    report = run(core, dispatch)
    assert report.failed + report.retrying == 0
    found = events("webhook")
    assert [(event.state, event.attempts) for event in found] == [("done", 0)] * 3
    assert report.moved == sum(len(event.history) for event in events())
    check_invariants(core)
    assert models.ProcessingActivity.select().count() == models.DataSubject.select().count() == 3


def test_a_message_that_never_gets_through_waits_its_turn(
    core: Core, shopify: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    shopify.send("customers/create", customer())
    tries = 0

    def unlucky(*_: object) -> None:
        nonlocal tries
        tries += 1
        raise Deadlock("chosen")

    monkeypatch.setattr(runner, "_run_slice", unlucky)
    (dispatch,) = [found for found in claim(core) if found.workflow == "webhook"]
    with pytest.raises(Deadlock):
        run(core, dispatch)
    assert tries == DEADLOCKS + 1
