"""Rights requests through the API: queued with their legal clock, listed without a name."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from callers import Caller

from dxflow.engine.store import models

REQUESTS = "/api/v1/rights-requests"
ACCESS = {
    "type": "access",
    "subject": {"email": "ada@example.com", "name": "Ada Byron"},
    "received_at": "2026-02-02T09:00:00Z",
    "details": "Tell me all.\nEverything.",
}


def test_a_request_comes_with_its_clock_in_the_tenants_jurisdiction(api: Caller) -> None:
    answer = api.post(REQUESTS, ACCESS)
    assert answer.status_code == 201
    request = answer.json()
    assert (request["state"], request["regime"], request["jurisdiction"]) == ("received", "gdpr", "DE")
    assert (request["received_at"], request["due"]) == ("2026-02-02T09:00:00.000Z", "2026-03-02")
    assert request["acknowledge_by"] is None
    assert all(set(step) == {"date", "what", "why", "citation"} for step in request["clock"])
    assert request["clock"][0]["date"] == "2026-02-02"


def test_another_jurisdiction_has_another_clock(api: Caller) -> None:
    request = api.post(REQUESTS, {**ACCESS, "jurisdiction": "US-CA"}).json()
    assert (request["regime"], request["due"]) == ("ccpa", "2026-03-19")
    assert request["acknowledge_by"] == "2026-02-17"


def test_a_known_person_is_joined_and_an_unknown_one_is_not_created(api: Caller) -> None:
    person = api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"]
    assert api.post(REQUESTS, ACCESS).json()["subject_id"] == person
    assert api.post(REQUESTS, {**ACCESS, "subject": {"name": "Bob"}}).json()["subject_id"] is None
    assert models.DataSubject.select().count() == 1


def test_lists_name_nobody_and_the_record_shows_who_asked_what(api: Caller) -> None:
    made = api.post(REQUESTS, ACCESS).json()
    listed = api.get(REQUESTS)
    assert listed.json()["items"] == [made]
    assert not re.search(r"\bada\b", listed.text, re.IGNORECASE)
    record = api.get(f"{REQUESTS}/{made['id']}").json()
    assert record["subject"] == {"email": "ada@example.com", "phone": None, "name": "Ada Byron"}
    assert record["details"] == ACCESS["details"]
    assert {name: record[name] for name in made} == made


def test_a_request_is_in_the_log_and_told_to_the_team_without_a_name(
    api: Caller, drain: Callable[[], int]
) -> None:
    made = api.post(REQUESTS, ACCESS).json()
    drain()
    (notice,) = api.listed("/api/v1/notifications")
    assert (notice["kind"], notice["entity_id"]) == ("rights_request.received", made["id"])
    entries = api.listed("/api/v1/audit/entries?limit=200")
    assert made["id"] in [
        entry["leaf"].get("request") for entry in entries if entry["kind"] == "rights_request.created"
    ]
    assert not re.search(
        r"\bada\b", json.dumps([notice, entries]), re.IGNORECASE
    )  # hexadecimal digits may spell it


def test_requests_are_listed_by_state(api: Caller) -> None:
    api.post(REQUESTS, ACCESS)
    assert len(api.listed(f"{REQUESTS}?state=received")) == 1
    assert api.listed(f"{REQUESTS}?state=completed") == []
    assert api.get(f"{REQUESTS}?state=forgotten").status_code == 422


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "acess"}, "type"),
        ({"type": None}, "type"),
        ({"subject": {}}, "subject"),
        ({"subject": None}, "subject"),
        ({"subject": {"email": "nonsense"}}, "subject.email"),
        ({"subject": {"email": "ada@example.com", "age": 3}}, "subject.age"),
        ({"jurisdiction": "CA"}, "jurisdiction"),
        ({"jurisdiction": "DE-XX"}, "jurisdiction"),
        ({"received_at": "2199-01-01T00:00:00Z"}, "received_at"),
        ({"received_at": "1999-01-01T00:00:00Z"}, "received_at"),
        ({"received_at": "soon"}, "received_at"),
        ({"details": "x" * 10_001}, "details"),
        ({"details": {"a": "b"}}, "details"),
        ({"state": "completed"}, "state"),
    ],
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_what_is_not_as_it_must_be_is_refused_by_name(
    api: Caller, change: dict[str, object], field: str
) -> None:
    answer = api.post(REQUESTS, {**ACCESS, **change})
    a_time = str(change.get("received_at")).endswith("Z")
    assert answer.status_code == (409 if a_time else 422), "what fits the schema doesn't fit how things stand"
    assert [fault["field"] for fault in answer.json()["errors"]] == [field]
    assert models.RightsRequest.select().count() == 0
