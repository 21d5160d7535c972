"""An auditor's link from its first click to its end: what it opens, what never, and what it leaves behind."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import repeat

import pytest
from flow import HandClock, Sender, customer
from visitors import BOTH, Visitor, set_by

from dxflow.engine.core import Core
from dxflow.engine.errors import Unavailable
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import auditor_links, bundle_stream
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models
from dxflow.http.dashboard.audit import audit_files
from waiting import wait_until

INSIDE = (
    "",
    "/entries/0",
    "/entries/0/proof",
    "/verify",
    "/bundle",
    "/bundle/file",
    "/checkpoint",
    "/proofs?from=1&entry=0",
    "/verifier.py",
)
HOME = "/dashboard/auditor"
LINK = f"{HOME}/link"


@dataclass
class Given:
    """A link as it was sent to somebody."""

    id: str
    token: str

    @property
    def form(self) -> dict[str, str]:
        """What the page at the link sends."""
        return {"token": self.token}


@pytest.fixture
def given(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> Given:
    """A link for a week, to a log with a customer's delivery in it."""
    Sender(core, tenant.controller.id).send("customers/create", customer(1))
    drain()
    row, token = auditor_links.create(core, tenant.controller.id, "Dr. Example", 7, "user:7")
    return Given(str(row.id), token)


@pytest.fixture
def auditor(visitor: Visitor, given: Given) -> Visitor:
    """Somebody who came by it."""
    visitor.get(LINK)
    visitor.post(LINK, given.form)
    assert visitor.page.status_code == 200
    return visitor


def used(core: Core, tenant: NewTenant) -> int:
    entry = models.AuditEntry
    here = entry.select().where(entry.tenant_id == tenant.controller.id, entry.kind == "auditor_link.used")
    return int(here.count())


def test_following_a_link_does_nothing_pressing_the_button_does(
    visitor: Visitor, given: Given, core: Core, tenant: NewTenant
) -> None:
    for _ in range(3):
        visitor.get(LINK)
        assert visitor.page.status_code == 200
        assert set_by(visitor.page) == {}
    assert used(core, tenant) == 0
    answer = visitor.post(LINK, given.form, follow=False)
    assert (answer.status_code, answer.headers["Location"]) == (303, HOME)
    assert given.token not in answer.headers["Location"]
    assert used(core, tenant) == 1


def test_a_link_is_pasted_whole_or_in_part_and_its_token_is_in_no_address(
    site: str, given: Given, core: Core
) -> None:
    address = auditor_links.address("https://dxflow.example", given.token)
    path, _, behind = address.partition("#")
    assert (path, behind) == (f"https://dxflow.example{LINK}", given.token)
    for pasted in (address, given.token, f"  {given.token}\n", f"#{given.token}"):
        visitor = Visitor(site)
        visitor.get(LINK)
        assert visitor.post(LINK, {"token": pasted}, follow=False).status_code == 303, pasted
    for nothing in ("", "#", f"{LINK}/{given.token}"):
        assert Visitor(site).post(LINK, {"token": nothing}).status_code == 404
    assert Visitor(site).get(f"{LINK}/{given.token}").status_code == 404


def test_the_cookie_is_strict_and_nothing_but_a_server_reads_it(visitor: Visitor, given: Given) -> None:
    visitor.get(LINK)
    cookies = set_by(visitor.post(LINK, given.form, follow=False))
    assert set(cookies) == {"dxflow-auditor"}
    assert {"HttpOnly", "Path=/", "SameSite=Strict", "Max-Age=43200"} <= cookies["dxflow-auditor"]


@pytest.mark.parametrize("public_url", ["https://dxflow.example"])
def test_behind_https_no_other_host_and_no_plain_connection_can_set_it(
    visitor: Visitor, given: Given
) -> None:
    cookies = set_by(visitor.post(LINK, given.form, follow=False))
    assert set(cookies) == {"__Host-dxflow-auditor"}
    assert "Secure" in cookies["__Host-dxflow-auditor"]


def test_it_lasts_no_longer_than_the_link(visitor: Visitor, given: Given, clock: HandClock) -> None:
    clock.forward(7 * 86_400 - 600)
    cookies = set_by(visitor.post(LINK, given.form, follow=False))
    (age,) = (one for one in cookies["dxflow-auditor"] if one.startswith("Max-Age"))
    assert 500 < int(age.partition("=")[2]) <= 600


