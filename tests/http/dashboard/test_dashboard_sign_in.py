"""Signing in over HTTP: cookies that stay put, other sites' forms refused, on to where one was going."""

from __future__ import annotations

import re

import pytest
from visitors import BOTH, PASSWORD, Visitor, set_by

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

EMAIL = "somebody@acme.example"


@pytest.fixture
def once(core: Core, tenant: NewTenant) -> str:
    """The one-time password of an owner at EMAIL."""
    _, secret = users.create(core, tenant.controller.id, EMAIL, Role.OWNER)
    assert secret is not None
    return secret


@BOTH
def test_a_one_time_password_opens_the_overview_and_asks_for_a_password(visitor: Visitor, once: str) -> None:
    visitor.sign_in(EMAIL, once)
    assert visitor.page.status_code == 200
    assert visitor.page.url.endswith("/dashboard/")
    assert "Your one-time password is used up. Choose a password" in visitor.text


def test_a_used_one_time_password_is_refused_in_plain_words(visitor: Visitor, site: str, once: str) -> None:
    visitor.sign_in(EMAIL, once)
    late = Visitor(site)
    late.sign_in(EMAIL, once)
    assert late.page.status_code == 403
    assert "A one-time password works only once" in late.text
    assert f'value="{EMAIL}"' in late.page.text, "the address needn't be typed again"
    assert once not in late.page.text
    assert not late.session.cookies


@BOTH
def test_choosing_a_password_ends_the_reminder_and_opens_the_next_session(
    visitor: Visitor, site: str, once: str
) -> None:
    visitor.sign_in(EMAIL, once)
    visitor.get("/dashboard/password")
    assert EMAIL in visitor.text
    visitor.post("/dashboard/password", {"password": PASSWORD, "again": PASSWORD})
    assert "Your password is set" in visitor.text
    assert "one-time password is used up" not in visitor.text
    assert Visitor(site).sign_in(EMAIL, PASSWORD).url.endswith("/dashboard/")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"password": "short", "again": "short"}, "must have 12 to 256 characters"),
        ({"password": PASSWORD, "again": "something else"}, "is not the same as the new password"),
        ({"password": EMAIL, "again": EMAIL}, "must not be your e-mail address"),
        ({}, "must have 12 to 256 characters"),
    ],
)
def test_a_password_that_wont_do_comes_back_with_the_reason(
    visitor: Visitor, once: str, fields: dict[str, str], words: str
) -> None:
    visitor.sign_in(EMAIL, once)
    visitor.get("/dashboard/password")
    visitor.post("/dashboard/password", fields)
    assert visitor.page.status_code == 422
    assert words in visitor.text
    assert PASSWORD not in visitor.page.text


def test_changing_a_password_takes_the_present_one(dpo: Visitor) -> None:
    dpo.get("/dashboard/password")
    dpo.post(
        "/dashboard/password",
        {"current": "wrong", "password": "new words here now", "again": "new words here now"},
    )
    assert dpo.page.status_code == 422
    assert "is not your present password" in dpo.text


def test_who_has_no_password_is_asked_before_signing_out(visitor: Visitor, once: str) -> None:
    visitor.sign_in(EMAIL, once)
    visitor.post("/dashboard/sign-out")
    assert "Sign out without a password?" in visitor.text
    assert models.Session.select().count() == 1
    visitor.post("/dashboard/sign-out", {"sure": "yes"})
    assert "You are signed out" in visitor.text
    assert models.Session.select().count() == 0


def test_signing_out_ends_the_session_for_every_copy_of_the_cookie(dpo: Visitor, site: str) -> None:
    copy = Visitor(site)
    copy.session.cookies.update(dpo.session.cookies)
    dpo.post("/dashboard/sign-out")
    assert "dxflow-session" not in dpo.session.cookies
    assert copy.get("/dashboard/events").url.endswith("/dashboard/sign-in?next=%2Fdashboard%2Fevents")


def test_cookies_are_out_of_reach_of_scripts_and_other_sites(visitor: Visitor, once: str) -> None:
    cookies = set_by(visitor.sign_in(EMAIL, once, follow=False))
    assert set(cookies) == {"dxflow-session", "dxflow-device"}
    for attributes in cookies.values():
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= attributes
        assert "Secure" not in attributes
    assert "Max-Age=43200" in cookies["dxflow-session"], "half a day"
    assert "Max-Age=31536000" in cookies["dxflow-device"], "a year"


@pytest.mark.parametrize("public_url", ["https://dxflow.example/privacy/"])
def test_over_https_cookies_are_secure_and_bound_to_the_host(visitor: Visitor, once: str) -> None:
    answer = visitor.sign_in(EMAIL, once, follow=False)
    cookies = set_by(answer)
    assert set(cookies) == {"__Host-dxflow-session", "__Host-dxflow-device"}
    for attributes in cookies.values():
        assert {"HttpOnly", "SameSite=Strict", "Path=/", "Secure"} <= attributes
        assert not any(one.startswith("Domain") for one in attributes)
    assert answer.headers["Location"] == "/privacy/dashboard/", "links keep the public address's own prefix"


