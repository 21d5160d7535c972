"""What the demo tells: counts from answers and events, and whatever didn't go as planned."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dxflow.http.demo import report
from dxflow.http.demo.client import Answer
from dxflow.http.demo.report import Report
from dxflow.http.demo.traffic import Expected, Planned

AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
GOOD = Planned(AT, "shopify", "orders/create", b"{}", "1")
POISON = replace(GOOD, delivery_id="2", poison=True)
FORGED = replace(GOOD, delivery_id="3", expected=Expected.REFUSED)


def event(event_id: str, state: str = "done", **changes: Any) -> dict[str, Any]:
    described = {
        "id": event_id,
        "source": "shopify",
        "topic": "orders/create",
        "workflow": "webhook",
        "step": "extract" if state == "failed" else "done",
        "state": state,
        "error": "the body does not fit" if state == "failed" else None,
        "history": [],
    }
    return described | changes


def made(*, planned: list[Planned], answers: list[Answer], events: list[dict[str, Any]]) -> Report:
    return report.make(5, "http://edge.example", planned, answers, events)


def test_traffic_that_went_as_planned_has_nothing_unexpected() -> None:
    found = made(
        planned=[GOOD, POISON, FORGED],
        answers=[Answer("accepted", "a"), Answer("accepted", "b"), Answer("refused")],
        events=[event("a"), event("b", "failed")],
    )
    assert found.unexpected == []
    assert found.as_json()["answers"] == {
        "accepted": 2,
        "duplicate": 0,
        "ignored": 0,
        "refused": 1,
        "probed": 0,
    }


def test_a_failed_event_is_told_with_its_error_and_the_address_to_see_it() -> None:
    found = made(planned=[POISON], answers=[Answer("accepted", "b")], events=[event("b", "failed")])
    assert found.failed == [
        {
            "id": "b",
            "topic": "shopify orders/create",
            "error": "the body does not fit",
            "url": "http://edge.example/dashboard/events/b",
        }
    ]


def test_another_answer_than_planned_is_unexpected() -> None:
    found = made(planned=[GOOD, GOOD], answers=[Answer("HTTP 503"), Answer("HTTP 503")], events=[])
    assert found.unexpected == ["2 × shopify orders/create: expected accepted, got HTTP 503"]


def test_a_forgery_that_is_accepted_is_unexpected() -> None:
    found = made(planned=[FORGED], answers=[Answer("accepted", "a")], events=[event("a")])
    assert found.unexpected == ["1 × shopify orders/create: expected refused, got accepted"]


def test_an_accepted_event_that_fails_or_waits_is_unexpected() -> None:
    events = [event("a", "failed"), event("b", "retrying", step="match")]
    found = made(
        planned=[GOOD, GOOD], answers=[Answer("accepted", "a"), Answer("accepted", "b")], events=events
    )
    assert found.unexpected == [
        "1 × webhook at step extract: expected done, is failed",
        "1 × webhook at step match: expected done, is retrying",
    ]


def test_an_accepted_event_that_is_nowhere_is_unexpected() -> None:
    found = made(planned=[GOOD], answers=[Answer("accepted", "lost")], events=[])
    assert found.unexpected == ["event lost was accepted and is nowhere"]


def test_poison_that_does_not_fail_is_unexpected() -> None:
    found = made(planned=[POISON], answers=[Answer("accepted", "b")], events=[event("b")])
    assert found.unexpected == ["the poisoned event b did not fail"]


def test_outcomes_are_counted_from_what_the_workflows_did() -> None:
    events = [
        event("1", topic="data_subjects.INSERT", workflow="data_subject"),
        event("2", topic="data_subjects.UPDATE", workflow="data_subject"),
        event("3", history=[{"step": "register", "outcome": "registered"}]),
        event("4", history=[{"step": "consent", "outcome": "synced"}]),
        event("5", history=[{"step": "consent", "outcome": "stale"}]),
        event("6", topic="rights_requests.INSERT", workflow="rights_request"),
    ]
    found = made(planned=[], answers=[], events=events)
    assert found.outcomes == {"subjects": 1, "activities": 1, "consents": 1, "rights_requests": 1}


def test_lines_for_people_name_every_failure_and_surprise() -> None:
    found = made(planned=[GOOD], answers=[Answer("accepted", "a")], events=[event("a", "failed")])
    told = "\n".join(f"{line['what']} {line['count']} {line['note']}" for line in found.lines())
    assert "Failed events 1" in told
    assert "shopify orders/create: the body does not fit" in told
    assert "http://edge.example/dashboard/events/failed" in told
    assert "expected done, is failed" in told
