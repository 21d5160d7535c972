"""The overview, the notices, and what holds on every page: headers, problems as pages, nothing inline."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flow import HandClock, Sender, customer
from visitors import BOTH, Visitor

from dxflow.engine import machine
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.errors import Unavailable
from dxflow.engine.rights import REGIMES, RequestType
from dxflow.engine.services.people import sessions
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import event_search, events
from dxflow.engine.store import models
from dxflow.http.dashboard import words

PAGES = ("/", "/events", "/events?state=failed", "/requests", "/notices", "/reports", "/password", "/nowhere")


@pytest.fixture
def busy(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> None:
    """One customer, one failure, one rights request, and the notices that come with them."""
    sender = Sender(core, tenant.controller.id)
    sender.send("customers/create", customer(1))
    sender.send("customers/update", {"error": "not a customer"})
    sender.send(
        "customers/redact", {"shop_id": 1, "shop_domain": "x", "customer": {"id": 7}, "orders_to_redact": []}
    )
    drain()


def test_an_empty_installation_shows_the_first_steps_and_ticks_them_off(
    dpo: Visitor, core: Core, tenant: NewTenant
) -> None:
    dpo.get("/dashboard/")
    assert "Choose a password : done" in dpo.text
    assert f"--tenant {tenant.controller.did}" in dpo.text
    sender = Sender(core, tenant.controller.id)
    dpo.get("/dashboard/")
    assert "Connect a platform : done" in dpo.text
    sender.send("customers/create", customer(1))
    dpo.get("/dashboard/")
    assert "First steps" not in dpo.text


def test_when_all_is_well_the_overview_says_so(
    dpo: Visitor, core: Core, tenant: NewTenant, drain: Callable[[], int]
) -> None:
    Sender(core, tenant.controller.id).send("customers/create", customer(1))
    drain()
    dpo.get("/dashboard/")
    assert "Everything is well" in dpo.text
    assert "customers/create" in dpo.text


@BOTH
def test_what_needs_a_person_comes_first_with_a_door_to_it(dpo: Visitor, busy: None) -> None:
    models.RightsRequest.update(due="2026-01-05").execute()
    dpo.get("/dashboard/")
    assert "This needs you" in dpo.text
    assert "1 event failed. See why" in dpo.text
    assert "1 rights request is overdue. See who waits for an answer" in dpo.text
    assert "Events 1 failed" in dpo.text
    assert "Notices 2 unread" in dpo.text


def test_an_event_that_waits_long_asks_for_a_worker(
    dpo: Visitor, core: Core, tenant: NewTenant, clock: HandClock, drain: Callable[[], int]
) -> None:
    drain()
    Sender(core, tenant.controller.id).send("customers/create", customer(1))
    assert "If no worker runs" not in dpo.get("/dashboard/").text
    clock.forward(400)
    dpo.get("/dashboard/")
    assert "The oldest event under way came 6 minutes ago" in dpo.text


@BOTH
def test_a_notice_leads_to_its_event_and_is_read_once(dpo: Visitor, busy: None) -> None:
    dpo.get("/dashboard/notices")
    event = models.Event.get(state="failed")
    assert f'href="/dashboard/events/{event.id}"' in dpo.page.text
    notice = models.Notification.get(kind="event.failed")
    dpo.post(f"/dashboard/notices/{notice.id}/read", {"back": "/dashboard/notices"})
    assert "Marked read." in dpo.text
    assert "Notices 1 unread" in dpo.text
    assert models.Notification.get(kind="event.failed").read_by == models.User.get().id


@BOTH
def test_marking_all_read_leaves_what_came_since(
    dpo: Visitor, busy: None, core: Core, tenant: NewTenant, drain: Callable[[], int]
) -> None:
    dpo.get("/dashboard/notices")
    until = re.search(r'name="until" value="([^"]+)"', dpo.page.text)
    assert until is not None
    Sender(core, tenant.controller.id).send("customers/update", {"error": "another"})
    drain()
    dpo.post("/dashboard/notices", {"until": until[1], "back": "/dashboard/notices"})
    assert "All notices are marked read." in dpo.text
    assert "Notices 1 unread" in dpo.text


def test_an_empty_desk_says_what_will_lie_on_it(dpo: Visitor) -> None:
    assert "Nothing new" in dpo.get("/dashboard/notices").text


def test_who_may_only_look_marks_nothing_read(sign_in_as: Callable[[Role], Visitor], busy: None) -> None:
    reader = sign_in_as(Role.AUDITOR)
    reader.get("/dashboard/notices")
    assert "Mark read" not in reader.text
    reader.post("/dashboard/notices", {"until": "2030-01-01T00:00:00Z"})
    assert reader.page.status_code == 403
    assert not models.Notification.select().where(models.Notification.read_at.is_null(False)).exists()


@pytest.mark.parametrize("page", PAGES)
def test_every_page_comes_with_strict_headers(dpo: Visitor, busy: None, page: str) -> None:
    headers = dpo.get(f"/dashboard{page}").headers
    policy = dict(part.strip().split(" ", 1) for part in headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "script-src": "'self'",
        "connect-src": "'self'",
        "img-src": "'self' data:",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize("page", PAGES)
def test_no_page_has_anything_inline_or_from_elsewhere(dpo: Visitor, busy: None, page: str) -> None:
    text = dpo.get(f"/dashboard{page}").text
    assert not re.search(r"\s(style|on\w+)=", text)
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)", text)
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', text):
        assert address.startswith(("/dashboard/", "#"))


@pytest.mark.parametrize("page", PAGES[:-1])
def test_every_page_has_one_heading_landmarks_and_a_way_past_them(dpo: Visitor, page: str) -> None:
    text = dpo.get(f"/dashboard{page}").text
    assert text.count("<h1") == 1
    assert '<a class="skip" href="#main">' in text
    assert '<main id="main"' in text
    assert '<html lang="en">' in text
    assert text.count('aria-current="page"') == 1
    for field in re.findall(
        r'<(?:input|textarea)(?![^>]*type="hidden")(?![^>]*aria-hidden)[^>]* id="([^"]+)"', text
    ):
        assert f'<label for="{field}"' in text


def test_times_are_words_with_the_exact_time_beside(dpo: Visitor, busy: None) -> None:
    page = dpo.get("/dashboard/events?state=failed").text
    found = re.search(r'<time datetime="([^"]+)" title="([^"]+)" data-ago>([^<]+)</time>', page)
    assert found is not None
    assert found[1].startswith("2099-03-02T")
    assert found[2].startswith("Monday, 2 March 2099, 09:00")
    assert found[3] == "just now"


def test_static_files_are_kept_under_their_version_only(dpo: Visitor) -> None:
    address = re.findall(r'href="(/dashboard/static/style[^"]+)"', dpo.get("/dashboard/").text)[0]
    current = dpo.get(address)
    assert current.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in current.headers["Cache-Control"]
    assert dpo.get(address.partition("?")[0]).headers["Cache-Control"] == "no-cache"
    for missing in ("style.css.map", "..%2f..%2fdesk.py", "%2e%2e"):
        assert dpo.get(f"/dashboard/static/{missing}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/dashboard/nowhere", 404),
        ("GET", "/dashboard/events/", 404),
        ("POST", "/dashboard/nowhere", 404),
        ("GET", "/dashboard/sign-out", 405),
        ("POST", "/dashboard/", 405),
        ("DELETE", "/dashboard/events", 405),
        ("GET", "/dashboard/events/919108f7-52d1-4320-9bac-f847db4148a8", 404),
        ("GET", "/dashboard/requests/nonsense", 404),
    ],
)
def test_a_problem_is_a_page_with_a_way_out(dpo: Visitor, method: str, path: str, status: int) -> None:
    answer = dpo.session.request(method, dpo.base + path, timeout=30)
    assert answer.status_code == status
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert 'href="/dashboard/"' in answer.text
    assert f"HTTP {status}" in answer.text


def test_the_bare_address_leads_to_the_overview(dpo: Visitor) -> None:
    assert dpo.get("/dashboard").url.endswith("/dashboard/")


def test_a_defect_is_a_page_that_tells_nothing_of_it(dpo: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise RuntimeError("canary in the text of an error")

    monkeypatch.setattr(event_search, "search", break_down)
    dpo.get("/dashboard/events")
    assert dpo.page.status_code == 500
    assert "Something went wrong inside dxflow" in dpo.text
    assert "canary" not in dpo.page.text


def test_a_database_that_doesnt_answer_is_a_page_too(dpo: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(*_: object, **__: object) -> None:
        raise Unavailable("the database doesn't answer (gone)")

    monkeypatch.setattr(sessions, "find", break_down)
    dpo.get("/dashboard/")
    assert dpo.page.status_code == 503
    assert "What was accepted is safe." in dpo.text


def test_pages_ask_the_database_as_often_for_many_rows_as_for_few(
    core: Core, tenant: NewTenant, drain: Callable[[], int], cost: Callable[[str], int]
) -> None:
    sender = Sender(core, tenant.controller.id)
    sender.send("customers/update", {"error": 0})
    drain()
    pages = ("/", "/events", "/events?state=failed", "/requests", "/notices")
    few = [cost(page) for page in pages]
    for number in range(20):
        sender.send("customers/update", {"error": number + 1})
    drain()
    assert [cost(page) for page in pages] == few
    assert max(few) <= 15


def test_every_step_outcome_type_and_regime_has_its_words() -> None:
    for workflow, step, outcome, _ in machine.every_move():
        assert (workflow, step) in words.STEPS
        assert outcome in words.OUTCOMES
    assert set(words.REQUEST_TYPES) == set(RequestType)
    assert set(words.REGIMES) == set(REGIMES)
    assert set(words.STATE_TONES) == set(events.STATES)


def test_a_report_is_handed_over_as_a_file_and_a_wrong_one_is_refused(dpo: Visitor, busy: None) -> None:
    del busy
    dpo.get("/dashboard/reports")
    assert "Records of processing activities" in dpo.text
    page = dpo.get("/dashboard/reports/register.html?from=2020-01-01")
    assert page.headers["Content-Disposition"].startswith("attachment")
    assert "Register of privacy requests" in page.text
    assert dpo.get("/dashboard/reports/processing.csv").text.startswith("Activity,Purpose")
    assert dpo.get("/dashboard/reports/metrics.json?from=&to=").json()["kind"] == "metrics"
    assert dpo.get("/dashboard/reports/metrics.pdf").status_code == 404
    assert dpo.get("/dashboard/reports/metrics.csv?from=soon").status_code == 422
