"""The queue narrowed down, searched and acted on; a request entered by hand; and how much a list may cost."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from visitors import BOTH, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.desk import actions
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.rights import arrivals, requests
from dxflow.engine.services.rights.arrivals import Arrival
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import Ask

LISTED = r'class="subject" href="/dashboard/requests/([^"]+)"'


def listed(page: Visitor, address: str) -> list[str]:
    page.get(address)
    assert page.page.status_code == 200
    return re.findall(LISTED, page.page.text)


@BOTH
def test_each_view_and_filter_shows_what_it_names(
    dpo: Visitor, ask: Ask, core: Core, tenant: NewTenant
) -> None:
    old, new, begun = ask("erasure", 40), ask("access", 1), ask("access", 2, jurisdiction="US-CA")
    actions.verify(core, tenant.controller.id, begun.id, "system", "known")
    denied = ask("objection", 3)
    actions.reject(core, tenant.controller.id, denied.id, "system", "no_match")
    queue = "/dashboard/requests"
    assert listed(dpo, queue) == [old.id, new.id, begun.id]
    assert listed(dpo, f"{queue}?view=pending") == [old.id, new.id]
    assert listed(dpo, f"{queue}?view=in_progress") == [begun.id]
    assert listed(dpo, f"{queue}?view=overdue") == [old.id]
    assert listed(dpo, f"{queue}?view=closed") == [denied.id]
    assert listed(dpo, f"{queue}?view=completed") == []
    assert listed(dpo, f"{queue}?type=access") == [new.id, begun.id]
    assert listed(dpo, f"{queue}?regime=ccpa") == [begun.id]
    assert listed(dpo, f"{queue}?state=received&type=erasure") == [old.id]
    assert listed(dpo, f"{queue}?source=form") == []
    assert "No request fits" in dpo.text
    assert listed(dpo, f"{queue}?due_before={new.due}") == [old.id]


@BOTH
def test_what_was_answered_is_late_no_more(dpo: Visitor, ask: Ask) -> None:
    row = ask("access", 40)
    models.RightsRequest.update(state="response_sent").where(models.RightsRequest.id == row.id).execute()
    assert listed(dpo, "/dashboard/requests?view=overdue") == []
    assert listed(dpo, "/dashboard/requests") == [row.id]
    assert "0 pending 1 in progress 0 overdue 0 completed" in dpo.text
    assert "overdue requests" not in dpo.text


def test_a_day_that_isnt_one_is_said_beside_its_field(dpo: Visitor, ask: Ask) -> None:
    ask()
    assert dpo.get("/dashboard/requests?due_before=tomorrow").status_code == 422
    assert "Must be a day such as 2026-11-30." in dpo.text


def test_pages_keep_what_narrows_them_down(dpo: Visitor, ask: Ask) -> None:
    for _ in range(51):
        ask("erasure")
    ask("access", 5)
    assert len(listed(dpo, "/dashboard/requests?type=erasure")) == 50
    found = re.search(r'href="([^"]+)" rel="next"', dpo.page.text)
    assert found is not None
    assert len(listed(dpo, found[1].replace("&amp;", "&"))) == 1
    assert '<a href="/dashboard/requests?type=erasure">First</a>' in dpo.page.text


class TestFinding:
    def find(self, dpo: Visitor, text: str) -> None:
        dpo.get("/dashboard/requests")
        dpo.post("/dashboard/requests/find", {"reference": text})

    @BOTH
    def test_an_id_its_beginning_or_a_files_reference_lead_to_the_request(
        self, dpo: Visitor, ask: Ask, core: Core, tenant: NewTenant
    ) -> None:
        ask()
        arrival = Arrival("csv", ("reference", "CASE 7"), "erasure", Person("ada@shop.example"))
        row, _ = arrivals.record_once(core, tenant.controller.id, "system", arrival)
        for text in (row.id, row.id.upper(), f" {row.id[:8]} ", row.id.replace("-", "")[:11], "CASE 7"):
            self.find(dpo, text)
            assert dpo.page.url.endswith(f"/dashboard/requests/{row.id}"), text

    @BOTH
    def test_what_names_nothing_is_a_page_that_says_what_it_takes(self, dpo: Visitor, ask: Ask) -> None:
        row = ask()
        for text in ("nothing", row.id[:4], "ffffffff", "", "'; --"):
            self.find(dpo, text)
            assert dpo.page.status_code == 404
            assert "at least the first 6 signs" in dpo.text

    def test_another_controllers_request_is_not_found(self, dpo: Visitor, core: Core) -> None:
        other = tenants.create(core, "Other Shop", "FR").controller
        theirs = requests.create(core, other.id, "key:1", "access", Person("eve@else.example"))
        self.find(dpo, theirs.id)
        assert dpo.page.status_code == 404

    def test_what_was_looked_for_stands_in_no_address(self, dpo: Visitor) -> None:
        self.find(dpo, "canary@person.example")
        assert "canary" not in dpo.page.url


class TestManyAtOnce:
    def bulk(self, dpo: Visitor, act: str, *ids: str, **said: str) -> None:
        dpo.get("/dashboard/requests")
        dpo.post("/dashboard/requests/bulk", {"act": act, **{f"pick.{one}": "yes" for one in ids}, **said})

    @BOTH
    def test_each_is_tried_and_the_one_that_refuses_says_why(
        self, dpo: Visitor, ask: Ask, core: Core, tenant: NewTenant
    ) -> None:
        first, second, begun = ask(), ask("erasure"), ask("portability")
        actions.verify(core, tenant.controller.id, begun.id, "system", "known")
        ids = (first.id, begun.id, second.id)
        self.bulk(dpo, "verify", *ids)
        assert "3 requests are marked. As things stand 2 of them allow it" in dpo.text
        assert {row.state for row in models.RightsRequest.select()} == {"received", "identity_verified"}
        self.bulk(dpo, "verify", *ids, sure="yes", reason="They stood at the counter.")
        assert "2 done, 1 not" in dpo.text
        assert "allows collect, hold, reject, cancel, mark_duplicate, not verify." in dpo.text
        assert {row.state for row in models.RightsRequest.select()} == {"identity_verified"}
        moved = models.AuditEntry.select().where(models.AuditEntry.kind == "rights_request.moved")
        assert len([one for one in moved if f"user:{models.User.get().id}" in one.leaf]) == 2

    def test_what_has_to_be_said_is_asked_for_before_anything_is_done(self, dpo: Visitor, ask: Ask) -> None:
        row = ask()
        self.bulk(dpo, "reject", row.id, sure="yes", reason="", explanation="We looked.")
        assert dpo.page.status_code == 422
        assert "“Why?” is still blank." in dpo.text
        assert "We looked." in dpo.page.text
        assert models.RightsRequest.get().state == "received"

    def test_none_marked_and_acts_that_are_for_one_alone_are_refused(self, dpo: Visitor, ask: Ask) -> None:
        self.bulk(dpo, "verify")
        assert "None is marked" in dpo.text
        self.bulk(dpo, "mark_duplicate", ask().id)
        assert "Choose what is to be done with them." in dpo.text
        assert dpo.page.status_code == 422

    def test_another_controllers_requests_are_left_out(self, dpo: Visitor, core: Core, ask: Ask) -> None:
        other = tenants.create(core, "Other Shop", "FR").controller
        theirs = requests.create(core, other.id, "key:1", "access", Person("eve@else.example"))
        mine = ask()
        self.bulk(dpo, "verify", theirs.id, mine.id, "nonsense", sure="yes", reason="known")
        assert "1 done" in dpo.text
        assert models.RightsRequest.get_by_id(theirs.id).state == "received"

    def test_a_whole_page_fits_into_one_form(self, dpo: Visitor, ask: Ask) -> None:
        ids = [ask().id for _ in range(50)]
        self.bulk(dpo, "acknowledge", *ids, sure="yes")
        assert "50 done" in dpo.text

    @pytest.mark.parametrize("role", [Role.AUDITOR, Role.MEMBER])
    def test_who_may_not_work_on_requests_is_offered_nothing(
        self, sign_in_as: Callable[[Role], Visitor], ask: Ask, role: Role
    ) -> None:
        row, reader = ask(), sign_in_as(role)
        assert "With those marked" not in reader.get("/dashboard/requests").text
        reader.post("/dashboard/requests/bulk", {"act": "verify", f"pick.{row.id}": "yes"})
        assert reader.page.status_code == 403


LETTER = {"type": "erasure", "email": "ada@shop.example", "details": "By letter,\r\nsigned."}


class TestByHand:
    def enter(self, visitor: Visitor, **fields: str) -> None:
        visitor.get("/dashboard/requests/new")
        once = re.search(r'name="once" value="([^"]+)"', visitor.page.text)
        assert once is not None
        visitor.post("/dashboard/requests/new", {"once": once[1], **LETTER, **fields})

    @BOTH
    def test_what_came_by_letter_is_recorded_from_the_day_it_came(
        self, dpo: Visitor, core: Core, tenant: NewTenant
    ) -> None:
        day = (core.clock() - timedelta(days=3)).strftime("%Y-%m-%dT10:30")
        self.enter(dpo, received_at=day, jurisdiction="US-CA")
        row = models.RightsRequest.get()
        assert dpo.page.url.endswith(f"/requests/{row.id}")
        assert "Recorded. Its clock runs" in dpo.text
        assert (row.type, row.source, row.regime, row.state) == ("erasure", "desk", "ccpa", "received")
        assert row.received_at.strftime("%Y-%m-%dT%H:%M") == day
        assert requests.details_of(core, row) == "By letter,\nsigned."
        assert models.AuditEntry.get(models.AuditEntry.kind == "rights_request.created")
        assert "through the rights desk" in dpo.get("/dashboard/requests").text
        assert tenant.controller.id == row.tenant_id

    def test_the_same_form_sent_twice_is_one_request(self, dpo: Visitor) -> None:
        self.enter(dpo, once="the form")
        self.enter(dpo, once="the form")
        assert models.RightsRequest.select().count() == 1
        assert "This form was sent before" in dpo.text

    def test_two_people_who_ask_for_the_same_are_two(self, dpo: Visitor) -> None:
        self.enter(dpo)
        self.enter(dpo)
        assert models.RightsRequest.select().count() == 2

    @pytest.mark.parametrize(
        ("fields", "said"),
        [
            ({"email": "nonsense"}, "Not an e-mail address."),
            ({"email": "", "phone": ""}, "At least one of email, phone, name is needed."),
            ({"received_at": "2999-01-01T00:00"}, "Lies in the future."),
            ({"received_at": "yesterday"}, "Must be a day"),
            ({"jurisdiction": "Atlantis"}, "Unknown; allowed are EU"),
            ({"type": "nothing"}, "Unknown; allowed are access"),
            ({"details": "a\0b"}, "Must not contain NUL."),
        ],
    )
    def test_what_is_wrong_is_said_beside_its_field_and_nothing_is_lost(
        self, dpo: Visitor, fields: dict[str, str], said: str
    ) -> None:
        self.enter(dpo, **fields)
        assert dpo.page.status_code == 422
        assert said in dpo.text
        assert ("By letter," in dpo.page.text) != ("details" in fields)
        assert models.RightsRequest.select().count() == 0

    def test_a_member_may_enter_and_an_auditor_may_not(self, sign_in_as: Callable[[Role], Visitor]) -> None:
        self.enter(sign_in_as(Role.MEMBER))
        assert models.RightsRequest.select().count() == 1
        assert sign_in_as(Role.AUDITOR).get("/dashboard/requests/new").status_code == 403


@pytest.mark.parametrize(
    "address",
    ["/requests", "/requests?view=closed", "/requests?type=access", "/obligations", "/suppressions"],
)
def test_a_list_takes_as_many_queries_however_long_it_is(
    ask: Ask, core: Core, tenant: NewTenant, address: str, cost: Callable[[str], int]
) -> None:
    def of(rows: int) -> int:
        for _ in range(rows):
            denied = ask("access")
            actions.reject(core, tenant.controller.id, denied.id, "system", "no_match")
            ask("access")
            _owed(core, tenant)
            _marked(core, tenant)
        cost(address)  # what is read once is read
        return cost(address)

    assert of(1) == of(12)


@BOTH
def test_a_requests_page_takes_as_many_queries_however_much_was_done(
    ask: Ask, core: Core, tenant: NewTenant, cost: Callable[[str], int]
) -> None:
    row, found = ask(), list[int]()
    for _ in range(2):
        for _ in range(3):
            _owed(core, tenant, row.id)
            actions.hold(core, tenant.controller.id, row.id, "system", "fee")
            actions.resume(core, tenant.controller.id, row.id, "system")
        cost(f"/requests/{row.id}")  # what is read once is read
        found.append(cost(f"/requests/{row.id}"))
    assert found[0] == found[1]


def _owed(core: Core, tenant: NewTenant, request_id: str | None = None) -> None:
    row = {"id": core.new_id(), "tenant_id": tenant.controller.id, "kind": "erase", "recipient": "shopify"}
    said = {"state": "manual", "receipt": {}, "created_at": core.clock(), "request_id": request_id}
    models.Obligation.create(**row, **said, force_insert=True)


def _marked(core: Core, tenant: NewTenant) -> None:
    row = {"id": core.new_id(), "tenant_id": tenant.controller.id, "field": "email", "mark": core.new_id()}
    said = {"key_version": 1, "reason": "request", "created_at": core.clock(), "hits": 0}
    models.Suppression.create(**row, **said, force_insert=True)


@BOTH
def test_the_record_of_a_request_names_who_did_what_and_the_entry_that_shows_it(
    dpo: Visitor, ask: Ask, core: Core, tenant: NewTenant
) -> None:
    row = ask()
    dpo.get(f"/dashboard/requests/{row.id}")
    dpo.post(
        f"/dashboard/requests/{row.id}/act", {"act": "reject", "reason": "no_match", "explanation": "No."}
    )
    assert "Denied: nothing is kept about them" in dpo.text
    entries = models.AuditEntry.select().where(models.AuditEntry.kind == "rights_request.moved")
    [index] = [one.seq for one in entries if json.loads(one.leaf)["request"] == row.id]
    assert f'<a href="/dashboard/audit/entries/{index}">Log entry {index}</a>' in dpo.page.text
    assert "Denied. Nothing is kept about them. By you." in dpo.text
    assert "Recorded" in dpo.text
    assert core.log.head(tenant.controller.id).size > index
