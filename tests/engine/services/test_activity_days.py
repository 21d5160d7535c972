"""Counting days: each activity once, however often and in whatever portions a process counts."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flow import HandClock

from dxflow.engine.core import Core
from dxflow.engine.services.subjects import activities, activity_days
from dxflow.engine.services.subjects.activity_days import Days, last
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Record = Callable[..., None]
ENOUGH = 60.0


@pytest.fixture
def record(core: Core, tenant: NewTenant) -> Record:
    """Records an activity at a time."""

    def make(at: datetime, basis: str = "contract", purpose: str = "orders") -> None:
        made = activities.record(
            core, tenant.controller.id, "key:1", activity_type="order", legal_basis=basis, purpose=purpose
        )
        row = models.ProcessingActivity
        row.update(created_at=at).where(row.id == made.id).execute()

    return make


def counted(days: Days, tenant: NewTenant, now: datetime, seconds: float = ENOUGH) -> list[int | None]:
    found = days.counted(tenant.controller.id, last(now, 4), now, seconds=seconds)
    return [None if one is None else one.total() for one in found.values()]


def test_what_was_counted_is_remembered_and_what_came_since_is_added(
    tenant: NewTenant, record: Record, clock: HandClock, statements: list[str]
) -> None:
    days, now = Days(), clock()
    for back in (0, 1, 1, 3):
        record(now - timedelta(days=back, hours=1))
    assert counted(days, tenant, now) == [1, 0, 2, 1]
    record(now + timedelta(seconds=10))
    later = now + timedelta(minutes=5)
    statements.clear()
    assert counted(days, tenant, later) == [1, 0, 2, 2]
    assert len(statements) == 2, "days that are over are asked about no more"


def test_what_isnt_settled_yet_is_counted_anew_and_never_twice(
    tenant: NewTenant, record: Record, clock: HandClock
) -> None:
    days, now = Days(), clock()
    for second in (1, 30, 59, 90, 200):
        record(now - timedelta(seconds=second))
    for later in range(0, 300, 20):
        assert counted(days, tenant, now + timedelta(seconds=later))[-1] == 5


def test_each_call_gets_further_and_says_which_days_it_didnt_reach(
    tenant: NewTenant, record: Record, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_days, "_FEW", 2)
    now = clock()
    for back in range(4):
        record(now - timedelta(days=back, hours=1))
    ticking = itertools.count()
    days = Days(clock=lambda: float(next(ticking)))
    seen = [counted(days, tenant, now, seconds=0.5)]
    while None in seen[-1] and len(seen) < 9:
        seen.append(counted(days, tenant, now, seconds=0.5))
    assert seen[0][-1] == 1
    assert [found.count(None) for found in seen] == sorted(
        (found.count(None) for found in seen), reverse=True
    )
    assert seen[-1] == [1, 1, 1, 1]


def test_a_month_with_few_activities_is_counted_at_once_and_as_day_by_day(
    tenant: NewTenant, record: Record, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock()
    for back, basis in itertools.product((0, 1, 2, 2, 5), ("consent", "contract")):
        record(now - timedelta(days=back, hours=3), basis)
    month = last(now, 30)
    at_once = Days(clock=lambda: float(next(ticking)))
    ticking = itertools.count()
    found = at_once.counted(tenant.controller.id, month, now, seconds=0)
    assert None not in found.values()
    monkeypatch.setattr(activity_days, "_FEW", 0)
    assert Days().counted(tenant.controller.id, month, now, seconds=ENOUGH) == found
    assert sum(one.total() for one in found.values() if one) == 10


def test_the_rarest_purposes_are_thrown_together_and_none_is_lost(
    tenant: NewTenant, record: Record, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(activity_days, "_NAMES", 3)
    now = clock()
    for number in range(6):
        for _ in range(number + 1):
            record(now - timedelta(days=1), purpose=f"purpose {number}")
    found = Days().counted(tenant.controller.id, last(now, 2), now, seconds=ENOUGH)
    counts = found[last(now, 2)[0]]
    assert counts == Counter(
        {("contract", f"purpose {number}"): number + 1 for number in (3, 4, 5)} | {("contract", ""): 6}
    )


def test_one_tenant_counts_nothing_of_another(
    core: Core, tenant: NewTenant, record: Record, clock: HandClock
) -> None:
    record(clock())
    found = Days().counted("919108f7-52d1-4320-9bac-f847db4148a8", last(clock(), 4), clock(), seconds=ENOUGH)
    assert all(not one for one in found.values())