@BOTH
def test_a_link_opens_the_log_its_proofs_and_its_bundle(
    auditor: Visitor, core: Core, tenant: NewTenant
) -> None:
    for path in INSIDE:
        assert auditor.get(f"{HOME}{path}").status_code == 200, path
        assert auditor.page.headers["Cache-Control"] == "no-store"
        assert "Content-Security-Policy" in auditor.page.headers
    archive = zipfile.ZipFile(io.BytesIO(auditor.get(f"{HOME}/bundle/file").content))
    assert json.loads(archive.read("manifest.json"))["did"] == tenant.controller.did
    auditor.get(HOME)
    assert "The log of Acme Shop" in auditor.text
    assert "For Dr. Example; this link works until Monday, 9 March 2099" in auditor.text
    auditor.get(f"{HOME}/verify")
    auditor.post(f"{HOME}/verify", {"checkpoint": str(core.log.head(tenant.controller.id).checkpoint)})
    assert "This is the log’s present checkpoint" in auditor.text


@pytest.mark.parametrize("room", ["auditor", "audit"])
def test_whoever_asks_for_one_bundle_too_many_is_told_when_and_one_broken_off_frees_its_place(
    auditor: Visitor, dpo: Visitor, monkeypatch: pytest.MonkeyPatch, room: str
) -> None:
    visitor, path = {"auditor": auditor, "audit": dpo}[room], f"/dashboard/{room}/bundle/file"
    begun = list[str]()

    def endless(_core: Core, tenant_id: str) -> Iterator[bytes]:
        begun.append(tenant_id)
        return repeat(b"x" * 65_536)

    with monkeypatch.context() as patched:
        patched.setattr(bundle_stream, "stream", endless)
        address = visitor.base + path
        open_ones = [
            visitor.session.get(address, stream=True, timeout=30) for _ in range(audit_files.AT_ONCE)
        ]
        assert [one.raw.read(10) for one in open_ones] == [b"x" * 10] * audit_files.AT_ONCE
        assert visitor.session.head(address, timeout=30).status_code == 200
        visitor.get(path)
        assert (visitor.page.status_code, len(begun)) == (503, audit_files.AT_ONCE)
        assert 0 < int(visitor.page.headers["Retry-After"]) < 60
        assert "Not just now" in visitor.text
        assert f"try again in {visitor.page.headers['Retry-After']} s" in visitor.text.lower()
        open_ones[0].close()  # in the middle
    wait_until(lambda: visitor.get(path).status_code == 200, what="the place of the one broken off")
    open_ones[1].close()
    for _ in range(audit_files.AT_ONCE + 1):
        wait_until(lambda: visitor.get(path).status_code == 200, what="a place")


