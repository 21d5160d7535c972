"""The log's pages without a browser: who may see what, what is found, and what is downloaded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from flow import HandClock, Sender, customer
from visitors import BOTH, Visitor

from dxflow.engine.access.roles import Permission, Role, may
from dxflow.engine.core import Core
from dxflow.engine.ledger import proofs
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services import acts, tenants
from dxflow.engine.services.audit import audit_search
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models
from dxflow.http.dashboard.audit import audit_words

PERSON = "canary@person.example"
PAGES = ("/audit", "/audit/entries/0", "/audit/verify", "/audit/bundle", "/audit/links")


@pytest.fixture
def filled(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> int:
    """A log with the steps of a delivery, and an act about its person; the act's index."""
    tenant_id = tenant.controller.id
    Sender(core, tenant_id).send("customers/create", customer(1))
    drain()
    subject = models.DataSubject.get(tenant_id=tenant_id).id
    with core.store.transaction():
        acts.record(
            core, tenant_id, "limit.placed", "user:7", {"who": PERSON}, [subject], limit="restriction"
        )
    return int(core.log.head(tenant_id).size) - 1


def kinds_of(core: Core, tenant: NewTenant) -> list[str]:
    entry = models.AuditEntry
    return [
        row.kind for row in entry.select().where(entry.tenant_id == tenant.controller.id).order_by(entry.seq)
    ]


@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_made_of_headings_labels_and_addresses_of_its_own(dpo: Visitor, page: str) -> None:
    text = dpo.get(f"/dashboard{page}").text
    assert dpo.page.status_code == 200
    assert dpo.page.headers["Cache-Control"] == "no-store"
    assert text.count("<h1") == 1
    assert text.count('aria-current="page"') == 1
    assert not re.search(r"\s(style|on\w+)=", text)
    assert not re.search(r"<style|<script(?![^>]*\ssrc=)", text)
    for address in re.findall(r'(?:src|href|action)="([^"]+)"', text):
        assert address.startswith(("/dashboard/", "#"))
    for field in re.findall(r'<(?:input|textarea|select)(?![^>]*type="hidden")[^>]* id="([^"]+)"', text):
        assert f'<label for="{field}"' in text


@BOTH
def test_entries_are_found_by_what_is_in_the_address(dpo: Visitor, filled: int) -> None:
    dpo.get("/dashboard/audit")
    assert "Limit placed" in dpo.text
    assert "Find the data subject" in dpo.text
    dpo.get("/dashboard/audit?kind=limit.placed")
    assert dpo.page.text.count('scope="row"') == 1
    dpo.get("/dashboard/audit?actor=workflow&from=2099-03-02&to=2099-03-02")
    assert "Limit placed" not in re.sub(r"(?s)<select.*?</select>", "", dpo.page.text)
    assert "Find the data subject" in dpo.text
    dpo.get("/dashboard/audit?to=2099-03-01")
    assert "No such entry" in dpo.text
    event = models.Event.select().where(models.Event.workflow == "webhook").first()
    dpo.get(f"/dashboard/audit?about={event.id}")
    assert "Read the delivery" in dpo.text


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("kind=%3Cscript%3E", "This is not a kind of entry."),
        ("actor=nobody", "This must be one of"),
        ("about=somebody@example.com", "This must be an id or a DID in full."),
        ("from=2099-02-30", "This is a day that there isn’t."),
        ("to=9999-12-31", "This is a day that there isn’t."),
        ("entry=-1", "This is the number of an entry, from 0 on."),
    ],
)
def test_a_search_for_what_cannot_be_says_why_beside_the_field(dpo: Visitor, query: str, reason: str) -> None:
    dpo.get(f"/dashboard/audit?{query}")
    assert dpo.page.status_code == 422
    assert reason in dpo.text
    assert 'aria-invalid="true"' in dpo.page.text
    assert "<script>" not in dpo.page.text


def test_a_look_that_stopped_says_where_and_leads_further_back(
    dpo: Visitor, filled: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "STRETCH", 2)
    dpo.get("/dashboard/audit?actor=requester")
    assert "Look further back" in dpo.text
    following = re.search(r'href="([^"]+)" rel="next"', dpo.page.text)
    assert following is not None
    dpo.get(following[1].replace("&amp;", "&"))
    assert "Look further back" in dpo.text


def test_a_number_leads_to_its_entry(dpo: Visitor, filled: int) -> None:
    assert dpo.get(f"/dashboard/audit?entry={filled}").url.endswith(f"/dashboard/audit/entries/{filled}")
    for beyond in (filled + 500, "nonsense", "-1", "9" * 40):
        assert dpo.get(f"/dashboard/audit/entries/{beyond}").status_code == 404


