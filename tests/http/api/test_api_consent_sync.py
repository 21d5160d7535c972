"""Statements, receipts, endpoints for webhooks and reports over the API and from the dashboard."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from callers import Caller

from dxflow.engine.core import Core
from dxflow.engine.services.connectors import webhook_endpoints
from dxflow.engine.services.subjects import consent_receipts
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
MARKETING = {"purpose": "direct marketing", "channel": "email"}


@pytest.fixture
def person(api: Caller) -> str:
    return str(api.post("/api/v1/data-subjects", {"email": "ada@example.com"}).json()["id"])


def test_a_statement_is_taken_in_by_its_time_and_its_privacy(api: Caller, person: str) -> None:
    said = [
        ("withdrawn", "2026-02-01T10:00:00Z", "recorded", "withdrawn"),
        ("granted", "2026-02-01T10:00:00Z", "stale", "withdrawn"),
        ("granted", "2026-02-02T10:00:00Z", "recorded", "granted"),
        ("denied", "2026-02-02T10:00:00Z", "recorded", "denied"),
    ]
    for state, at, outcome, holds in said:
        body = {"subject_id": person, **MARKETING, "state": state, "occurred_at": at}
        answer = api.post("/api/v1/consents", body).json()
        assert (answer["outcome"], answer["state"]) == (outcome, holds)
    (held,) = api.listed(f"/api/v1/consents?subject_id={person}")
    assert [one["state"] for one in held["history"]] == ["denied", "granted", "withdrawn"]
    assert {one["source"] for one in held["history"]} == {"api"}


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"state": "unknown"}, 422),
        ({"channel": "pigeon"}, 422),
        ({"occurred_at": "2199-01-01T00:00:00Z"}, 409),
        ({"subject_id": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff"}, 404),
        ({"purpose": " "}, 422),
    ],
)
def test_what_cant_be_stated_is_refused(api: Caller, person: str, wrong: dict[str, str], status: int) -> None:
    body = {"subject_id": person, **MARKETING, "state": "granted", **wrong}
    assert api.post("/api/v1/consents", body).status_code == status
    assert models.Consent.select().count() == 0


def test_a_receipt_is_verified_with_the_keys_it_names_and_is_nobody_elses(
    api: Caller, stranger: Caller, person: str, with_scopes: Callable[..., Caller]
) -> None:
    api.post("/api/v1/consents", {"subject_id": person, **MARKETING, "state": "granted"})
    path = f"/api/v1/consents/receipt?subject_id={person}"
    answer = api.get(path).json()
    assert consent_receipts.opened(answer["note"], answer["vkeys"]) == answer["receipt"]
    assert stranger.get(path).status_code == 404
    assert with_scopes("write").get(path).status_code == 403


def test_an_endpoints_secret_is_shown_once_and_again_only_by_rotating(
    core: Core, api: Caller, with_scopes: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhook_endpoints, "_require_reachable", lambda *_: None)
    path, body = (
        "/api/v1/webhook-endpoints",
        {"url": "https://hooks.example/x", "topics": ["consent.changed"]},
    )
    first = api.post(path, body, headers={"Idempotency-Key": "once"}).json()
    again = api.post(path, body, headers={"Idempotency-Key": "once"}).json()
    assert first["secret"].startswith("whsec_")
    assert (again["id"], again["secret"]) == (first["id"], None)
    (listed,) = api.listed(path)
    assert "secret" not in listed
    rotated = api.post(f"{path}/{first['id']}/rotate", {}).json()
    assert rotated["secret"] not in (None, first["secret"])
    assert rotated["former_until"] is not None
    assert "webhook_id" in api.post(f"{path}/{first['id']}/test", {}).json()
    assert api.listed(path)[0]["waiting"] == 1
    assert api.post(f"{path}/{first['id']}/disable", {}).json()["disabled_because"] == "disabled by hand"
    assert api.post(f"{path}/{first['id']}/test", {}).status_code == 409
    assert api.post(path, {**body, "topics": ["everything"]}).status_code == 422
    assert with_scopes("read", "write").get(path).status_code == 403
    del core


def test_an_address_that_leads_inside_is_refused(api: Caller) -> None:
    answer = api.post("/api/v1/webhook-endpoints", {"url": "https://127.0.0.1/"})
    assert (answer.status_code, answer.json()["type"].rpartition(":")[2]) == (409, "conflict")


def test_reports_are_json_and_carry_files_when_asked(api: Caller) -> None:
    asked = {"type": "erasure", "subject": {"email": "ada@example.com"}, "jurisdiction": "US-CA"}
    api.post("/api/v1/rights-requests", asked)
    made = api.get("/api/v1/reports/register").json()
    assert [row["nature"] for row in made["rows"]] == ["erasure"]
    assert "ada@" not in str(made)
    assert made["file"] is None
    table = api.get("/api/v1/reports/register?format=csv").json()["file"]
    assert (table["name"].startswith("register_"), table["media_type"]) == (True, "text/csv; charset=utf-8")
    assert len(list(csv.reader(io.StringIO(table["text"])))) == 2
    assert (
        "<!doctype html>" in api.get("/api/v1/reports/metrics?from=2020&format=html").json()["file"]["text"]
    )
    for query in ("from=2026-13", "to=soon", "format=pdf", "from=0000"):
        assert api.get(f"/api/v1/reports/metrics?{query}").status_code == 422, query
    for query in ("from=2026-02-30", "from=2026&to=2025", "to=9999-12-31"):
        assert api.get(f"/api/v1/reports/metrics?{query}").status_code == 409, query
    assert api.get("/api/v1/reports/everything").status_code == 404


def test_a_report_of_another_data_controller_knows_nothing_of_ours(api: Caller, stranger: Caller) -> None:
    api.post("/api/v1/rights-requests", {"type": "erasure", "subject": {"email": "ada@example.com"}})
    assert stranger.get("/api/v1/reports/register").json()["rows"] == []
    assert len(api.get("/api/v1/reports/register").json()["rows"]) == 1


def test_the_tenant_of_the_report_is_the_keys(api: Caller, tenant: NewTenant) -> None:
    assert api.get("/api/v1/reports/processing").json()["controller"]["did"] == tenant.controller.did
