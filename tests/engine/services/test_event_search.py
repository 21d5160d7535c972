"""Finding events: every condition, pages without gaps, and a window that says how far it looked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flow import HandClock, Sender, customer, drain, events

from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import event_search
from dxflow.engine.services.traffic.event_search import Filters
from dxflow.engine.store import models


@pytest.fixture
def traffic(
    core: Core, clock: HandClock, shopify: Sender, connect: Callable[..., Sender]
) -> list[models.Event]:
    """Deliveries of two platforms, a minute apart, some of which failed; oldest first."""
    other = connect("shopify")
    for number in range(12):
        if number % 3 == 0:
            shopify.send("customers/update", {"error": number})
        else:
            (other if number % 2 else shopify).send("customers/create", customer(number))
        drain(core)
        clock.forward(60)
    return events("webhook")


def found(tenant: NewTenant, limit: int = 50, **filters: Any) -> list[str]:
    """Ids, newest first."""
    return [
        one.id for one in event_search.search(tenant.controller.id, Filters(**filters), limit=limit).events
    ]


def test_each_condition_finds_what_a_look_at_every_event_would(
    tenant: NewTenant, traffic: list[models.Event]
) -> None:
    every = sorted(events(), key=lambda event: -event.seq)
    middle = traffic[6]
    truths: list[tuple[dict[str, Any], Callable[[models.Event], bool]]] = [
        ({}, lambda _: True),
        ({"state": "failed"}, lambda one: one.state == "failed"),
        ({"state": "done"}, lambda one: one.state == "done"),
        ({"source": "database"}, lambda one: one.source == "database"),
        ({"connector_id": middle.connector_id}, lambda one: one.connector_id == middle.connector_id),
        ({"topic": "customers/create"}, lambda one: one.topic == "customers/create"),
        ({"workflow": "data_subject"}, lambda one: one.workflow == "data_subject"),
        ({"since": middle.received_at}, lambda one: one.received_at >= middle.received_at),
        ({"until": middle.received_at}, lambda one: one.received_at < middle.received_at),
        ({"q": "SHAPE of"}, lambda one: "shape of" in (one.error or "")),
        ({"q": "customers/cr"}, lambda one: "customers/cr" in one.topic),
        ({"q": middle.id.upper()}, lambda one: one.id == middle.id),
        ({"q": "100%_"}, lambda _: False),
    ]
    for filters, holds in truths:
        assert found(tenant, 200, **filters) == [one.id for one in every if holds(one)], filters
    for first, one in truths[1:10]:
        for second, other in truths[1:10]:
            if not first.keys() & second.keys():
                wanted = [event.id for event in every if one(event) and other(event)]
                assert found(tenant, 200, **first, **second) == wanted, (first, second)


def test_a_cause_is_found_by_its_three_parts(tenant: NewTenant, traffic: list[models.Event]) -> None:
    failed = traffic[0]
    cause = {"workflow": failed.workflow, "step": failed.step, "error": failed.error}
    wanted = [one.id for one in reversed(traffic) if one.state == "failed"]
    assert found(tenant, state="failed", **cause) == wanted
    assert found(tenant, state="failed", **{**cause, "error": "another"}) == []


@pytest.mark.parametrize("filters", [{}, {"state": "failed"}, {"topic": "customers/create"}])
def test_pages_follow_each_other_without_gap_or_repetition(
    tenant: NewTenant, traffic: list[models.Event], filters: dict[str, str]
) -> None:
    seen, before = list[str](), None
    while True:
        page = event_search.search(tenant.controller.id, Filters(**filters), limit=3, before=before)
        seen += [one.id for one in page.events]
        if page.older is None:
            break
        before = page.older
    assert seen == found(tenant, 200, **filters)


def test_a_window_that_ends_before_all_were_looked_at_says_so_and_goes_on(
    tenant: NewTenant, traffic: list[models.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_search, "WINDOW", 4)
    wish = Filters(topic="customers/create", source="shopify")
    seen, before, windows = list[str](), None, 0
    while True:
        page = event_search.search(tenant.controller.id, wish, limit=50, before=before)
        seen += [one.id for one in page.events]
        if page.looked_back_to is None:
            break
        last = models.Event.get(seq=page.older)
        assert page.looked_back_to == last.received_at
        before, windows = page.older, windows + 1
    assert windows > 3
    assert seen == [one.id for one in reversed(traffic) if one.topic == "customers/create"]


def test_writers_that_overtook_each_other_are_still_found_by_time(
    tenant: NewTenant, traffic: list[models.Event]
) -> None:
    late = traffic[3]
    early = late.received_at - timedelta(minutes=30)
    models.Event.update(received_at=early).where(models.Event.id == late.id).execute()
    assert found(tenant, since=early, until=early + timedelta(minutes=1)) == [late.id]


def test_nobody_elses_events_are_found(core: Core, traffic: list[models.Event]) -> None:
    other = tenants.create(core, "Other", "FR")
    failed = traffic[0]
    for filters in (
        {"q": failed.id},
        {"state": "failed"},
        {"connector_id": failed.connector_id},
        {"q": "shape"},
    ):
        assert found(other, **filters) == [], filters
