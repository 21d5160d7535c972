"""The rights management queue: by due date, in words, naming nobody until somebody who may asks to see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from visitors import BOTH, Visitor

from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import requests, tenants
from dxflow.engine.services.roles import Role
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Ask = Callable[..., models.RightsRequest]


@pytest.fixture
def ask(core: Core, tenant: NewTenant) -> Ask:
    """Puts a request in the queue that was received so many days ago."""

    def make(type: str = "access", days: int = 0, **options: str) -> models.RightsRequest:
        person = Person(email="canary@person.example", name="Canary Bird")
        received = core.clock() - timedelta(days=days)
        return requests.create(
            core, tenant.controller.id, "key:1", type, person, received_at=received, **options
        )

    return make


def reads() -> list[dict[str, object]]:
    entry = models.AuditEntry
    return [json.loads(row.leaf) for row in entry.select().where(entry.kind == "personal_data.read")]


@BOTH
def test_the_first_due_stands_on_top_with_its_clock_in_words(dpo: Visitor, ask: Ask) -> None:
    ask("erasure", 20), ask("access", 40), ask("portability", 0)
    dpo.get("/dashboard/requests")
    order = re.findall(r'<a class="subject"[^>]+>([^<]+)', dpo.page.text)
    assert order == ["Access to their data", "Erasure", "Data portability"]
    assert re.search(r"\d+ days overdue", dpo.text)
    assert re.search(r"in \d+ days", dpo.text)


@BOTH
def test_the_tiles_count_what_the_queue_holds(dpo: Visitor, ask: Ask) -> None:
    ask("erasure", 40)
    for state in ("review", "completed", "rejected"):
        request = ask()
        models.RightsRequest.update(state=state).where(models.RightsRequest.id == request.id).execute()
    dpo.get("/dashboard/requests")
    assert "1 pending 1 in progress 1 overdue 1 completed" in dpo.text
    assert len(re.findall(r'class="subject"', dpo.page.text)) == 2
    assert len(re.findall(r'class="subject"', dpo.get("/dashboard/requests?view=closed").text)) == 2
    assert len(re.findall(r'class="subject"', dpo.get("/dashboard/requests?view=overdue").text)) == 1


def test_an_empty_queue_says_where_requests_come_from(dpo: Visitor) -> None:
    dpo.get("/dashboard/requests")
    assert "Nobody is waiting for an answer" in dpo.text


def test_each_line_of_the_clock_has_its_day_its_reason_and_its_citation(dpo: Visitor, ask: Ask) -> None:
    request = ask("access", 3)
    dpo.get(f"/dashboard/requests/{request.id}")
    assert len(request.clock) >= 2
    for step in request.clock:
        assert f'datetime="{step["date"]}"' in dpo.page.text
        for part in ("what", "why", "citation"):
            assert step[part] in dpo.text
    assert re.search(r"Answer in \d+ days", dpo.text)


def test_nobody_is_named_until_somebody_asks_to_see(dpo: Visitor, ask: Ask) -> None:
    request = ask(details="please erase the canary")
    for page in ("/", "/requests", f"/requests/{request.id}", "/notices", "/events"):
        assert "anary" not in dpo.get(f"/dashboard{page}").text
    assert reads() == []


@BOTH
def test_looking_at_who_asked_is_an_audit_entry(dpo: Visitor, ask: Ask) -> None:
    request = ask(details="please erase the canary")
    dpo.get(f"/dashboard/requests/{request.id}")
    dpo.post(f"/dashboard/requests/{request.id}")
    for words in (
        "canary@person.example",
        "Canary Bird",
        "please erase the canary",
        "That you looked is in the log.",
    ):
        assert words in dpo.text
    [leaf] = reads()
    user = models.User.get()
    assert f"user:{user.id}" in json.dumps(leaf)
    assert request.id in json.dumps(leaf)
    assert "anary" not in json.dumps(leaf)
    assert dpo.page.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.MEMBER, Role.DEVELOPER, Role.AGENCY])
def test_a_role_without_the_permission_sees_no_contact(
    sign_in_as: Callable[[Role], Visitor], ask: Ask, role: Role
) -> None:
    request, reader = ask(), sign_in_as(role)
    reader.get(f"/dashboard/requests/{request.id}")
    assert "doesn't include seeing people's contacts" in reader.text
    reader.post(f"/dashboard/requests/{request.id}")
    assert reader.page.status_code == 403
    assert "anary" not in reader.page.text
    assert reads() == []


def test_what_a_person_wrote_is_shown_as_text_not_as_markup(dpo: Visitor, ask: Ask) -> None:
    request = ask(details="<script>alert(1)</script>")
    dpo.get(f"/dashboard/requests/{request.id}")
    dpo.post(f"/dashboard/requests/{request.id}")
    assert "<script>alert" not in dpo.page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in dpo.page.text


def test_another_controllers_request_is_a_page_that_isnt_there(dpo: Visitor, core: Core) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    request = requests.create(core, other.id, "key:1", "access", Person(email="canary@person.example"))
    assert dpo.get(f"/dashboard/requests/{request.id}").status_code == 404
    dpo.get("/dashboard/")
    assert dpo.post(f"/dashboard/requests/{request.id}").status_code == 404
    assert reads() == []


@BOTH
def test_a_request_of_plain_sql_waits_for_its_clock_without_breaking_the_page(
    dpo: Visitor, core: Core, tenant: NewTenant
) -> None:
    models.RightsRequest.insert(
        id="919108f7-52d1-4320-9bac-f847db4148a8", tenant_id=tenant.controller.id, type="access"
    ).execute()
    assert "no date" in dpo.get("/dashboard/requests").text
    dpo.get("/dashboard/requests/919108f7-52d1-4320-9bac-f847db4148a8")
    assert "No date could be computed" in dpo.text


@BOTH
def test_a_long_queue_goes_on_by_a_link_without_repeating(dpo: Visitor, ask: Ask) -> None:
    for number in range(55):
        ask(days=number % 5)
    seen: list[str] = []
    address: str | None = "/dashboard/requests"
    while address:
        dpo.get(address)
        seen += re.findall(r'class="subject" href="/dashboard/requests/([^"]+)"', dpo.page.text)
        found = re.search(r'href="([^"]+)" rel="next"', dpo.page.text)
        address = found[1].replace("&amp;", "&") if found else None
    dues = [models.RightsRequest.get(id=one).due for one in seen]
    assert len(seen) == len(set(seen)) == 55
    assert dues == sorted(dues)


@pytest.mark.parametrize("query", ["view=nonsense", "after=2026-01-01_nonsense", "after=x"])
def test_an_address_with_nonsense_in_it_is_answered_as_a_page(dpo: Visitor, query: str) -> None:
    answer = dpo.get(f"/dashboard/requests?{query}")
    assert answer.status_code in (200, 404, 422)
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