def test_a_bundle_that_cannot_begin_takes_no_place(auditor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Iterator[bytes]:
        raise Unavailable("the database doesn't answer")

    with monkeypatch.context() as patched:
        patched.setattr(bundle_stream, "stream", broken)
        for _ in range(audit_files.AT_ONCE + 1):
            assert "Not just now" not in auditor.get(f"{HOME}/bundle/file").text
            assert auditor.page.status_code == 503
    assert auditor.get(f"{HOME}/bundle/file").status_code == 200


def test_a_link_opens_nothing_else(auditor: Visitor, core: Core, tenant: NewTenant) -> None:
    event = models.Event.select().first().id
    for path in ("/", "/events", f"/events/{event}", "/audit", "/audit/links", "/people", "/account"):
        auditor.get(f"/dashboard{path}", follow=False)
        assert auditor.page.status_code == 303, path
        assert auditor.page.headers["Location"].startswith("/dashboard/sign-in")
    act = int(core.log.head(tenant.controller.id).size) - 2
    assert auditor.post(f"{HOME}/entries/{act}").status_code == 405
    assert auditor.get(f"{HOME}/links").status_code == 404
    assert auditor.get("/api/v1/audit/entries").status_code == 401


def test_no_page_names_a_person_or_leads_anywhere_else(
    auditor: Visitor, core: Core, tenant: NewTenant
) -> None:
    size = int(core.log.head(tenant.controller.id).size)
    for path in (HOME, *(f"{HOME}/entries/{index}" for index in range(size))):
        text = auditor.get(path).text
        assert "Open it" not in text
        for address in re.findall(r'(?:href|action)="([^"]+)"', text):
            assert address.startswith((f"{HOME}", "/dashboard/static/", "#")), address
        for person in models.DataSubject.select():
            assert str(person.id) not in text
            assert str(person.did) not in text
        assert "@" not in re.sub(r"c2sp.org/tlog-proof@v1", "", auditor.text)


def test_whatever_opens_nothing_is_answered_alike(
    site: str, given: Given, core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    def answer(token: str) -> tuple[int, str]:
        stranger = Visitor(site)
        entrance = stranger.get(LINK)
        assert entrance.status_code == 200
        stranger.post(LINK, {"token": token})
        assert set_by(stranger.page) == {}
        return stranger.page.status_code, stranger.text

    revoked, token = auditor_links.create(core, tenant.controller.id, "Another", 7, "user:7")
    auditor_links.revoke(core, tenant.controller.id, revoked.id, "user:7")
    unknown = answer("nothing-like-it")
    assert unknown[0] == 404
    assert "This link opens nothing" in unknown[1]
    assert answer(token) == unknown
    clock.forward(8 * 86_400)
    assert answer(given.token) == unknown


def test_what_is_open_closes_when_the_link_is_revoked_or_over(
    auditor: Visitor, given: Given, core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    clock.forward(7 * 86_400 + 1)
    assert auditor.get(HOME).status_code == 404
    clock.forward(-86_400)
    assert auditor.get(HOME).status_code == 200
    auditor_links.revoke(core, tenant.controller.id, given.id, "user:7")
    for path in INSIDE:
        assert auditor.get(f"{HOME}{path}").status_code == 404, path
        assert "This link opens nothing" in auditor.text


def test_each_data_controller_s_link_opens_its_own_log(auditor: Visitor, core: Core, site: str) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    _, token = auditor_links.create(core, other.id, "Dr. Example", 7, "user:9")
    second = Visitor(site)
    second.get(LINK)
    second.post(LINK, {"token": token})
    assert "The log of Other Shop" in second.text
    assert second.get(f"{HOME}/proofs").json()["size"] < auditor.get(f"{HOME}/proofs").json()["size"]
    assert other.did not in auditor.get(HOME).text


def test_forms_of_other_sites_and_sessions_are_refused(auditor: Visitor, given: Given) -> None:
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert auditor.post(LINK, given.form, headers=foreign).status_code == 403
    auditor.get(f"{HOME}/verify")
    for form in ({"csrf": "another"}, {"csrf": ""}):
        assert auditor.post(f"{HOME}/verify", {"checkpoint": "x", **form}).status_code == 403
        assert auditor.post(f"{HOME}/leave", form).status_code == 403
    auditor.get(HOME)
    assert auditor.post(f"{HOME}/verify", {"checkpoint": "x"}, headers=foreign).status_code == 403


def test_whoever_leaves_is_forgotten_and_can_come_again(auditor: Visitor, given: Given) -> None:
    auditor.get(HOME)
    auditor.post(f"{HOME}/leave")
    assert "This browser has forgotten the link" in auditor.text
    assert auditor.get(HOME).status_code == 404
    auditor.get(LINK)
    assert auditor.post(LINK, given.form).status_code == 200


def test_guessing_is_stopped(visitor: Visitor, given: Given) -> None:
    for number in range(50):
        assert visitor.post(LINK, {"token": f"guess-{number}"}).status_code == 404
    visitor.post(LINK, given.form)
    assert visitor.page.status_code == 429
    assert int(visitor.page.headers["Retry-After"]) > 0
    assert "Too many links that open nothing" in visitor.text


def test_what_is_not_there_leads_back_to_the_log_alone(auditor: Visitor) -> None:
    for path in ("/nowhere", "/entries/99999", "/entries/x", "/activity-proof?activity=x"):
        auditor.get(f"{HOME}{path}")
        assert auditor.page.status_code == 404, path
        assert f'href="{HOME}"' in auditor.page.text
        assert 'href="/dashboard/"' not in auditor.page.text
