"""Reports against figures worked out by hand."""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

import pytest
from flow import HandClock

from dxflow.engine import reporting
from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid
from dxflow.engine.reporting.report import harmless
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Ask = Callable[..., str]


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2026, 6, 1, 12, tzinfo=UTC))


@pytest.fixture
def ask(core: Core, tenant: NewTenant) -> Ask:
    """Writes a request as the desk left it."""

    def write(type: str, received: str, **columns: Any) -> str:
        moments = ("responded_at", "closed_at", "acknowledged_at", "extended_at")
        given = {name: at(value) if name in moments else value for name, value in columns.items()}
        row = {
            "regime": "ccpa", "jurisdiction": "US-CA", "state": "completed", "source": "form", "reference": "",
            "due": "2025-12-31", "clock": [], "tenant_id": tenant.controller.id, **given,
        }  # fmt: skip
        return str(
            models.RightsRequest.create(
                id=core.new_id(), type=type, received_at=at(received), created_at=at(received),
                force_insert=True, **row,
            ).id
        )  # fmt: skip

    return write


def zone(core: Core, tenant: NewTenant, name: str) -> None:
    models.RightsDesk.create(
        tenant_id=tenant.controller.id, zone=name, languages=["en"], embed_origins=[], form_open=True,
        package_days=14, updated_at=core.clock(), force_insert=True,
    )  # fmt: skip


def made(core: Core, tenant: NewTenant, kind: str, *days: str | None) -> reporting.Report:
    return reporting.make(core, tenant.controller.id, kind, *days)


def row_of(report: reporting.Report, of: str, category: str) -> dict[str, Any]:
    return next(dict(row) for row in report.rows if (row["of"], row["category"]) == (of, category))


def test_the_metrics_of_a_year_are_those_worked_out_by_hand(core: Core, tenant: NewTenant, ask: Ask) -> None:
    """To know: 4 days, 10 days and 40 days (denied); one open, one duplicate. Median 10, mean 18."""
    ask("access", "2025-02-01T08:00", decision="fulfilled", responded_at="2025-02-05T20:00")
    ask("portability", "2025-03-01T08:00", decision="partly", responded_at="2025-03-11T01:00")
    ask("access_categories", "2025-04-01T23:00", state="rejected", decision="denied",
        denial_reason="no_match", responded_at="2025-05-11T00:30")  # fmt: skip
    ask("access", "2025-05-01T08:00", state="review")
    ask("access", "2025-05-02T08:00", state="duplicate", closed_at="2025-05-03T08:00")
    ask("erasure", "2025-06-01T08:00", state="cancelled", closed_at="2025-06-02T08:00")
    ask(
        "sale_opt_out",
        "2025-07-01T08:00",
        regime="ccpa_opt_out",
        decision="fulfilled",
        responded_at="2025-07-02T08:00",
    )
    ask(
        "tracking_opt_out",
        "2025-07-01T08:00",
        regime="ccpa_opt_out",
        decision="fulfilled",
        responded_at="2025-07-05T08:00",
    )
    ask(
        "rectification",
        "2025-08-01T08:00",
        regime="gdpr",
        jurisdiction="DE",
        decision="fulfilled",
        responded_at="2025-08-08T08:00",
    )
    ask("complaint", "2025-09-01T08:00", regime="gdpr", jurisdiction="DE", state="received")
    ask("access", "2024-12-31T23:59", decision="fulfilled", responded_at="2025-01-02T08:00")  # another year's
    report = made(core, tenant, "metrics")
    assert (report.first, report.last) == ("2025-01-01", "2025-12-31")
    know = row_of(report, "consumers", "know")
    assert know == {
        "of": "consumers", "category": "know", "received": 5, "complied": 1, "complied_partly": 1, "denied": 1,
        "denied_because": {"no_match": 1}, "withdrawn": 0, "duplicate": 1, "open": 1, "median_days": 10,
        "mean_days": 18.0,
    }  # fmt: skip
    assert row_of(report, "consumers", "delete")["withdrawn"] == 1
    assert row_of(report, "consumers", "delete")["median_days"] is None
    opt_out = row_of(report, "consumers", "opt_out")
    assert (opt_out["received"], opt_out["complied"], opt_out["median_days"], opt_out["mean_days"]) == (
        2,
        2,
        2.5,
        2.5,
    )
    assert row_of(report, "consumers", "correct")["received"] == 0
    assert row_of(report, "everyone", "correct")["median_days"] == 7
    assert row_of(report, "everyone", "other")["open"] == 1
    for row in report.rows:
        ended = ("complied", "complied_partly", "denied", "withdrawn", "duplicate", "open")
        assert row["received"] == sum(int(str(row[name])) for name in ended)


