"""Events: what came in and what became of it; replaying and discarding what failed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from callers import Caller
from flow import HandClock, Sender, customer

from dxflow.engine.core import Core
from dxflow.engine.services.traffic import event_search
from dxflow.engine.store import models

EVENTS = "/api/v1/events"


@pytest.fixture
def broken(shop: Sender, drain: Callable[[], int]) -> list[str]:
    """Three deliveries that failed, oldest first."""
    ids = [shop.send("customers/create", {"id": None, "number": n}).event_id for n in range(3)]
    drain()
    assert {models.Event.get(id=one).state for one in ids} == {"failed"}
    return ids


def test_an_event_has_the_contracts_shape(api: Caller, shop: Sender, drain: Callable[[], int]) -> None:
    event_id = shop.send("customers/create", customer()).event_id
    drain()
    event = api.get(f"{EVENTS}/{event_id}").json()
    assert set(event) == {
        "id", "source", "topic", "workflow", "step", "state", "attempts", "error", "next_attempt_at",
        "received_at", "history", "trust",
    }  # fmt: skip
    assert (event["source"], event["topic"]) == ("shopify", "customers/create")
    assert (event["state"], event["error"], event["next_attempt_at"]) == ("done", None, None)
    assert [entry["step"] for entry in event["history"]] == ["extract", "match", "log"]
    assert "person1" not in api.get(EVENTS).text


def test_events_are_filtered_and_blank_filters_count_for_nothing(
    api: Caller, shop: Sender, broken: list[str]
) -> None:
    def ids(query: str) -> list[str]:
        return [event["id"] for event in api.listed(f"{EVENTS}?limit=200&{query}")]

    assert ids("state=failed") == broken[::-1]
    assert ids("source=shopify") == broken[::-1]
    assert ids("source=stripe") == []
    assert ids(f"q={broken[1]}") == [broken[1]]
    assert ids("q=customers/create&state=failed") == broken[::-1]
    assert ids("q=%25") == []
    assert len(ids("state=&source=&q=")) > len(broken)
    assert api.get(f"{EVENTS}?state=lost").status_code == 422


def test_events_are_paged_newest_first(api: Caller, broken: list[str]) -> None:
    first = api.get(f"{EVENTS}?state=failed&limit=2").json()
    rest = api.get(f"{EVENTS}?state=failed&limit=2&cursor={first['next_cursor']}").json()
    assert [event["id"] for event in first["items"] + rest["items"]] == broken[::-1]
    assert rest["next_cursor"] is None


@pytest.mark.parametrize(
    ("query", "found"), [("q=customers", True), ("source=shopify", True), ("q=nothing-like-it", False)]
)
def test_an_answer_looks_at_so_many_events_says_how_far_and_goes_on_there(
    api: Caller, broken: list[str], monkeypatch: pytest.MonkeyPatch, query: str, found: bool
) -> None:
    monkeypatch.setattr(event_search, "WINDOW", 2)
    seen, page = list[str](), api.get(f"{EVENTS}?{query}").json()
    assert page["next_cursor"] is not None
    while page["next_cursor"] is not None:
        assert len(page["items"]) <= 2
        assert page["looked_back_to"].endswith("Z")
        seen += [one["id"] for one in page["items"]]
        page = api.get(f"{EVENTS}?{query}&cursor={page['next_cursor']}").json()
    seen += [one["id"] for one in page["items"]]
    assert page["looked_back_to"] is None
    assert seen == (broken[::-1] if found else [])


def test_a_waiting_event_says_when_it_is_tried_again(api: Caller, shop: Sender, clock: HandClock) -> None:
    event_id = shop.send("customers/create", customer()).event_id
    due = models.Event.get(id=event_id).due_at
    models.Event.update(state="retrying", attempts=2).where(models.Event.id == event_id).execute()
    event = api.get(f"{EVENTS}/{event_id}").json()
    assert event["next_attempt_at"] == due.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_a_failed_event_is_replayed_once(api: Caller, broken: list[str], core: Core) -> None:
    core.bell.clear()
    answer = api.post(f"{EVENTS}/{broken[0]}/replay")
    assert answer.status_code == 200
    event = answer.json()
    assert (event["state"], event["attempts"], event["error"]) == ("received", 0, None)
    assert event["history"][-1]["actor"].startswith("key:")
    assert core.bell.is_set()
    assert api.post(f"{EVENTS}/{broken[0]}/replay").status_code == 409


def test_an_event_is_discarded_for_a_reason_that_stays_with_it(api: Caller, broken: list[str]) -> None:
    path = f"{EVENTS}/{broken[0]}/discard"
    for body in ({"reason": ""}, {"reason": " \t"}, {"reason": None}, {"reason": "x" * 501}):
        assert api.post(path, body).status_code == 422
    event = api.post(path, {"reason": "a test delivery"}).json()
    assert (event["state"], event["history"][-1]["reason"]) == ("discarded", "a test delivery")
    assert api.post(path, {"reason": "again"}).status_code == 409
    other = api.post(f"{EVENTS}/{broken[1]}/discard").json()
    assert other["history"][-1]["reason"] == "no reason given"


def test_all_failed_events_are_replayed_when_asked_so(api: Caller, broken: list[str]) -> None:
    assert api.post(f"{EVENTS}/replay", {"state": "failed"}).json() == {"replayed": 3}
    assert api.listed(f"{EVENTS}?state=failed") == []
    assert api.post(f"{EVENTS}/replay").json() == {"replayed": 0}


def test_a_bulk_replay_takes_what_fits_every_condition(api: Caller, broken: list[str]) -> None:
    def replayed(**body: object) -> int:
        answer = api.post(f"{EVENTS}/replay", body)
        assert answer.status_code == 200, answer.text
        return int(answer.json()["replayed"])

    assert replayed(error="no such text in any error") == 0
    assert replayed(since="2199-01-01T00:00:00Z") == 0
    assert replayed(ids=[broken[0]], since="2026-01-01T00:00:00Z") == 1
    assert replayed(ids=[]) == 0
    assert replayed(state="failed", since="2026-01-01T00:00:00Z") == 2


@pytest.mark.parametrize(
    "body", [{"state": "done"}, {"ids": ["x"]}, {"since": "today"}, {"error": ""}, {"all": True}]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_bulk_replay_with_an_unclear_condition_is_refused(
    api: Caller, broken: list[str], body: object
) -> None:
    assert api.post(f"{EVENTS}/replay", body).status_code == 422
    assert len(api.listed(f"{EVENTS}?state=failed")) == 3


def test_a_stranger_neither_sees_nor_moves_events(stranger: Caller, broken: list[str]) -> None:
    assert stranger.listed(f"{EVENTS}?source=shopify") == []
    assert stranger.get(f"{EVENTS}/{broken[0]}").status_code == 404
    assert stranger.post(f"{EVENTS}/{broken[0]}/replay").status_code == 404
    assert stranger.post(f"{EVENTS}/{broken[0]}/discard", {"reason": "mine"}).status_code == 404
    assert stranger.post(f"{EVENTS}/replay", {"ids": broken}).json() == {"replayed": 0}
    assert {models.Event.get(id=one).state for one in broken} == {"failed"}