def test_a_planted_session_cookie_is_never_adopted(visitor: Visitor, site: str, once: str) -> None:
    attacker = Visitor(site)
    for planted in ("made-up", "x" * 43):
        visitor.session.cookies.set("dxflow-session", planted)
    attacker.session.cookies.set("dxflow-session", "x" * 43)
    set_to = visitor.sign_in(EMAIL, once, follow=False).cookies["dxflow-session"]
    assert set_to != "x" * 43
    assert "/dashboard/sign-in" in attacker.get("/dashboard/").url


def test_too_many_failures_are_told_with_the_time_to_try_again(
    visitor: Visitor, site: str, dpo: Visitor
) -> None:
    for _ in range(5):
        assert visitor.sign_in("dpo@acme.example", "wrong").status_code == 403
    answer = visitor.sign_in("dpo@acme.example", PASSWORD)
    assert answer.status_code == 429
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert "You can try again in a moment" in visitor.text
    assert re.search(r'<time datetime="2099[^"]+" title="[^"]+ UTC" data-ago>in a moment', answer.text)
    assert dpo.session.cookies.get("dxflow-device")
    del dpo.session.cookies["dxflow-session"]
    assert dpo.sign_in("dpo@acme.example", PASSWORD).url.endswith("/dashboard/"), "the owner's own browser"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://dxflow.example.evil.example"},
        {"Origin": "http://dxflow.example", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_a_sign_in_form_on_another_site_opens_nothing(
    visitor: Visitor, once: str, headers: dict[str, str]
) -> None:
    visitor.post("/dashboard/sign-in", {"email": EMAIL, "password": once}, headers=headers)
    assert visitor.page.status_code == 403
    assert "sent by another site" in visitor.text
    assert not models.Session.select().exists()


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://dxflow.example"}, {"Origin": "own"}, {}]
)
def test_the_sites_own_form_opens_a_session(visitor: Visitor, once: str, headers: dict[str, str]) -> None:
    sent = {name: visitor.base if value == "own" else value for name, value in headers.items()}
    visitor.post("/dashboard/sign-in", {"email": EMAIL, "password": once}, headers=sent)
    assert visitor.page.url.endswith("/dashboard/")


PAGES = ["/", "/events", "/events?state=failed", "/requests", "/notices", "/password"]


@pytest.mark.parametrize("page", PAGES)
def test_no_page_is_shown_to_anybody_who_isnt_signed_in(visitor: Visitor, page: str) -> None:
    answer = visitor.get(f"/dashboard{page}", follow=False)
    assert answer.status_code == 303
    assert answer.headers["Location"].startswith("/dashboard/sign-in")
    assert answer.text == ""


@pytest.mark.parametrize("page", PAGES)
def test_signing_in_leads_to_the_page_one_came_for(visitor: Visitor, once: str, page: str) -> None:
    visitor.get(f"/dashboard{page}")
    following = visitor.page.text.split('name="next" value="')[1].split('"')[0]
    visitor.post("/dashboard/sign-in", {"email": EMAIL, "password": once, "next": following})
    assert visitor.page.url == f"{visitor.base}/dashboard{page}"


@pytest.mark.parametrize(
    "wanted",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example/",
        "/dashboard/\\\\evil.example",
        "/dashboard//evil.example",
        "/dashboard/../webhooks",
        "/dashboard/\r\nSet-Cookie: a=b",
        "/dashboardx",
        "javascript:alert(1)",
        "/dashboard/é",
        "",
    ],
)
def test_nobody_is_led_astray_after_signing_in(visitor: Visitor, once: str, wanted: str) -> None:
    form = {"email": EMAIL, "password": once, "next": wanted}
    answer = visitor.post("/dashboard/sign-in", form, follow=False)
    assert answer.headers["Location"] == "/dashboard/"


def test_signing_in_again_ends_the_session_before(dpo: Visitor) -> None:
    dpo.post("/dashboard/sign-in", {"email": "dpo@acme.example", "password": PASSWORD})
    assert dpo.page.url.endswith("/dashboard/")
    assert models.Session.select().count() == 1


def test_who_is_signed_in_needs_no_sign_in_page(dpo: Visitor) -> None:
    assert dpo.get("/dashboard/sign-in?next=%2Fdashboard%2Fnotices").url.endswith("/dashboard/notices")


def test_an_unreadable_form_is_refused_as_a_page(visitor: Visitor) -> None:
    for body in (b"\xff\xfe", b"a=1&" * 200, b"x" * 70_000):
        answer = visitor.session.post(f"{visitor.base}/dashboard/sign-in", data=body, timeout=30)
        assert answer.status_code in (400, 413)
        assert answer.headers["Content-Type"].startswith("text/html")
