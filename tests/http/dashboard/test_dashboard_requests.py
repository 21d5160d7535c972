"""The rights management queue: by due date, in words, naming nobody until somebody who may asks to see."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from visitors import BOTH, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.desk import actions
from dxflow.engine.erasing import orders
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.people import users
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import Ask


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
def test_the_tiles_count_what_the_queue_holds(dpo: Visitor, ask: Ask, core: Core) -> None:
    ask("erasure", 40)
    for state in ("review", "completed", "rejected"):
        request, over = ask(), None if state == "review" else core.clock()
        changed = models.RightsRequest.update(state=state, closed_at=over)
        changed.where(models.RightsRequest.id == request.id).execute()
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


class TestWorkingOnIt:
    def act(self, dpo: Visitor, request: models.RightsRequest, act: str, **said: str) -> None:
        dpo.get(f"/dashboard/requests/{request.id}")
        dpo.post(f"/dashboard/requests/{request.id}/act", {"act": act, **said})

    @BOTH
    def test_a_request_is_worked_off_with_the_forms_of_its_page(self, dpo: Visitor, ask: Ask) -> None:
        request = ask()
        self.act(dpo, request, "verify", reason="I know her voice")
        for step in ("collect", "review"):
            self.act(dpo, request, step)
        self.act(dpo, request, "respond", decision="fulfilled")
        assert dpo.page.status_code == 422
        assert "There is no package that could be fetched" in dpo.text
        self.act(dpo, request, "respond", decision="fulfilled", told_otherwise="Handed over in the shop.")
        self.act(dpo, request, "complete")
        done = models.RightsRequest.get()
        assert (done.state, done.decision) == ("completed", "fulfilled")
        assert "completed" in dpo.text
        assert "An officer was convinced." in dpo.text

    def test_who_cant_be_written_to_is_denied_once_it_is_said_how_they_were_told(
        self, dpo: Visitor, core: Core, tenant: NewTenant
    ) -> None:
        person = Person(phone="+4930123456")
        request = requests.create(core, tenant.controller.id, "key:1", "access", person)
        self.act(dpo, request, "reject", reason="no_match")
        assert dpo.page.status_code == 422
        assert "there is no address of this person" in dpo.text.lower()
        self.act(dpo, request, "reject", reason="no_match", told_otherwise="by telephone")
        assert models.RightsRequest.get().state == "rejected"

    def test_a_request_of_nobody_is_matched_on_its_page(
        self, core: Core, tenant: NewTenant, dpo: Visitor, ask: Ask
    ) -> None:
        request = ask()
        person = Person(email="other@person.example")
        subject = subjects.enter(core, tenant.controller.id, person, "system")[0]
        self.act(dpo, request, "match", subject_id="nonsense")
        assert (dpo.page.status_code, models.RightsRequest.get().subject_id) == (422, None)
        self.act(dpo, request, "match", subject_id=subject.id)
        assert models.RightsRequest.get().subject_id == subject.id

    def test_what_is_missing_is_said_and_what_was_typed_stays(self, dpo: Visitor, ask: Ask) -> None:
        request = ask(jurisdiction="US-CA")
        self.act(dpo, request, "verify", reason=" ")
        assert dpo.page.status_code == 422
        assert "“What convinced you?” is still blank" in dpo.text
        self.act(dpo, request, "mark_duplicate", of="nonsense")
        assert (dpo.page.status_code, models.RightsRequest.get().state) == (422, request.state)

    def test_only_what_the_state_allows_is_offered_and_taken(self, dpo: Visitor, ask: Ask) -> None:
        request = ask()
        dpo.get(f"/dashboard/requests/{request.id}")
        assert 'value="verify"' in dpo.page.text
        assert 'value="complete"' not in dpo.page.text
        self.act(dpo, request, "complete")
        assert dpo.page.status_code == 422
        assert "allows verify" in dpo.text

    def test_the_person_is_denied_with_a_reason_of_the_list(self, dpo: Visitor, ask: Ask) -> None:
        request = ask()
        self.act(dpo, request, "reject", reason="no_match", explanation="We looked.")
        assert "denied: nothing is kept about them" in dpo.text
        assert "Begin anew" in dpo.text

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.MEMBER, Role.DEVELOPER, Role.AGENCY])
    def test_who_may_not_work_on_requests_is_offered_nothing(
        self, sign_in_as: Callable[[Role], Visitor], ask: Ask, role: Role
    ) -> None:
        request, reader = ask(), sign_in_as(role)
        reader.get(f"/dashboard/requests/{request.id}")
        assert f"/requests/{request.id}/act" not in reader.page.text
        reader.post(f"/dashboard/requests/{request.id}/act", {"act": "cancel"})
        assert (reader.page.status_code, models.RightsRequest.get().state) == (403, "received")


class TestErasing:
    """Proposed by one person, approved by another, on the page of the request."""

    @pytest.fixture
    def request_of_somebody(self, core: Core, tenant: NewTenant, ask: Ask) -> models.RightsRequest:
        subjects.enter(core, tenant.controller.id, Person(email="canary@person.example"), "system")
        request = ask("erasure")
        actions.verify(core, tenant.controller.id, request.id, "system", "known")
        return request

    def act(self, officer: Visitor, request: models.RightsRequest, act: str, **said: str) -> None:
        officer.get(f"/dashboard/requests/{request.id}")
        officer.post(f"/dashboard/requests/{request.id}/erasure", {"act": act, **said})

    @BOTH
    def test_two_people_erase_and_the_certificate_is_there(
        self, dpo: Visitor, sign_in_as: Callable[[Role], Visitor], request_of_somebody: models.RightsRequest
    ) -> None:
        request, other = request_of_somebody, sign_in_as(Role.ADMIN)
        dpo.get(f"/dashboard/requests/{request.id}")
        assert "What would happen" in dpo.text
        assert "no recipient holds the person" in dpo.text
        self.act(dpo, request, "propose")
        order = models.ErasureOrder.get()
        assert "Another person has to approve it" in dpo.text
        self.act(dpo, request, "approve", order=order.id)
        assert (dpo.page.status_code, models.ErasureOrder.get().state) == (422, "proposed")
        assert "another person has to" in dpo.text
        self.act(other, request, "approve", order=order.id)
        assert "approved by you" in other.text
        assert "The certificate" in other.text
        assert models.DataSubject.get().state == "erased"
        done = models.RightsRequest.get()  # nobody has to be told, so all is done
        assert (done.state, done.decision) == ("completed", "fulfilled")

    def test_what_a_key_of_nobodys_proposed_is_approved_by_two(
        self,
        core: Core,
        tenant: NewTenant,
        dpo: Visitor,
        sign_in_as: Callable[[Role], Visitor],
        request_of_somebody: models.RightsRequest,
    ) -> None:
        request, other = request_of_somebody, sign_in_as(Role.ADMIN)
        key = models.ApiKey.get(tenant_id=tenant.controller.id)
        order = orders.propose(core, tenant.controller.id, f"key:{key.id}", request_id=request.id)
        dpo.get(f"/dashboard/requests/{request.id}")
        assert "Waits for two people" in dpo.text
        assert "Approve, as the first of two" in dpo.text
        self.act(dpo, request, "approve", order=order.id)
        assert "Waits for another person" in dpo.text
        assert "approved first by you" in dpo.text
        assert "erase for good" not in dpo.text
        other.get(f"/dashboard/requests/{request.id}")
        assert "approved first by a colleague" in other.text
        assert "Approve, and erase for good" in other.text
        self.act(other, request, "approve", order=order.id)
        assert "approved first by a colleague, then by you" in other.text
        assert models.DataSubject.get().state == "erased"

    def test_what_stands_in_the_way_is_said_and_nothing_is_offered(
        self, core: Core, tenant: NewTenant, dpo: Visitor, request_of_somebody: models.RightsRequest, ask: Ask
    ) -> None:
        access = ask("access")
        dpo.get(f"/dashboard/requests/{request_of_somebody.id}")
        assert "A request of type access is open, and nobody has proven who asks: it ends" in dpo.text
        assert "Propose to erase" in dpo.text
        actions.verify(core, tenant.controller.id, access.id, "system", "known")
        dpo.get(f"/dashboard/requests/{request_of_somebody.id}")
        assert "A request of type access must be answered first" in dpo.text
        assert "Propose to erase" not in dpo.text
        assert tenant.controller.id
        assert core.clock()

    def test_whoever_signs_in_here_goes_with_their_account_or_not_at_all(
        self, core: Core, tenant: NewTenant, dpo: Visitor, ask: Ask, drain: Callable[[], int]
    ) -> None:
        users.create(core, tenant.controller.id, "canary@person.example", Role.MEMBER)
        drain()
        request = ask("erasure")
        actions.verify(core, tenant.controller.id, request.id, "system", "known")
        dpo.get(f"/dashboard/requests/{request.id}")
        assert "The person signs in here, so their account has to go too." in dpo.text
        assert "Propose to erase, with their account" in dpo.text
        self.act(dpo, request, "propose", with_account="yes")
        assert models.ErasureOrder.get().with_account
        assert "Another person has to approve it" in dpo.text
        assert "has to go too" not in dpo.text, "it goes with the order that waits"

    def test_the_certificate_is_a_file_of_ones_own_data_controller_alone(
        self,
        core: Core,
        dpo: Visitor,
        sign_in_as: Callable[[Role], Visitor],
        request_of_somebody: models.RightsRequest,
    ) -> None:
        request, other = request_of_somebody, sign_in_as(Role.ADMIN)
        here = f"/dashboard/requests/{request.id}/certificate"
        assert dpo.get(here).status_code == 404
        self.act(dpo, request, "propose")
        self.act(other, request, "approve", order=models.ErasureOrder.get().id)
        made = sign_in_as(Role.AUDITOR).get(here)
        assert made.text.startswith("dxflow erasure certificate v1")
        assert "attachment" in made.headers["Content-Disposition"]
        assert made.headers["Cache-Control"] == "no-store"
        stranger = tenants.create(core, "Other Shop", "FR").controller
        models.ErasureOrder.update(tenant_id=stranger.id).execute()
        assert dpo.get(here).status_code == 404

    def test_who_may_not_erase_reads_who_may(
        self, dpo: Visitor, sign_in_as: Callable[[Role], Visitor], request_of_somebody: models.RightsRequest
    ) -> None:
        self.act(dpo, request_of_somebody, "propose")
        reader = sign_in_as(Role.AUDITOR)
        reader.get(f"/dashboard/requests/{request_of_somebody.id}")
        assert "Proposed by a colleague (DPO)" in reader.text
        assert "Approving takes one of owner, business owner, DPO, data controller, admin" in reader.text

    def test_somebody_nobody_knows_cannot_be_erased(self, dpo: Visitor, ask: Ask) -> None:
        dpo.get(f"/dashboard/requests/{ask('erasure').id}")
        assert "there is nothing to erase here" in dpo.text


def test_the_package_of_an_access_request_is_made_on_its_page(
    core: Core, tenant: NewTenant, dpo: Visitor, ask: Ask
) -> None:
    subjects.enter(core, tenant.controller.id, Person(email="canary@person.example"), "system")
    request = ask()
    actions.verify(core, tenant.controller.id, request.id, "system", "known")
    actions.step(core, tenant.controller.id, request.id, "system", "collect")
    dpo.get(f"/dashboard/requests/{request.id}")
    dpo.post(f"/dashboard/requests/{request.id}/act", {"act": "package"})
    assert "<dt>Fetched</dt><dd>not yet</dd>" in dpo.page.text
    assert models.Package.get().request_id == request.id