def test_days_begin_and_end_where_the_desk_is(core: Core, tenant: NewTenant, ask: Ask) -> None:
    """In Los Angeles it was still 2024 at 7 UTC of New Year's Day, and 2025 until 8 UTC of the next one."""
    zone(core, tenant, "America/Los_Angeles")
    ask("erasure", "2025-01-01T07:59", decision="fulfilled", responded_at="2025-01-03T08:00")
    ask("erasure", "2025-01-01T08:00", decision="fulfilled", responded_at="2025-01-02T07:59")
    ask("erasure", "2026-01-01T07:59", decision="fulfilled", responded_at="2026-01-01T08:00")
    report = made(core, tenant, "metrics", "2025", "2025")
    delete = row_of(report, "consumers", "delete")
    assert (delete["received"], delete["mean_days"]) == (2, 0.5)  # 0 days, and 1


def test_the_register_tells_each_requests_dates_and_answer_and_names_nobody(
    core: Core, tenant: NewTenant, ask: Ask
) -> None:
    late = ask(
        "erasure", "2026-01-10T10:00", state="rejected", source="email", due="2026-02-24", decision="denied",
        denial_reason="insuf_verification", acknowledged_at="2026-01-12T10:00", extended_at="2026-02-01T10:00",
        responded_at="2026-03-01T10:00",
    )  # fmt: skip
    ask("access", "2026-02-10T10:00", state="review", due="2026-03-27")
    ask("access", "2024-05-31T10:00")  # a day too old
    report = made(core, tenant, "register")
    assert (report.first, report.last, len(report.rows)) == ("2024-06-01", "2026-06-01", 2)
    assert report.rows[0] == {
        "request": late, "received": "2026-01-10", "nature": "erasure", "regime": "ccpa",
        "jurisdiction": "US-CA", "manner": "email", "due": "2026-02-24", "acknowledged": "2026-01-12",
        "extended": "2026-02-01", "responded": "2026-03-01", "response": "denied",
        "denial_basis": "insuf_verification", "days": 50, "late": True, "state": "rejected",
    }  # fmt: skip
    assert (report.rows[1]["response"], report.rows[1]["responded"]) == (None, None)


def test_requests_of_people_who_were_erased_still_count(core: Core, tenant: NewTenant, ask: Ask) -> None:
    ask("erasure", "2025-03-01T10:00", decision="fulfilled", responded_at="2025-03-05T10:00")
    models.RightsRequest.update(subject_id=None, requester_sealed=None, details_sealed=None).execute()
    assert row_of(made(core, tenant, "metrics"), "consumers", "delete")["complied"] == 1


def test_requests_of_another_data_controller_are_in_no_report(
    core: Core, tenant: NewTenant, ask: Ask
) -> None:
    ask("access", "2025-03-01T10:00")
    other = tenants.create(core, "Another", "DE").controller.id
    assert row_of(reporting.make(core, other, "metrics"), "everyone", "know")["received"] == 0
    assert reporting.make(core, other, "register", "2025").rows == []


