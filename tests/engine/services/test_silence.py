"""Connectors that fell silent."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import pytest
from flow import HandClock, delivered

from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors.silence import ENOUGH, NEWEST, Rhythm, rhythm
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def every(gap: timedelta, count: int, until: datetime) -> list[datetime]:
    return [until - gap * number for number in reversed(range(count))]


@pytest.mark.parametrize(
    ("gap", "quiet_for", "silent"),
    [
        (MINUTE, timedelta(minutes=59), False),
        (MINUTE, timedelta(minutes=61), True),
        (HOUR, timedelta(hours=5, minutes=59), False),
        (HOUR, timedelta(hours=6, minutes=1), True),
    ],
)
def test_a_connector_is_silent_after_six_of_its_usual_gaps_and_never_within_an_hour(
    core: Core, tenant: NewTenant, clock: HandClock, gap: timedelta, quiet_for: timedelta, silent: bool
) -> None:
    last = clock.now - quiet_for
    connector = delivered(core, tenant.controller.id, every(gap, 20, last))
    assert rhythm(tenant.controller.id, clock.now) == {connector: Rhythm(last, gap, silent)}


def test_few_deliveries_tell_nothing_and_none_at_all_even_less(
    core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    long_ago = clock.now - 1000 * HOUR
    few = delivered(core, tenant.controller.id, every(MINUTE, ENOUGH - 1, long_ago))
    none = delivered(core, tenant.controller.id, [])
    found = rhythm(tenant.controller.id, clock.now)
    assert found == {few: Rhythm(long_ago, None, False), none: Rhythm(None, None, False)}


def test_one_night_among_many_gaps_does_not_change_what_is_usual(
    core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    last = clock.now - 2 * HOUR
    evening = every(MINUTE, 20, last - 9 * HOUR)
    connector = delivered(core, tenant.controller.id, evening + every(MINUTE, 20, last))
    assert rhythm(tenant.controller.id, clock.now)[connector] == Rhythm(last, MINUTE, True)


def test_only_the_newest_deliveries_tell_what_is_usual(
    core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    busy_once = every(timedelta(seconds=1), 200, clock.now - 1000 * HOUR)
    calm_now = every(2 * HOUR, NEWEST, clock.now)
    connector = delivered(core, tenant.controller.id, busy_once + calm_now)
    assert rhythm(tenant.controller.id, clock.now)[connector].usual == 2 * HOUR


def test_a_disabled_connector_is_not_silent(core: Core, tenant: NewTenant, clock: HandClock) -> None:
    connector = delivered(core, tenant.controller.id, every(MINUTE, 20, clock.now - 24 * HOUR))
    models.Connector.update(disabled_at=clock.now).execute()
    assert not rhythm(tenant.controller.id, clock.now)[connector].silent


def test_another_tenants_connectors_are_not_told(core: Core, tenant: NewTenant, clock: HandClock) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    delivered(core, other, every(MINUTE, 20, clock.now))
    assert rhythm(tenant.controller.id, clock.now) == {}


def test_one_statement_tells_all_of_them(
    core: Core, tenant: NewTenant, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(7):
        delivered(core, tenant.controller.id, every(MINUTE, 60, clock.now))
    with caplog.at_level(logging.DEBUG, logger="peewee"):
        found = rhythm(tenant.controller.id, clock.now)
    assert len(found) == 7
    assert len([record for record in caplog.records if record.name == "peewee"]) == 1


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_it_steps_through_one_index_also_with_statistics(
    core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    for _ in range(3):
        delivered(core, tenant.controller.id, every(MINUTE, 60, clock.now))
    core.store.database.execute_sql("ANALYZE")
    asked: list[str] = []
    connection = core.store.database.connection()
    connection.set_trace_callback(asked.append)
    rhythm(tenant.controller.id, clock.now)
    connection.set_trace_callback(None)
    plan = [row[3] for row in core.store.database.execute_sql(f"EXPLAIN QUERY PLAN {asked[0]}").fetchall()]
    steps = "INDEX events_connector (tenant_id=? AND connector_id=? AND seq<?)"
    assert any(steps in line for line in plan), plan
    assert not [line for line in plan if "TEMP B-TREE" in line]
