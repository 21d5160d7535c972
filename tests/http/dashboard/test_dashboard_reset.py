"""A forgotten password on its pages: what strangers are told, where the token stands, who is let in."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flow import drain
from postbox import Postbox
from visitors import PASSWORD, Visitor, edge

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services.people import password_resets, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ADA, NEW = "ada@acme.example", "other plain words together"
FORGOT, RESET = "/dashboard/forgot-password", "/dashboard/reset-password"


@pytest.fixture
def site(mailing: Core, public_url: str) -> Iterator[str]:
    with edge(mailing, public_url) as address:
        yield address


@pytest.fixture(autouse=True)
def ada(core: Core, tenant: NewTenant) -> models.User:
    return users.create(core, tenant.controller.id, ADA, Role.DPO, password=PASSWORD)[0]


def mailed(core: Core, box: Postbox) -> str:
    drain(core)
    found = re.findall(r"^dxr_[\w-]+$", box.to(ADA)[-1], re.MULTILINE)
    return str(found[-1])


def test_somebody_gets_in_again_from_the_sign_in_page(mailing: Core, box: Postbox, visitor: Visitor) -> None:
    visitor.get("/dashboard/sign-in")
    assert f'href="{FORGOT}"' in visitor.page.text
    visitor.get(FORGOT)
    visitor.post(FORGOT, {"email": ADA})
    assert "Look at your mail" in visitor.text
    token = mailed(mailing, box)
    visitor.get(RESET)
    answer = visitor.post(RESET, {"token": f" {token} ", "password": NEW, "again": NEW})
    assert answer.url.endswith("/dashboard/sign-in")
    assert "Your new password is set" in visitor.text
    visitor.sign_in(ADA, NEW)
    assert "Signed in as DPO" in visitor.text


def test_every_address_is_answered_alike(visitor: Visitor) -> None:
    answers = []
    for email in (ADA, "nobody@acme.example", "not an address", ""):
        visitor.get(FORGOT)
        answer = visitor.post(FORGOT, {"email": email})
        answers.append((answer.status_code, answer.text, sorted(answer.headers), answer.cookies.items()))
    assert len({str(one) for one in answers}) == 1


def test_asking_too_often_is_refused_alike(visitor: Visitor) -> None:
    told = []
    for email in (ADA, "nobody@acme.example"):
        for _ in range(6):
            visitor.post(FORGOT, {"email": email})
        told.append((visitor.page.status_code, "asked for too often" in visitor.text))
        assert int(visitor.page.headers["Retry-After"]) > 0
    assert told == [(429, True)] * 2


def test_the_links_address_comes_from_the_settings_whatever_host_was_asked(
    mailing: Core, box: Postbox, visitor: Visitor
) -> None:
    headers = {"Host": "evil.example", "X-Forwarded-Host": "evil.example"}
    visitor.post(FORGOT, {"email": ADA}, headers=headers)
    drain(mailing)
    [text] = box.to(ADA)
    assert "evil.example" not in text
    assert f"https://edge.example{RESET}#dxr_" in text


def test_another_site_asks_for_nothing_and_chooses_nothing(
    mailing: Core, box: Postbox, visitor: Visitor
) -> None:
    evil = {"Origin": "https://evil.example"}
    assert visitor.post(FORGOT, {"email": ADA}, headers=evil).status_code == 403
    drain(mailing)
    assert box.sent == []
    token = password_resets.make_for_operator(mailing, ADA).token
    form = {"token": token, "password": NEW, "again": NEW}
    assert visitor.post(RESET, form, headers=evil).status_code == 403
    assert password_resets.check(mailing, token) == ADA


def test_what_wont_do_is_said_beside_the_field_and_uses_nothing_up(mailing: Core, visitor: Visitor) -> None:
    token = password_resets.make_for_operator(mailing, ADA).token
    visitor.post(RESET, {"token": token, "password": "short", "again": "short"})
    assert visitor.page.status_code == 422
    assert "12 to 256 characters" in visitor.text
    assert ADA in visitor.text, "whoever has the token is told whose it is"
    visitor.post(RESET, {"token": token, "password": NEW, "again": "another"})
    assert "not the same" in visitor.text
    visitor.post(RESET, {"token": token, "password": NEW, "again": NEW})
    assert "Your new password is set" in visitor.text
    visitor.post(RESET, {"token": token, "password": PASSWORD, "again": PASSWORD})
    assert visitor.page.status_code == 404
    assert "unknown, used or over" in visitor.text


@pytest.mark.parametrize("token", ["", "dxr_guess", "dxr_" + "a" * 43, "\ud800", "x" * 5000])
def test_a_wrong_token_tells_nothing(visitor: Visitor, token: str) -> None:
    raw = token.encode("utf-8", "surrogatepass").decode("latin-1")
    visitor.post(RESET, {"token": raw, "password": NEW, "again": NEW})
    assert visitor.page.status_code == 404
    assert ADA not in visitor.page.text


def test_looking_at_the_page_uses_nothing_up_and_keeps_the_token_out_of_it(
    mailing: Core, visitor: Visitor
) -> None:
    token = password_resets.make_for_operator(mailing, ADA).token
    page = visitor.get(f"{RESET}?token={token}")
    assert token not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "same-origin"
    assert password_resets.check(mailing, token) == ADA


def test_the_session_of_whoever_chooses_ends_too(mailing: Core, visitor: Visitor) -> None:
    visitor.sign_in(ADA, PASSWORD)
    token = password_resets.make_for_operator(mailing, ADA).token
    visitor.post(RESET, {"token": token, "password": NEW, "again": NEW})
    assert visitor.get("/dashboard/", follow=False).status_code == 303


def test_where_no_mail_is_sent_the_page_says_who_helps(core: Core, public_url: str) -> None:
    with edge(core, public_url) as address:
        stranger = Visitor(address)
        stranger.get(FORGOT)
        assert "dxflow user reset-password --email" in stranger.text
        assert "Send the link" not in stranger.text
        stranger.post(FORGOT, {"email": ADA})
        assert stranger.page.status_code == 200
    assert not models.PasswordReset.select().exists()
