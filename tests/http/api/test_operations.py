"""Health, readiness, counters, request ids: what operators look at."""

from __future__ import annotations

import json
import re
import uuid

import pytest
from callers import Around, Caller
from flow import SECRET, Sender, customer

from dxflow.engine.errors import Unavailable
from dxflow.engine.platforms import signing
from dxflow.engine.services.tenants import NewTenant


def test_health_says_only_that_the_process_is_up(anybody: Caller, around: Around) -> None:
    around.checks["database"] = _broken
    assert anybody.get("/healthz").json() == {"status": "ok"}


def test_readiness_names_each_check(anybody: Caller, around: Around) -> None:
    around.checks.update(redis=lambda: "answers", actors=lambda: "8 threads")
    answer = anybody.get("/readyz")
    assert answer.status_code == 200
    assert answer.json()["ok"] is True
    assert [check["name"] for check in answer.json()["checks"]] == ["database", "redis", "actors"]


def _broken() -> str:
    raise Unavailable("Redis doesn't answer")


def _defective() -> str:
    raise ZeroDivisionError("a secret detail")


@pytest.mark.parametrize("check", [_broken, _defective])
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_without_one_part_it_is_not_ready_and_says_which(
    anybody: Caller, around: Around, check: object
) -> None:
    around.checks["redis"] = check  # type: ignore[assignment]
    answer = anybody.get("/readyz")
    assert answer.status_code == 503
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "not ready: redis"
    assert {one["name"]: one["ok"] for one in answer.json()["checks"]} == {"database": True, "redis": False}
    assert "secret" not in answer.text


def test_requests_and_deliveries_are_counted_by_what_they_were(api: Caller, shop: Sender) -> None:
    api.get("/api/v1/events/919108f7-52d1-4320-9bac-f847db4148a8")
    api.get("/api/v1/events")
    api.get("/nothing/here")
    path = f"/webhooks/shopify/{shop.connector.id}"
    delivery = deliver(shop, "1")
    for headers in (delivery[0], delivery[0], {}):
        api.send("POST", path, data=delivery[1], headers=headers)
    api.send("POST", f"/webhooks/made-up-{uuid.uuid4()}/x")
    text = api.get("/metrics").text
    for line in (
        'dxflow_http_requests_total{method="GET",route="/api/v1/events/{id}",status="404"} 1.0',
        'dxflow_http_requests_total{method="GET",route="/api/v1/events",status="200"} 1.0',
        'dxflow_http_requests_total{method="GET",route="unmatched",status="404"} 1.0',
        'dxflow_http_request_seconds_count{method="GET",route="/api/v1/events"} 1.0',
        'dxflow_deliveries_total{platform="shopify",result="accepted"} 1.0',
        'dxflow_deliveries_total{platform="shopify",result="duplicate"} 1.0',
        'dxflow_deliveries_total{platform="shopify",result="not-authentic"} 1.0',
        'dxflow_deliveries_total{platform="unknown",result="not-found"} 1.0',
    ):
        assert line in text.splitlines(), line
    assert "made-up" not in text


def deliver(shop: Sender, delivery_id: str) -> tuple[dict[str, str], bytes]:
    body = json.dumps(customer()).encode()
    headers, _ = signing.signed_request(
        "shopify",
        "customers/create",
        body,
        SECRET,
        url="http://x/",
        now=shop.core.clock(),
        delivery_id=delivery_id,
    )
    return {**headers, "Content-Type": "application/json"}, body


def test_queues_are_unavailable_without_redis_and_events_are_not(api: Caller, around: Around) -> None:
    around.redis_is_up = False
    answer = api.get("/api/v1/queues")
    assert answer.status_code == 503
    assert answer.json()["detail"] == "Redis doesn't answer"
    assert api.get("/api/v1/events").status_code == 200


@pytest.mark.parametrize(
    "path", ["/api/v1/events", "/webhooks/shopify/x", "/healthz", "/nothing", "/1.0/identifiers/x"]
)
@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_a_sane_request_id_comes_back_and_any_other_is_replaced(anybody: Caller, path: str) -> None:
    sane = {"X-Request-Id": "Root=1-67891233-abcdef"}
    assert anybody.get(path, headers=sane).headers["X-Request-Id"] == sane["X-Request-Id"]
    for odd in ("ada@example.com", "a b", "x" * 129, "<script>", ""):
        made = anybody.get(path, headers={"X-Request-Id": odd}).headers["X-Request-Id"]
        assert re.fullmatch(r"[0-9a-f-]{36}", made), odd


def test_the_log_entries_of_a_request_carry_its_id_and_tenant(
    api: Caller, around: Around, tenant: NewTenant
) -> None:
    api.get("/api/v1/queues", headers={"X-Request-Id": "first"})
    api.get("/api/v1/queues", headers={"X-Request-Id": "second"})
    tenant_id = tenant.controller.id
    assert around.seen == [
        {"request_id": "first", "tenant": tenant_id},
        {"request_id": "second", "tenant": tenant_id},
    ]


def test_webhook_answers_have_safe_headers_too(anybody: Caller) -> None:
    answer = anybody.get("/webhooks/mailchimp/x")
    assert answer.status_code == 200
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
