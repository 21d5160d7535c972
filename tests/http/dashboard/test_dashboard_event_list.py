"""The list of events: filters in the address, chips that take them off, and what is said of wrong ones."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from flow import Sender, customer, drain
from visitors import Visitor

from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import event_search
from dxflow.engine.store import models
from dxflow.http.dashboard.traffic import drawing

EVENTS = "/dashboard/events"


@pytest.fixture
def sender(core: Core, tenant: NewTenant) -> Sender:
    return Sender(core, tenant.controller.id)


@pytest.fixture
def some(core: Core, sender: Sender) -> list[models.Event]:
    """Two that went through and one that failed."""
    for number in (1, 2):
        sender.send("customers/create", customer(number))
    sender.send("customers/update", {"error": "not a customer"})
    drain(core)
    query = models.Event.select().where(models.Event.workflow == "webhook")
    return list(query.order_by(models.Event.seq))


def listed(page: Visitor) -> list[str]:
    return re.findall(r'class="subject" href="/dashboard/events/([0-9a-f-]{36})"', page.page.text)


@contextmanager
def counted(core: Core, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that run meanwhile."""
    ran, run = list[str](), type(core.store.database).execute_sql

    def execute(self: object, sql: str, *more: object) -> object:
        ran.append(sql)
        return run(self, sql, *more)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(type(core.store.database), "execute_sql", execute)
        yield ran


def test_filters_stand_in_the_address_and_as_chips_that_take_them_off(
    dpo: Visitor, sender: Sender, some: list[models.Event]
) -> None:
    connector = sender.connector.id
    dpo.get(f"{EVENTS}?connector={connector}&topic=customers/create&from=2099-01-01T00:00&q=create")
    assert listed(dpo) == [some[1].id, some[0].id]
    chips = re.findall(
        r'class="chip" href="([^"]+)"><span class="dim">([^<]+)</span> ([^<]+)<', dpo.page.text
    )
    assert [(label, text) for _, label, text in chips] == [
        ("Connector", sender.connector.name),
        ("Topic", "customers/create"),
        ("Received from", "2099-01-01 00:00 UTC"),
        ("Contains", "create"),
    ]
    without_topic = html.unescape(chips[1][0])
    assert "topic" not in without_topic
    assert f"connector={connector}" in without_topic
    dpo.get(without_topic.replace("q=create", "q=customers"))
    assert some[2].id in listed(dpo)
    assert 'href="/dashboard/events">Clear all' in dpo.page.text


def test_a_forms_empty_fields_leave_the_address(dpo: Visitor, some: list[models.Event]) -> None:
    dpo.get(f"{EVENTS}?q=&source=shopify&connector=&topic=&from=&to=&workflow=")
    assert dpo.page.url.endswith("/dashboard/events?source=shopify")
    assert len(listed(dpo)) == 3


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("state=lost", "There is no state “lost”. There are received, running"),
        ("source=fax", "There is no source “fax”."),
        ("connector=x", "There is no such connector here."),
        ("connector=919108f7-52d1-4320-9bac-f847db4148a8", "There is no such connector here."),
        ("workflow=magic", "There is no workflow “magic”."),
        ("workflow=webhook&step=magic", "There is no step “magic”. There are extract"),
        ("step=extract", "A step is one of a workflow"),
        ("from=yesterday", "This is not a time. Write it like 2026-11-30T14:05, in UTC."),
        ("to=2026-11-31", "This is not a time."),
        ("from=2026-11-30&to=2026-11-29", "This is not after the beginning."),
        ("error=%00", "This must be 500 characters at most."),
        ("q=%00", "This must be 500 characters at most, on one line."),
        (f"topic={'x' * 501}", "This must be 500 characters at most, on one line."),
    ],
)
def test_a_wrong_value_is_told_beside_its_field_and_nothing_is_listed(
    dpo: Visitor, some: list[models.Event], query: str, words: str
) -> None:
    assert dpo.get(f"{EVENTS}?{query}").status_code == 422
    assert words in dpo.text
    assert 'class="error"' in dpo.page.text
    assert "Nothing was looked for" in dpo.text
    assert listed(dpo) == []


def test_another_controllers_connector_is_no_connector_here(dpo: Visitor, core: Core) -> None:
    other = Sender(core, tenants.create(core, "Other Shop", "FR").controller.id)
    other.send("customers/create", customer())
    assert dpo.get(f"{EVENTS}?connector={other.connector.id}").status_code == 422


def test_a_day_in_the_end_is_included(dpo: Visitor, some: list[models.Event]) -> None:
    day = f"{some[0].received_at:%Y-%m-%d}"
    dpo.get(f"{EVENTS}?from={day}&to={day}&source=shopify")
    assert len(listed(dpo)) == 3


