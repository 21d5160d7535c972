"""Data subjects at the dashboard: found without being named, looked at with an entry in the log, merged by a
person with a reason and taken apart again."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from flow import leaves
from visitors import BOTH, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.fulfilment import legal_holds, limiting
from dxflow.engine.merging import conflicts, merges
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import consents, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Enter = Callable[..., models.DataSubject]
ADA = Person("canary@person.example", "+4930123456", "Canary Bird", (("shopify", "70640"),))
EVE = Person("magpie@person.example", None, "Magpie", (("billing", "7"),))


@pytest.fixture
def put(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> Enter:
    """Enters somebody and gives them their DID."""

    def make(person: Person = ADA, owner: str | None = None) -> models.DataSubject:
        subject, _ = subjects.enter(core, owner or tenant.controller.id, person, "key:1")
        drain()
        return subjects.get(owner or tenant.controller.id, subject.id)

    return make


@pytest.fixture
def conflict(core: Core, tenant: NewTenant, put: Enter) -> models.LinkConflict:
    """Two people, and an address of one that came with an id of the other."""
    put(ADA), put(EVE)
    mixed = Person("canary@person.example", None, None, (("billing", "7"),))
    subjects.enter(core, tenant.controller.id, mixed, "key:1")
    return models.LinkConflict.get()


def read_pages(tenant: NewTenant) -> list[object]:
    return [leaf["page"] for leaf in leaves(tenant.controller.id, "personal_data.read")]


def find(visitor: Visitor, kind: str, value: str) -> None:
    visitor.get("/dashboard/subjects")
    visitor.post("/dashboard/subjects", {"kind": kind, "value": value})


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "Canary@Person.example"),
        ("phone", "030 123456"),
        ("external_id", "shopify:70640"),
        ("external_id", "70640"),
    ],
)
def test_an_identifier_leads_to_its_data_subject_and_into_no_address(
    dpo: Visitor, put: Enter, tenant: NewTenant, kind: str, value: str
) -> None:
    subject = put()
    find(dpo, kind, value)
    assert dpo.page.url.endswith(f"/dashboard/subjects/{subject.id}")
    assert all(value not in one.url for one in (*dpo.page.history, dpo.page))
    assert str(subject.did) in dpo.text
    assert "anary" not in dpo.text
    assert read_pages(tenant) == ["data_subject_lookup"]


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("email", "nobody@person.example", "Nobody here has this e-mail address"),
        ("phone", "+49 30 999999", "Nobody here has this telephone number"),
        ("external_id", "4711", "Nobody here has this id at a platform"),
        ("email", "canary at person", "Not an e-mail address."),
        ("phone", "no number", "telephone number"),
        ("email", "", "Type in what to look for."),
        ("name", "Canary Bird", "Choose what to look for."),
    ],
)
def test_who_isnt_found_is_named_by_kind_only(
    dpo: Visitor, put: Enter, tenant: NewTenant, kind: str, value: str, said: str
) -> None:
    put()
    find(dpo, kind, value)
    assert said in dpo.text
    assert not value or value not in dpo.text
    assert read_pages(tenant) == []


@pytest.mark.parametrize("role", [Role.AUDITOR, Role.MEMBER, Role.DEVELOPER, Role.AGENCY])
def test_a_role_that_sees_nobody_finds_nobody_by_an_address(
    sign_in_as: Callable[[Role], Visitor], put: Enter, tenant: NewTenant, role: Role
) -> None:
    subject, reader = put(), sign_in_as(role)
    reader.get("/dashboard/subjects")
    assert "takes a role that may see who they are" in reader.text
    reader.post("/dashboard/subjects", {"kind": "email", "value": "canary@person.example"})
    assert reader.page.status_code == 403
    for name in (subject.did, subject.id):
        assert reader.get(f"/dashboard/subjects?named={name}").url.endswith(subject.id)
    assert "doesn’t include seeing who people are" in reader.text
    assert reader.post(f"/dashboard/subjects/{subject.id}").status_code == 403
    for path in ("merge", "unmerge", "hold", "lift"):
        reader.get(f"/dashboard/subjects/{subject.id}")
        assert reader.post(f"/dashboard/subjects/{subject.id}/{path}").status_code == 403
    assert read_pages(tenant) == []


def test_the_list_names_nobody_and_pages_by_key(
    dpo: Visitor, core: Core, tenant: NewTenant, put: Enter
) -> None:
    for number in range(55):
        subjects.enter(core, tenant.controller.id, Person(f"bird{number}@person.example"), "key:1")
    dpo.get("/dashboard/subjects")
    assert "55 in all" in dpo.text
    assert "person.example" not in dpo.text.replace("ada@example.com", "")
    first = re.findall(r'scope="row"><a href="/dashboard/subjects/([0-9a-f-]{36})"', dpo.page.text)
    older = re.search(r'href="(/dashboard/subjects\?cursor=[^"]+)"', dpo.page.text)
    assert older is not None
    dpo.get(older[1])
    rest = re.findall(r'scope="row"><a href="/dashboard/subjects/([0-9a-f-]{36})"', dpo.page.text)
    assert (len(first), len(rest), len(set(first + rest))) == (50, 5, 55)


def test_the_number_of_queries_doesnt_grow_with_people_or_with_what_happened(
    core: Core, tenant: NewTenant, put: Enter, cost: Callable[[str], int]
) -> None:
    owner, subject = tenant.controller.id, put()
    pages = ("/subjects", f"/subjects/{subject.id}", "/subjects/conflicts")

    def measured() -> list[int]:
        return [cost(path) for path in pages]

    limiting.put(core, owner, subject.id, "sale_opt_out", "", None, "key:1")
    consents.state(core, owner, subject.id, "news", "email", "granted", actor="key:1")
    measured()
    before = measured()
    for number in range(30):
        subjects.enter(core, owner, Person(f"bird{number}@person.example"), "key:1")
        consents.state(core, owner, subject.id, f"news {number}", "email", "granted", actor="key:1")
        requests.create(core, owner, "key:1", "access", ADA)
    assert measured() == before


@BOTH
def test_a_data_subject_shows_what_is_known_and_names_nobody(
    dpo: Visitor, core: Core, tenant: NewTenant, put: Enter
) -> None:
    owner, subject = tenant.controller.id, put()
    for state in ("granted", "withdrawn"):
        consents.state(core, owner, subject.id, "direct marketing", "email", state, actor="key:1")
    limiting.put(core, owner, subject.id, "restriction", "", None, "key:1")
    request = requests.create(core, owner, "key:1", "access", ADA)
    dpo.get(f"/dashboard/subjects/{subject.id}")
    for words in (
        str(subject.did),
        "e-mail address, id at a platform, telephone number",
        "restricted",
        "Direct marketing",
        "2 statements",
        "GDPR Art. 18",
        "Access to their data",
    ):
        assert words in dpo.text
    assert f"/dashboard/requests/{request.id}" in dpo.page.text
    assert "anary" not in dpo.text
    assert read_pages(tenant) == []


@BOTH
def test_seeing_who_it_is_writes_an_entry_first(dpo: Visitor, put: Enter, tenant: NewTenant) -> None:
    subject = put()
    dpo.get(f"/dashboard/subjects/{subject.id}")
    dpo.post(f"/dashboard/subjects/{subject.id}")
    for words in ("canary@person.example", "Canary Bird", "70640", "That you looked is in the log."):
        assert words in dpo.text
    assert read_pages(tenant) == ["data_subject"]
    assert dpo.page.headers["Cache-Control"] == "no-store"


def test_the_timeline_is_filtered_by_kind_and_paged(
    dpo: Visitor, core: Core, tenant: NewTenant, put: Enter
) -> None:
    owner, subject = tenant.controller.id, put()
    for number in range(35):
        consents.state(core, owner, subject.id, f"news {number}", "email", "granted", actor="key:1")
    request = requests.create(core, owner, "key:1", "erasure", ADA)
    dpo.get(f"/dashboard/subjects/{subject.id}?kind=rights_request")
    assert len(re.findall(r'<li class="\w+"><svg', dpo.page.text)) == 1
    assert f"/dashboard/requests/{request.id}" in dpo.page.text
    dpo.get(f"/dashboard/subjects/{subject.id}?kind=consent")
    assert len(re.findall(r'<li class="\w+"><svg', dpo.page.text)) == 30
    older = re.search(r'href="([^"]+cursor=[^"#]+)', dpo.page.text)
    assert older is not None
    dpo.get(older[1].replace("&amp;", "&"))
    assert len(re.findall(r'<li class="\w+"><svg', dpo.page.text)) == 5


def test_a_request_is_entered_for_the_person_and_leads_there(dpo: Visitor, put: Enter) -> None:
    subject = put()
    dpo.get(f"/dashboard/subjects/{subject.id}")
    dpo.post(f"/dashboard/subjects/{subject.id}/request", {"type": "access", "details": "by telephone"})
    request = models.RightsRequest.get()
    assert dpo.page.url.endswith(f"/dashboard/requests/{request.id}")
    assert (request.subject_id, request.source, request.type) == (subject.id, "desk", "access")
    assert "Its clock runs" in dpo.text
    dpo.get(f"/dashboard/subjects/{subject.id}")
    dpo.post(f"/dashboard/subjects/{subject.id}/request", {"type": "world peace", "details": ""})
    assert dpo.page.status_code == 422
    assert models.RightsRequest.select().count() == 1


def test_a_legal_hold_is_placed_with_a_reason_and_lifted_again(dpo: Visitor, core: Core, put: Enter) -> None:
    subject = put()
    page = f"/dashboard/subjects/{subject.id}"
    dpo.get(page)
    assert dpo.post(f"{page}/hold", {"reason": " "}).status_code == 422
    assert "must have 1 to 500 characters" in dpo.text
    dpo.post(f"{page}/hold", {"reason": "the lawsuit of the bird"})
    assert "The legal hold is in force" in dpo.text
    assert "lawsuit" not in dpo.text
    dpo.post(page)
    assert "the lawsuit of the bird" in dpo.text
    [hold] = legal_holds.of(subject.id)
    dpo.post(f"{page}/lift", {"hold": hold.id})
    assert "That legal hold is lifted." in dpo.text
    assert legal_holds.of(subject.id) == []


def test_another_controllers_rows_are_pages_that_arent_there(
    dpo: Visitor, core: Core, tenant: NewTenant, put: Enter
) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller.id
    theirs, second = put(ADA, other), put(EVE, other)
    mixed = Person("canary@person.example", None, None, (("billing", "7"),))
    subjects.enter(core, other, mixed, "key:1")
    conflict, mine = models.LinkConflict.get(), put()
    for path in (
        f"/subjects/{theirs.id}",
        f"/subjects/{theirs.id}/merge",
        f"/subjects/conflicts/{conflict.id}",
        "/subjects/nobody",
        "/subjects/conflicts/nothing",
    ):
        assert dpo.get(f"/dashboard{path}").status_code == 404, path
    merge = merges.merge(core, other, theirs.id, second.id, "one person", "key:1")
    dpo.get(f"/dashboard/subjects/{mine.id}")
    for path, fields in (
        (f"/subjects/{theirs.id}", {}),
        (f"/subjects/{mine.id}/unmerge", {"merge": merge.id, "reason": "x"}),
        (f"/subjects/conflicts/{conflict.id}/keep-apart", {"reason": "x"}),
    ):
        dpo.get(f"/dashboard/subjects/{mine.id}")
        assert dpo.post(f"/dashboard{path}", fields).status_code == 404, path
    assert dpo.get(f"/dashboard/subjects?named={theirs.did}").status_code == 200
    assert "Nobody here has this DID or id" in dpo.text


@BOTH
def test_a_conflict_shows_both_and_merging_them_can_be_taken_back(
    dpo: Visitor, core: Core, tenant: NewTenant, conflict: models.LinkConflict, drain: Callable[[], int]
) -> None:
    dpo.get("/dashboard/subjects")
    assert "1 link conflict to decide" in dpo.text
    page = f"/dashboard/subjects/conflicts/{conflict.id}"
    dpo.get(page)
    assert "The first" in dpo.text
    assert "The second" in dpo.text
    assert "anary" not in dpo.text
    dpo.post(page)
    for words in ("canary@person.example", "Canary Bird", "Magpie", "That you looked at both is in the log."):
        assert words in dpo.text
    assert read_pages(tenant) == ["link_conflict"]
    kept = conflict.subject_id
    assert dpo.post(f"{page}/merge", {"kept": kept, "reason": ""}).status_code == 422
    assert "Must have 1 to 500 characters." in dpo.text
    dpo.post(f"{page}/merge", {"kept": kept, "reason": "same handwriting"})
    assert dpo.page.url.endswith(f"/dashboard/subjects/{kept}")
    assert "same handwriting" not in dpo.text
    dpo.post(f"/dashboard/subjects/{kept}")
    assert "“same handwriting”" in dpo.text
    assert read_pages(tenant) == ["link_conflict", "data_subject"]
    drain()
    gone = conflict.other_subject_id
    dpo.get(f"/dashboard/subjects/{gone}")
    assert "Merged into another data subject" in dpo.text
    merge = models.SubjectMerge.get()
    dpo.post(f"/dashboard/subjects/{gone}/unmerge", {"merge": merge.id, "reason": "two sisters"})
    assert "Taken apart." in dpo.text
    assert conflicts.waiting(tenant.controller.id) == 1
    assert models.DataSubject.get_by_id(gone).state == "active"


def test_two_people_are_kept_apart_with_a_reason(
    dpo: Visitor, tenant: NewTenant, conflict: models.LinkConflict
) -> None:
    page = f"/dashboard/subjects/conflicts/{conflict.id}"
    dpo.get(page)
    assert dpo.post(f"{page}/keep-apart", {"reason": ""}).status_code == 422
    dpo.post(f"{page}/keep-apart", {"reason": "mother and daughter"})
    assert "Decided: they are two." in dpo.text
    assert "Nothing to decide" in dpo.text
    dpo.get("/dashboard/subjects/conflicts?state=kept_apart")
    assert conflict.id in dpo.page.text
    dpo.get(page)
    assert "mother and daughter" not in dpo.text, "a reason is about people, and shown as they are"
    assert read_pages(tenant) == []
    dpo.post(page)
    assert "“mother and daughter”" in dpo.text
    assert read_pages(tenant) == ["link_conflict"]
    assert f"{page}/merge" not in dpo.page.text


def test_an_auditor_sees_a_conflict_and_decides_nothing(
    sign_in_as: Callable[[Role], Visitor], conflict: models.LinkConflict
) -> None:
    auditor = sign_in_as(Role.AUDITOR)
    page = f"/dashboard/subjects/conflicts/{conflict.id}"
    auditor.get(page)
    assert "it can look, but not decide" in auditor.text
    for path in ("", "/merge", "/keep-apart"):
        auditor.get(page)
        assert auditor.post(f"{page}{path}", {"reason": "x"}).status_code == 403


def test_two_that_nothing_points_at_are_merged_from_the_page_of_one(
    dpo: Visitor, core: Core, tenant: NewTenant, put: Enter
) -> None:
    first, second = put(ADA), put(EVE)
    page = f"/dashboard/subjects/{first.id}/merge"
    dpo.get(page)
    dpo.post(f"{page}/find", {"kind": "email", "value": "nobody@person.example"})
    assert "No data subject has this identifier." in dpo.text
    dpo.post(f"{page}/find", {"kind": "email", "value": "magpie@person.example"})
    assert str(second.did) in dpo.text
    assert dpo.get(f"{page}?with={first.did}").status_code == 200
    assert "very data subject" in dpo.text
    dpo.get(f"{page}?with={second.did}")
    hold = legal_holds.place(core, tenant.controller.id, second.id, "a lawsuit", "key:1")
    fields = {"other": second.id, "kept": second.id, "reason": "one person"}
    assert dpo.post(page, fields).status_code == 422
    assert hold.id in dpo.text
    assert "lawsuit" not in dpo.text
    legal_holds.lift(core, tenant.controller.id, second.id, hold.id, "key:1")
    dpo.post(page, fields)
    assert dpo.page.url.endswith(f"/dashboard/subjects/{second.id}")
    assert "Merged." in dpo.text
    said = [json.dumps(leaf) for leaf in leaves(tenant.controller.id, merges.KIND)]
    assert len(said) == 1
    assert first.id not in said[0]