def test_what_an_entry_names_is_a_door_where_there_is_a_page(dpo: Visitor, filled: int) -> None:
    event = models.Event.select().where(models.Event.workflow == "webhook").first()
    entry = models.AuditEntry.select().where(models.AuditEntry.leaf.contains(f'"event":"{event.id}"')).first()
    page = dpo.get(f"/dashboard/audit/entries/{entry.seq}").text
    assert f'href="/dashboard/events/{event.id}"' in page


def test_what_an_entry_commits_to_is_opened_after_that_is_logged(
    dpo: Visitor, core: Core, tenant: NewTenant, filled: int
) -> None:
    before = len(kinds_of(core, tenant))
    dpo.get(f"/dashboard/audit/entries/{filled}")
    assert PERSON not in dpo.page.text
    assert len(kinds_of(core, tenant)) == before
    dpo.post(f"/dashboard/audit/entries/{filled}")
    assert PERSON in dpo.text
    assert "This is what the entry committed to" in dpo.text
    assert "/dashboard/subjects/" in dpo.page.text
    assert kinds_of(core, tenant)[before:] == ["personal_data.read"]
    leaf = json.loads(core.log.entry(tenant.controller.id, before).leaf)
    assert (leaf["page"], leaf["people"], leaf["entry"]) == ("audit_entry", 1, filled)
    assert PERSON not in json.dumps(leaf)


def test_what_was_changed_behind_the_log_s_back_is_shown_as_that(
    dpo: Visitor, core: Core, tenant: NewTenant, filled: int
) -> None:
    act = json.loads(core.log.entry(tenant.controller.id, filled).leaf)["act"]
    place = {"table": "act_payloads", "column": "payload_sealed", "row_id": act}
    sealed = core.keys.seal(tenant.controller.id, b'{"who":"nobody"}', **place)
    models.ActPayload.update(payload_sealed=sealed).where(models.ActPayload.id == act).execute()
    dpo.get(f"/dashboard/audit/entries/{filled}")
    dpo.post(f"/dashboard/audit/entries/{filled}")
    assert "This isn’t what the entry committed to" in dpo.text


def test_of_somebody_erased_nothing_is_opened_and_nothing_logged(
    dpo: Visitor, core: Core, tenant: NewTenant, filled: int
) -> None:
    models.AuditSalt.delete().where(models.AuditSalt.seq == filled).execute()
    before = len(kinds_of(core, tenant))
    dpo.get(f"/dashboard/audit/entries/{filled}")
    assert "Gone: somebody whom it concerned was erased." in dpo.text
    dpo.post(f"/dashboard/audit/entries/{filled}")
    assert PERSON not in dpo.text
    assert len(kinds_of(core, tenant)) == before


@pytest.mark.parametrize("role", Role)
def test_each_role_sees_the_log_and_may_do_with_it_what_the_matrix_says(
    sign_in_as: Callable[[Role], Visitor], filled: int, role: Role
) -> None:
    visitor = sign_in_as(role)
    assert visitor.get(f"/dashboard/audit/entries/{filled}").status_code == 200
    assert ("Open it" in visitor.text) == may(role, Permission.READ_PEOPLE)
    opened = visitor.post(f"/dashboard/audit/entries/{filled}").status_code
    assert opened == (200 if may(role, Permission.READ_PEOPLE) else 403)
    visitor.get("/dashboard/audit")
    assert ("Auditors’ links" in visitor.text) == may(role, Permission.SHARE_LOG)
    shared = visitor.get("/dashboard/audit/links").status_code
    assert shared == (200 if may(role, Permission.SHARE_LOG) else 403)


def test_another_tenant_s_log_is_nowhere_to_be_seen(
    dpo: Visitor, core: Core, tenant: NewTenant, filled: int
) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    with core.store.transaction():
        core.log.append(
            other.id, [Leaf("canary.kind", {"actor": "system", "n": n}) for n in range(filled + 9)]
        )
    dpo.get("/dashboard/audit")
    assert other.did not in dpo.page.text
    assert "canary" not in dpo.page.text.lower()
    assert dpo.get(f"/dashboard/audit/entries/{filled + 5}").status_code == 404
    found = dpo.get(f"/dashboard/audit/proofs?from=3&entry={filled + 5}").json()
    assert found["origin"] == core.log.head(tenant.controller.id).origin
    assert found["inclusion"] is None