def test_how_far_it_looked_is_said_with_a_door_further_back(
    dpo: Visitor, some: list[models.Event], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_search, "WINDOW", 2)
    dpo.get(f"{EVENTS}?topic=customers/create")
    pages, seen = 1, listed(dpo)
    while further := re.search(r'href="([^"]+)">Look further back', dpo.page.text):
        assert "2 events were looked through, back to" in dpo.text
        dpo.get(html.unescape(further[1]))
        pages, seen = pages + 1, seen + listed(dpo)
    assert seen == [some[1].id, some[0].id]
    assert pages > 2


def test_only_the_first_page_is_live(dpo: Visitor, some: list[models.Event]) -> None:
    assert '<div id="events" data-live>' in dpo.get(EVENTS).text
    assert '<div id="events">' in dpo.get(f"{EVENTS}?before=999999").text


@pytest.mark.parametrize("path", ["/events", "/events?state=failed", "/events/failed"])
def test_no_page_asks_more_often_for_more_events(
    dpo: Visitor, core: Core, sender: Sender, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    counts = []
    for more in (2, 20):
        for number in range(more):
            sender.send("customers/update", {"error": number})
        drain(core)
        dpo.get(f"/dashboard{path}")
        with counted(core, monkeypatch) as ran:
            assert dpo.get(f"/dashboard{path}").status_code == 200
        counts.append(len(ran))
    assert counts[0] == counts[1] > 0


def test_the_drawn_way_marks_what_was_taken_what_may_come_and_what_will_not(
    core: Core, some: list[models.Event]
) -> None:
    through, failed = drawing.of(some[0]), drawing.of(some[2])
    assert through is not None
    assert failed is not None
    assert [one.tone for one in through.stations] == ["good"] * 4 + ["closed"] * 3 + ["good"]
    assert [one.tone for one in failed.stations] == ["good", "bad"] + ["ahead"] * 6
    assert "1 attempt failed" in failed.stations[1].notes
    assert sum(track.tone == "taken" for track in through.tracks) == 4
    assert sum(track.tone == "taken" for track in failed.tracks) == 1


def test_a_step_of_another_version_is_not_drawn(some: list[models.Event]) -> None:
    some[0].step = "transmogrify"
    assert drawing.of(some[0]) is None
    some[0].workflow = "magic"
    assert drawing.of(some[0]) is None


def test_every_workflow_can_be_drawn_with_room_for_each_station() -> None:
    for workflow, table in drawing.machine.WORKFLOWS.items():
        for step in table:
            event = models.Event(
                workflow=workflow, step=step, state="running", history=[],
                received_at=drawing.moments.system_clock(), updated_at=drawing.moments.system_clock(),
            )  # fmt: skip
            drawn = drawing.of(event)
            assert drawn is not None
            assert len({(one.x, one.y) for one in drawn.stations}) == len(table) + 2
            assert all(0 < one.x < drawn.width and 0 < one.y < drawn.height for one in drawn.stations)


def test_the_picture_is_for_the_eye_alone_and_the_list_says_it(
    dpo: Visitor, some: list[models.Event]
) -> None:
    dpo.get(f"{EVENTS}/{some[0].id}")
    assert re.search(r'<svg width="\d+" height="\d+" viewBox="[^"]+" aria-hidden="true"', dpo.page.text)
    assert "Step by step" in dpo.text


def test_attempts_that_ended_alike_are_told_once(
    dpo: Visitor, core: Core, some: list[models.Event], drain: Callable[[], int]
) -> None:
    tried = [
        {"at": "2099-03-02T09:00:00.000Z", "step": "extract", "attempt": n, "error": "no"} for n in (1, 2, 3)
    ]
    tried.append({**tried[0], "attempt": 4, "error": "other"})
    models.Event.update(history=tried).where(models.Event.id == some[2].id).execute()
    dpo.get(f"{EVENTS}/{some[2].id}")
    assert "Attempts 1 to 3: No." in dpo.text
    assert "Attempt 4: Other." in dpo.text


def test_what_nobody_handles_says_so(dpo: Visitor, sender: Sender) -> None:
    sent = sender.send("products/create", {"id": 1})
    dpo.get(f"{EVENTS}/{sent.event_id}")
    assert "Stored, and nothing followed" in dpo.text


def test_what_followed_about_the_same_person_is_a_door(dpo: Visitor, some: list[models.Event]) -> None:
    dpo.get(f"{EVENTS}/{some[0].id}")
    following = models.Event.get(
        models.Event.workflow == "processing_activity",
        models.Event.subject_id == some[0].subject_id,
    )
    assert "Next about this data subject" in dpo.text
    assert f'href="/dashboard/events/{following.id}"' in dpo.page.text
