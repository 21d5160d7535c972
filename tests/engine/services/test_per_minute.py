"""What happened in each minute of the last hour."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta

import pytest
from flow import HandClock

from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import per_minute
from dxflow.engine.services.traffic.per_minute import MINUTES, Counts, PerMinute
from dxflow.engine.store import models, quick

MINUTE = timedelta(minutes=1)


@pytest.fixture
def now(core: Core, tenant: NewTenant, clock: HandClock) -> datetime:
    """Some seconds into a minute, with no event of anybody."""
    models.Event.delete().execute()
    return clock.now.replace(second=30, microsecond=0)


def happen(
    tenant_id: str, received: datetime, state: str = "received", ended: datetime | None = None
) -> None:
    quick.insert(
        models.Event,
        {
            "id": str(uuid.uuid4()),
            "tenant_id": tenant_id,
            "source": "shopify",
            "topic": "orders/create",
            "workflow": "webhook",
            "step": "done" if state == "done" else "extract",
            "state": state,
            "due_at": None,
            "received_at": received,
            "updated_at": ended or received,
        },
    )


def test_events_are_counted_in_the_minute_of_their_receipt_and_of_their_end(
    core: Core, tenant: NewTenant, now: datetime
) -> None:
    mine = tenant.controller.id
    happen(mine, now - 5 * MINUTE, "done", now - 3 * MINUTE)
    happen(mine, now - 5 * MINUTE, "failed", now)
    happen(mine, now)
    happen(mine, now - MINUTES * MINUTE, "done")  # before the hour
    hour = PerMinute(core).last_hour(mine, now)
    assert len(hour.begins) == len(hour.counts) == MINUTES
    assert hour.begins[-1] == now.replace(second=0)
    told = {MINUTES - 1 - at: counts for at, counts in enumerate(hour.counts) if any(counts)}
    assert told == {5: Counts(2, 0, 0), 3: Counts(0, 1, 0), 0: Counts(1, 0, 1)}
    assert hour.total == Counts(3, 1, 1)
    assert sum(hour.of("done")) == 1


def test_a_minute_ends_where_the_next_begins(core: Core, tenant: NewTenant, now: datetime) -> None:
    edge = now.replace(second=0)
    for moment in (edge - timedelta(milliseconds=1), edge):
        happen(tenant.controller.id, moment)
    assert PerMinute(core).last_hour(tenant.controller.id, now).of("received")[-2:] == [1, 1]


def test_another_tenants_events_are_not_counted(core: Core, tenant: NewTenant, now: datetime) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    models.Event.delete().execute()
    happen(other, now, "done")
    assert PerMinute(core).last_hour(tenant.controller.id, now).total == Counts(0, 0, 0)
    assert PerMinute(core).last_hour(other, now).total == Counts(1, 1, 0)


def test_minutes_that_are_over_are_counted_once_and_the_newest_each_time(
    core: Core, tenant: NewTenant, now: datetime
) -> None:
    mine, look = tenant.controller.id, PerMinute(core).last_hour
    happen(mine, now - 30 * MINUTE, "failed")
    assert look(mine, now).total == Counts(1, 0, 1)
    models.Event.update(state="done").execute()  # it is replayed; what was counted stays
    for back in range(3):
        happen(mine, now - back * MINUTE)
    assert look(mine, now).total == Counts(4, 0, 1)
    assert look(mine, now + MINUTE).of("received")[-4:] == [1, 1, 1, 0]
    assert look(mine, now + 59 * MINUTE).total == Counts(1, 0, 0), "the hour has moved on"


def test_it_is_one_statement_and_its_later_ones_ask_for_less(
    core: Core, tenant: NewTenant, now: datetime, caplog: pytest.LogCaptureFixture
) -> None:
    look, mine = PerMinute(core).last_hour, tenant.controller.id
    sizes = []
    for _ in range(3):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, logger="peewee"):
            look(mine, now)
        (asked,) = [record.getMessage() for record in caplog.records if record.name == "peewee"]
        sizes.append(len(asked))
    assert sizes[1] == sizes[2] < sizes[0] / 4


def test_of_so_many_tenants_only_are_minutes_remembered(
    core: Core, tenant: NewTenant, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_minute, "_TENANTS", 2)
    counts = PerMinute(core)
    ids = [str(uuid.uuid4()) for _ in range(5)]
    for one in ids:
        counts.last_hour(one, now)
    counts.last_hour(ids[3], now)
    counts.last_hour(ids[0], now)
    assert list(counts._tenants) == [ids[3], ids[0]]


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_each_minute_is_a_range_in_an_index(core: Core, tenant: NewTenant, now: datetime) -> None:
    asked: list[str] = []
    connection = core.store.database.connection()
    connection.set_trace_callback(asked.append)
    PerMinute(core).last_hour(tenant.controller.id, now)
    connection.set_trace_callback(None)
    (statement,) = asked
    plan = [row[3] for row in core.store.database.execute_sql(f"EXPLAIN QUERY PLAN {statement}").fetchall()]
    ranges = [line for line in plan if "events" in line]
    assert len(ranges) == 3
    assert all("COVERING INDEX" in line and ">? AND" in line for line in ranges), ranges