def test_proofs_are_downloaded_and_hold(dpo: Visitor, core: Core, tenant: NewTenant, filled: int) -> None:
    head = core.log.head(tenant.controller.id)
    verifiers = core.signing.verifiers(head.origin)
    text = dpo.get(f"/dashboard/audit/entries/{filled}/proof").text
    assert proofs.parse(text).verify(verifiers).size >= head.size
    activity = models.ProcessingActivity.get(tenant_id=tenant.controller.id)
    text = dpo.get(f"/dashboard/audit/activity-proof?activity={activity.did}").text
    assert json.loads(proofs.parse(text).leaf)["activity"] == activity.did
    assert dpo.page.headers["Content-Disposition"].endswith('.tlog-proof"')
    for unknown in ("", core.new_id(), "nonsense"):
        assert dpo.get(f"/dashboard/audit/activity-proof?activity={unknown}").status_code == 404
    assert dpo.get("/dashboard/audit/checkpoint").text == str(core.log.head(tenant.controller.id).checkpoint)


def test_without_scripts_the_server_checks_itself_and_says_so(
    dpo: Visitor, core: Core, tenant: NewTenant, filled: int
) -> None:
    note = str(core.log.head(tenant.controller.id).checkpoint)
    dpo.get("/dashboard/audit/verify")
    for given, said in (
        ({"checkpoint": note.replace("\n", "\r\n"), "entry": "0"}, "This is the log’s present checkpoint"),
        ({"checkpoint": "<script>alert(1)</script>/log\n1\nx\n\n— a b\n"}, "This isn’t a signed checkpoint"),
        ({"checkpoint": ""}, "Paste the checkpoint that you kept."),
        ({"checkpoint": note, "entry": "x"}, "An entry is a number, from 0 on."),
        ({"checkpoint": "x" * 50_000}, "This isn’t a signed checkpoint"),
    ):
        dpo.post("/dashboard/audit/verify", given)
        assert said in dpo.text
        assert "<script>" not in dpo.page.text
    other = core.signing.sign("<b>evil</b>/log", 3, b"r" * 32)
    dpo.post("/dashboard/audit/verify", {"checkpoint": other})
    assert "A checkpoint of another log" in dpo.text
    assert "<b>evil" not in dpo.page.text


def test_pages_of_the_log_ask_as_often_for_a_long_log_as_for_a_short_one(
    dpo: Visitor, core: Core, tenant: NewTenant, filled: int, cost: Callable[[str], int]
) -> None:
    pages = ("/audit", "/audit?actor=user", f"/audit/entries/{filled}", "/audit/verify", "/audit/bundle")
    few = [cost(page) for page in pages]
    with core.store.transaction():
        batch = [Leaf("api_key.revoked", {"actor": "user:7", "key": core.new_id()}) for _ in range(200)]
        core.log.append(tenant.controller.id, batch)
    many = [cost(page) for page in pages]
    assert all(later - first <= 3 for first, later in zip(few, many, strict=True)), (
        "a kind more, two tiles more"
    )
    assert max(many) <= 25


def test_the_words_of_a_check_fit_their_figures_and_each_other() -> None:
    tones = {tone for tone, *_ in audit_words.VERDICTS.values()}
    assert tones == {"good", "warn", "bad"}
    for texts in (*audit_words.STEPS.values(), *audit_words.VERDICTS.values()):
        for text in texts:
            audit_words.told(text, {})


def test_the_search_offers_whoever_an_entry_can_name() -> None:
    assert set(audit_words.actors()) == set(audit_search.ACTORS)


def test_a_link_is_made_shown_once_and_revoked(
    dpo: Visitor, core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    dpo.get("/dashboard/audit/links")
    dpo.post("/dashboard/audit/links", {"name": "BfDI", "days": "7"})
    address = re.search(r"http://dxflow\.example/dashboard/auditor/link#([\w-]+)", dpo.page.text)
    assert address is not None
    dpo.get("/dashboard/audit/links")
    assert address[1] not in dpo.page.text
    assert "BfDI in force" in dpo.text
    row = models.AuditorLink.get()
    dpo.post(f"/dashboard/audit/links/{row.id}/revoke")
    assert "That link opens nothing any more" in dpo.text
    assert "BfDI revoked" in dpo.text
    assert kinds_of(core, tenant)[-2:] == ["auditor_link.created", "auditor_link.revoked"]
    assert dpo.post(f"/dashboard/audit/links/{core.new_id()}/revoke").status_code == 404


@pytest.mark.parametrize(
    ("form", "reason"),
    [
        ({"name": " ", "days": "7"}, "This must have 1 to 100 characters."),
        ({"name": "BfDI", "days": "91"}, "This must be 1 to 90."),
        ({"name": "BfDI", "days": "soon"}, "This must be a whole number."),
    ],
)
def test_a_link_that_cannot_be_made_says_why(dpo: Visitor, form: dict[str, str], reason: str) -> None:
    dpo.get("/dashboard/audit/links")
    dpo.post("/dashboard/audit/links", form)
    assert dpo.page.status_code == 422
    assert reason in dpo.text
    assert not models.AuditorLink.select().exists()
