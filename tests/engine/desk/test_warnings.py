"""Clocks warn at 50, 80 and 95 percent of the time and when it is over: each once, of several the last."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from flow import HandClock, at_once, leaves
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.core import Core
from dxflow.engine.desk import actions, warnings
from dxflow.engine.rights import deadlines
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import Ask

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def _notices() -> list[str]:
    kinds = ("rights_request.due_soon", "rights_request.overdue")
    rows = models.Notification.select().where(models.Notification.kind.in_(kinds))
    return [str(row.title) for row in rows.order_by(models.Notification.created_at, models.Notification.id)]


def test_each_share_of_the_time_is_told_once(
    core: Core, tenant: NewTenant, ask: Ask, clock: HandClock
) -> None:
    ask()  # 2 March 9:00 to the end of 2 April: 31 days and 15 hours
    told = []
    for day in range(1, 36):
        clock.now = datetime(2099, 3, 2, 9, 0, tzinfo=UTC) + timedelta(days=day)
        if warnings.sweep(core):
            told.append((day, _notices()[-1]))
        assert warnings.sweep(core) == 0
    assert told == [
        (16, "50 % of the time is over: access"),
        (26, "80 % of the time is over: access"),
        (31, "95 % of the time is over: access"),
        (32, "Overdue rights request: access"),
    ]
    assert [leaf["percent"] for leaf in leaves(tenant.controller.id, warnings.KIND)] == [50, 80, 95, 100]


@sqlite
def test_of_several_that_came_at_once_the_last_is_told(core: Core, ask: Ask, clock: HandClock) -> None:
    ask(received_at=clock.now - timedelta(days=27))
    assert warnings.sweep(core) == 1
    assert _notices() == ["80 % of the time is over: access"]


@sqlite
def test_an_extension_gives_time_back_and_its_own_shares_are_told(
    core: Core, tenant: NewTenant, ask: Ask, clock: HandClock
) -> None:
    request = ask()
    clock.forward(27 * 86_400)
    warnings.sweep(core)
    actions.extend(core, tenant.controller.id, request.id, "user:1", "many sources")
    assert warnings.sweep(core) == 0
    clock.forward(20 * 86_400)
    assert warnings.sweep(core) == 1
    assert _notices()[-1] == "50 % of the time is over: access"


@sqlite
def test_nobody_is_warned_of_what_is_answered(
    core: Core, tenant: NewTenant, ask: Ask, clock: HandClock
) -> None:
    actions.reject(core, tenant.controller.id, ask().id, "user:1", "no_match")
    clock.forward(60 * 86_400)
    assert warnings.sweep(core) == 0


@sqlite
def test_a_clock_that_stands_still_is_looked_at_each_day(
    core: Core, tenant: NewTenant, ask: Ask, clock: HandClock
) -> None:
    request = ask(jurisdiction="UK")
    actions.hold(core, tenant.controller.id, request.id, "user:1", "clarification", "Which account?")
    for _ in range(60):
        clock.forward(86_400)
        assert warnings.sweep(core) == 0
    assert models.RightsRequest.get().due > "2099-05-01"


@sqlite
def test_a_wait_that_stops_no_clock_is_warned_of_like_any_other(
    core: Core, tenant: NewTenant, ask: Ask, clock: HandClock
) -> None:
    request = ask()
    actions.hold(core, tenant.controller.id, request.id, "user:1", "clarification", "Which shop?")
    told = []
    for day in range(1, 36):
        clock.forward(86_400)
        if warnings.sweep(core):
            told.append((day, models.RightsRequest.get().warned))
    assert told == [(16, 50), (26, 80), (31, 95), (32, 100)]


@sqlite
def test_one_that_nobody_can_count_keeps_no_other_waiting(core: Core, ask: Ask, clock: HandClock) -> None:
    ask()
    models.RightsRequest.update(due="some day").execute()
    ask()
    clock.forward(40 * 86_400)
    assert warnings.sweep(core) == 1


def test_two_sweeps_at_once_tell_it_once(core: Core, ask: Ask, clock: HandClock) -> None:
    for _ in range(5):
        ask()
    clock.forward(17 * 86_400)
    found = at_once(core, [lambda: warnings.sweep(core)] * 2)
    assert sum(int(str(one)) for one in found) == 5
    assert len(_notices()) == 5


@given(
    st.integers(0, 15 * 365 * 24).map(
        lambda hours: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    ),
    st.integers(0, 120),
    st.integers(-5, 130 * 24),
    st.sampled_from([0, 50, 80, 95, 100]),
    st.sampled_from(["UTC", "Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles"]),
)
def test_a_warning_is_never_repeated_and_never_lost(
    received: datetime, days: int, hours: int, warned: int, zone: str
) -> None:
    due, now = (
        date(received.year, received.month, received.day) + timedelta(days=days),
        received + timedelta(hours=hours),
    )
    warn_at, told = deadlines.warning(received, due, zone, now, warned)
    shares = dict(deadlines.moments_of(received, due, zone))
    reached = [share for share, at in shares.items() if at <= now]
    assert told <= warned
    if max(reached, default=0) > told:
        assert warn_at == now
    else:
        ahead = [at for share, at in shares.items() if share > told]
        assert warn_at == (ahead[0] if ahead else None)