def test_records_of_processing_gather_what_was_seen(core: Core, tenant: NewTenant) -> None:
    people = [core.new_id(), core.new_id()]
    seen = [
        (people[0], "2026-01-01T10:00", "shopify", ["email", "name"]),
        (people[0], "2026-01-03T10:00", "stripe", ["email", "address"]),
        (people[1], "2026-01-02T10:00", "shopify", ["email", "name"]),
        (people[1], "2025-12-31T23:59", "shopify", ["phone"]),
    ]
    for person, when, source, fields in seen:
        models.ProcessingActivity.create(
            id=core.new_id(), tenant_id=tenant.controller.id, subject_id=person, activity_type="order",
            legal_basis="contract", purpose="order fulfilment", fields=fields, source=source,
            occurred_at=at(when), created_at=core.clock(), registration_state="pending", force_insert=True,
        )  # fmt: skip
    (row,) = made(core, tenant, "processing", "2026").rows
    assert row == {
        "activity": "order", "purpose": "order fulfilment", "legal_basis": "contract", "subjects": "customers",
        "data": ["address", "email", "name"], "sources": ["shopify", "stripe"], "recipients": [], "people": 2,
        "times": 3, "first_seen": "2026-01-01", "last_seen": "2026-01-03",
    }  # fmt: skip
    assert made(core, tenant, "processing").rows[0]["times"] == 4


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
def test_ten_thousand_requests_are_reported_within_a_second(core: Core, tenant: NewTenant, ask: Ask) -> None:
    ask("access", "2025-01-01T08:00", decision="fulfilled", responded_at="2025-01-09T08:00")
    same = (
        "tenant_id, type, regime, jurisdiction, state, source, reference, due, clock, decision, received_at, "
        "responded_at"
    )
    numbers = "WITH RECURSIVE number (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM number WHERE n < 9999)"
    core.store.database.execute_sql(
        f"INSERT INTO rights_requests ({same}) {numbers} SELECT {same} FROM rights_requests, number"
    )
    started = time.monotonic()
    metrics, register = made(core, tenant, "metrics"), made(core, tenant, "register", "2025", "2025")
    took = time.monotonic() - started
    assert row_of(metrics, "consumers", "know")["received"] == len(register.rows) == 10_000
    assert row_of(metrics, "consumers", "know")["mean_days"] == 8
    assert took < 2, f"both took {took:.2f} s"


@pytest.mark.parametrize(
    "days", [("2026-13", None), ("2026-02-30", None), ("yesterday", None), ("9999-12-31", None)]
)
def test_what_is_no_day_is_refused(core: Core, tenant: NewTenant, days: tuple[str, None]) -> None:
    with pytest.raises(Invalid, match="from"):
        made(core, tenant, "metrics", *days)
    with pytest.raises(Invalid, match="before"):
        made(core, tenant, "metrics", "2026", "2025")
    with pytest.raises(Invalid, match="allowed are register"):
        made(core, tenant, "everything")


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert harmless(cell) == f"'{cell}"
    assert harmless(f"a{cell}") == f"a{cell}"


def test_a_table_survives_csv_with_what_makes_it_hard(core: Core, tenant: NewTenant, ask: Ask) -> None:
    ask("access", "2026-03-01T10:00", source='=cmd|"/c calc"!A1', jurisdiction="DE, BY\nX")
    report = made(core, tenant, "register")
    heading, row = csv.reader(io.StringIO(report.as_csv(), newline=""))
    assert heading == list(report.columns.values())
    assert row[5] == '\'=cmd|"/c calc"!A1'
    assert row[4] == "DE, BY\nX"


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "action")]


@pytest.mark.parametrize("kind", reporting.KINDS)
def test_a_page_needs_nothing_but_itself_and_runs_nothing(
    core: Core, tenant: NewTenant, ask: Ask, kind: str
) -> None:
    ask("access", "2026-03-01T10:00", source="<script>alert(1)</script>")
    text = made(core, tenant, kind, "2026").as_html()
    page = _Page()
    page.feed(text)
    assert "script" not in page.tags
    assert page.addresses == []
    assert "@import" not in text
    assert "url(" not in text
    assert tenant.controller.name in text
