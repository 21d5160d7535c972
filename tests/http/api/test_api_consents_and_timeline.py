"""Consents with their history, and everything that happened to one person's data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from bodies import email_state
from callers import Caller
from flow import HandClock, Sender, customer

from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


@pytest.fixture
def person(api: Caller) -> str:
    return str(api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"])


@pytest.fixture
def state(core: Core, tenant: NewTenant, person: str) -> Callable[..., str]:
    """Writes down one statement of the person's and returns its id."""

    def write(state: str, channel: str = "email", at: str = "2026-02-01T10:00:00.000Z") -> str:
        statement = models.Consent.create(
            id=core.new_id(),
            tenant_id=tenant.controller.id,
            subject_id=person,
            purpose="direct marketing",
            channel=channel,
            state=state,
            source="shopify",
            evidence={"state": "subscribed"},
            occurred_at=at,
            recorded_at=core.clock(),
        )
        return str(statement.id)

    return write


def test_the_newest_statement_holds_and_the_others_are_its_history(
    api: Caller, person: str, state: Callable[..., str]
) -> None:
    granted = state("granted", at="2026-02-01T10:00:00.000Z")
    withdrawn = state("withdrawn", at="2026-02-03T10:00:00.000Z")
    older = state("pending", at="2026-01-01T10:00:00.000Z")
    state("granted", channel="sms")
    sms, email = api.listed(f"/api/v1/consents?subject_id={person}")
    assert (sms["channel"], sms["state"], len(sms["history"])) == ("sms", "granted", 1)
    assert (email["channel"], email["state"]) == ("email", "withdrawn")
    assert [one["id"] for one in email["history"]] == [withdrawn, granted, older]
    assert email["history"][0]["occurred_at"] == email["occurred_at"] == "2026-02-03T10:00:00.000Z"
    assert email["history"][0]["evidence"] == {"state": "subscribed"}


def test_consents_of_all_people_are_paged(api: Caller, state: Callable[..., str]) -> None:
    for channel in ("email", "sms", "all"):
        state("granted", channel=channel)
    first = api.get("/api/v1/consents?limit=2").json()
    rest = api.get(f"/api/v1/consents?limit=2&cursor={first['next_cursor']}").json()
    assert [one["channel"] for one in first["items"] + rest["items"]] == ["all", "sms", "email"]
    assert rest["next_cursor"] is None


def test_consents_of_a_foreign_person_are_not_found(
    stranger: Caller, person: str, state: Callable[..., str]
) -> None:
    state("granted")
    assert stranger.get(f"/api/v1/consents?subject_id={person}").status_code == 404
    assert stranger.listed("/api/v1/consents") == []


@pytest.fixture
def busy_life(
    api: Caller, shop: Sender, drain: Callable[[], int], clock: HandClock
) -> tuple[str, list[dict[str, Any]]]:
    """A person with entries of every kind, and the timeline in one page."""
    consent = email_state("subscribed", "2026-02-28T10:00:00Z")
    shop.send("customers/create", customer(1, email_marketing_consent=consent))
    drain()
    asked = {"type": "access", "subject": {"email": "person1@shop.example"}}
    request = api.post("/api/v1/rights-requests", asked).json()
    drain()
    return request["subject_id"], api.listed(
        f"/api/v1/data-subjects/{request['subject_id']}/timeline?limit=200"
    )


def test_the_timeline_has_every_kind_newest_first(busy_life: tuple[str, list[dict[str, Any]]]) -> None:
    entries = busy_life[1]
    assert {entry["kind"] for entry in entries} == {
        "event",
        "consent",
        "rights_request",
        "processing_activity",
    }
    times = [(entry["at"], entry["id"]) for entry in entries]
    assert times == sorted(times, reverse=True)
    assert "person1@shop.example" not in json.dumps(entries)


def test_a_registered_activity_leads_to_its_proof(
    api: Caller, busy_life: tuple[str, list[dict[str, Any]]]
) -> None:
    (activity,) = [entry for entry in busy_life[1] if entry["kind"] == "processing_activity"]
    assert activity["registration"]["state"] == "registered"
    proof = api.get(activity["proof"])
    assert proof.status_code == 200
    assert proof.json()["index"] == activity["registration"]["log_index"]
    assert proof.json()["size"] == activity["registration"]["tree_size"]


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_the_timeline_is_the_same_in_pages_of_any_size(
    api: Caller, busy_life: tuple[str, list[dict[str, Any]]], limit: int
) -> None:
    person, whole = busy_life
    seen: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        path = f"/api/v1/data-subjects/{person}/timeline?limit={limit}&cursor={cursor}"
        page = api.get(path).json()
        assert len(page["items"]) <= limit
        seen += page["items"]
        cursor = page["next_cursor"]
    assert seen == whole


def test_a_foreign_persons_timeline_is_not_found(stranger: Caller, person: str) -> None:
    assert stranger.get(f"/api/v1/data-subjects/{person}/timeline").status_code == 404


def test_a_notice_is_read_once_and_stays_in_the_list(
    api: Caller, stranger: Caller, drain: Callable[[], int]
) -> None:
    api.post("/api/v1/rights-requests", {"type": "erasure", "subject": {"email": "ada@example.com"}})
    drain()
    (notice,) = api.listed("/api/v1/notifications?unread=true")
    assert notice["read_at"] is None
    path = f"/api/v1/notifications/{notice['id']}/read"
    assert stranger.post(path).status_code == 404
    first = api.post(path)
    assert first.status_code == 200
    assert first.json()["read_at"] is not None
    assert api.post(path).json() == first.json()
    assert api.listed("/api/v1/notifications?unread=true") == []
    assert api.listed("/api/v1/notifications") == [first.json()]
    entries = api.listed("/api/v1/audit/entries?limit=200")
    assert [entry["kind"] for entry in entries].count("notification.read") == 1
