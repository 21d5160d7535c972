"""One's own account: where one is signed in, what one belongs to, and forms that nobody else can send."""

from __future__ import annotations

import re

import pytest
from visitors import BOTH, PASSWORD, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

EMAIL = "dpo@acme.example"
POSTS = (
    "/account/switch",
    "/account/end-session",
    "/account/end-others",
    "/account/second-factor",
    "/account/second-factor/confirm",
    "/account/second-factor/codes",
    "/account/second-factor/off",
)


@pytest.fixture
def elsewhere(dpo: Visitor, site: str) -> Visitor:
    """The same person in another browser."""
    visitor = Visitor(site)
    visitor.session.headers["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0"
    visitor.sign_in(EMAIL, PASSWORD)
    return visitor


def session_ids(visitor: Visitor) -> dict[str, str]:
    """``{browser: session id}`` of the account page."""
    rows = re.findall(
        r'class="subject">([^<]+)</span>.*?name="session" value="([^"]+)"', visitor.page.text, re.S
    )
    return dict(rows)


@BOTH
def test_the_account_says_who_one_is_and_where_one_is_signed_in(dpo: Visitor, elsewhere: Visitor) -> None:
    dpo.get("/dashboard/")
    assert "Your account" in dpo.text
    dpo.get("/dashboard/account")
    for words in (EMAIL, "Acme Shop", "DPO", "Chosen", "off", "Firefox on Windows", "127.0.0.1", "this one"):
        assert words in dpo.text
    assert "with your password" in dpo.text
    assert "Data controllers you belong to" not in dpo.text, "there is one"


def test_another_session_is_ended_at_once(dpo: Visitor, elsewhere: Visitor) -> None:
    dpo.get("/dashboard/account")
    dpo.post("/dashboard/account/end-session", {"session": session_ids(dpo)["Firefox on Windows"]})
    assert "That session is over" in dpo.text
    assert "/sign-in" in elsewhere.get("/dashboard/").url


def test_who_ends_this_session_is_signed_out(dpo: Visitor) -> None:
    dpo.get("/dashboard/account")
    [mine] = session_ids(dpo).values()
    dpo.post("/dashboard/account/end-session", {"session": mine})
    assert "You are signed out" in dpo.text
    assert "dxflow-session" not in dpo.session.cookies


def test_all_others_are_ended(dpo: Visitor, elsewhere: Visitor) -> None:
    dpo.get("/dashboard/account")
    dpo.post("/dashboard/account/end-others")
    assert "All your other sessions are over" in dpo.text
    assert "End all others" not in dpo.text
    assert "/sign-in" in elsewhere.get("/dashboard/").url


def test_a_session_of_somebody_else_isnt_there(dpo: Visitor, sign_in_as, core: Core) -> None:
    owner = sign_in_as(Role.OWNER)
    owner.get("/dashboard/account")
    [theirs] = session_ids(owner).values()
    dpo.get("/dashboard/account")
    assert dpo.post("/dashboard/account/end-session", {"session": theirs}).status_code == 404
    assert owner.get("/dashboard/account").status_code == 200


def test_switching_leads_to_another_data_controller_under_a_new_cookie(dpo: Visitor, core: Core) -> None:
    other = tenants.create(core, "Other <Shop>", "FR").controller
    users.create(core, other.id, EMAIL, "auditor")
    before = dpo.session.cookies["dxflow-session"]
    dpo.get("/dashboard/account")
    assert "Other <Shop>" in dpo.text
    dpo.post("/dashboard/account/switch", {"tenant": other.id})
    assert "You are at another data controller now" in dpo.text
    assert "Other <Shop>" in dpo.text
    assert "Signed in as auditor" in dpo.text
    assert dpo.session.cookies["dxflow-session"] != before
    left = Visitor(dpo.base)
    left.session.cookies.set("dxflow-session", before)
    assert "/sign-in" in left.get("/dashboard/").url


def test_nobody_switches_to_where_they_dont_belong(dpo: Visitor, core: Core) -> None:
    strange = tenants.create(core, "Strange Shop", "FR").controller
    dpo.get("/dashboard/account")
    assert dpo.post("/dashboard/account/switch", {"tenant": strange.id}).status_code == 404
    assert "Acme Shop" in dpo.get("/dashboard/").text


@pytest.mark.parametrize("path", POSTS)
def test_every_form_needs_its_sessions_token_and_its_own_site(dpo: Visitor, path: str) -> None:
    before = [row.id for row in models.Session.select()]
    dpo.get("/dashboard/account")
    assert dpo.post(f"/dashboard{path}", {"csrf": "forged"}).status_code == 403
    dpo.get("/dashboard/account")
    assert dpo.post(f"/dashboard{path}", headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert [row.id for row in models.Session.select()] == before
    assert models.User.get().totp_sealed is None


@pytest.mark.parametrize("path", ["/account", "/account/second-factor", *POSTS])
def test_nobody_without_a_session_gets_there(visitor: Visitor, path: str) -> None:
    for answer in (
        visitor.get(f"/dashboard{path}", follow=False),
        visitor.post(f"/dashboard{path}", follow=False),
    ):
        assert answer.status_code in (303, 405)
        assert answer.headers.get("Location", "/dashboard/sign-in").startswith("/dashboard/sign-in")


@pytest.mark.parametrize("path", ["/password", "/account/second-factor"])
def test_whom_a_provider_vouched_for_doesnt_choose_how_to_come_in(
    dpo: Visitor, tenant: NewTenant, path: str
) -> None:
    models.Session.update(method="oidc").execute()
    dpo.get("/dashboard/account")
    assert "Your data controller's own sign-in decides" in dpo.text
    assert f'href="/dashboard{path}"' not in dpo.page.text
    assert dpo.post(f"/dashboard{path}", {"password": PASSWORD, "again": PASSWORD}).status_code == 403
    assert dpo.get(f"/dashboard{path}").status_code == 403


def test_five_wrong_present_passwords_are_enough(dpo: Visitor) -> None:
    words = {"password": "new words here now", "again": "new words here now"}
    del dpo.session.cookies["dxflow-device"]
    for _ in range(5):
        dpo.get("/dashboard/password")
        assert dpo.post("/dashboard/password", {**words, "current": "wrong"}).status_code == 422
    dpo.get("/dashboard/password")
    answer = dpo.post("/dashboard/password", {**words, "current": PASSWORD})
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
