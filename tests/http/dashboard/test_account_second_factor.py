"""The second factor in a browser without scripts: set up, asked for, lost and switched off."""

from __future__ import annotations

import html
import re
from datetime import timedelta

import pyotp
import pytest
from flow import HandClock
from visitors import BOTH, PASSWORD, Visitor, set_by

from dxflow.engine.core import Core
from dxflow.engine.store import models

EMAIL = "dpo@acme.example"
OWN = "/dashboard/account/second-factor"
CODES = r"<code>([a-z2-9]{5}-[a-z2-9]{5}-[a-z2-9]{5})</code>"


class Enrolled:
    """What somebody holds who has a second factor: the app and the recovery codes."""

    def __init__(self, clock: HandClock, visitor: Visitor) -> None:
        self.clock = clock
        visitor.get(OWN)
        visitor.post(OWN, {"current": PASSWORD})
        secret = re.search(r'class="secret">([A-Z2-7 ]+)<', visitor.page.text)
        assert secret is not None
        self.totp = pyotp.TOTP(secret[1].replace(" ", ""))
        visitor.post(f"{OWN}/confirm", {"code": self.code()})
        self.recovery_codes = re.findall(CODES, visitor.page.text)

    def code(self) -> str:
        """One that was never used."""
        self.clock.forward(30)
        return str(self.totp.at(self.clock.now))


@pytest.fixture
def enrolled(dpo: Visitor, clock: HandClock) -> Enrolled:
    """The officer's second factor."""
    return Enrolled(clock, dpo)


@BOTH
def test_setting_up_shows_a_picture_then_ten_codes_once(dpo: Visitor, enrolled: Enrolled) -> None:
    assert "The second factor is on" in dpo.text
    assert len(set(enrolled.recovery_codes)) == 10
    dpo.get(OWN)
    assert not re.findall(CODES, dpo.page.text)
    assert enrolled.totp.secret not in dpo.page.text.replace(" ", "")
    dpo.get("/dashboard/account")
    assert "10 recovery codes left" in dpo.text


def test_the_picture_is_inside_the_page_and_dark_on_light(dpo: Visitor) -> None:
    dpo.get(OWN)
    dpo.post(OWN, {"current": PASSWORD})
    [source] = re.findall(r'<img class="qr" src="([^"]+)"', dpo.page.text)
    assert html.unescape(source).startswith("data:image/svg+xml;charset=utf-8,%3Csvg")
    assert "img-src 'self' data:" in dpo.page.headers["Content-Security-Policy"]
    assert dpo.page.headers["Cache-Control"] == "no-store"


def test_a_wrong_code_shows_the_same_picture_again(dpo: Visitor) -> None:
    dpo.get(OWN)
    dpo.post(OWN, {"current": PASSWORD})
    picture = re.findall(r'<img class="qr" src="([^"]+)"', dpo.page.text)
    dpo.post(f"{OWN}/confirm", {"code": "000000"})
    assert dpo.page.status_code == 422
    assert "It is not right" in dpo.text
    assert re.findall(r'<img class="qr" src="([^"]+)"', dpo.page.text) == picture
    assert models.User.get().totp_confirmed_at is None


@BOTH
def test_signing_in_takes_the_code_and_leads_on(dpo: Visitor, enrolled: Enrolled, visitor: Visitor) -> None:
    visitor.get("/dashboard/notices")
    fields = {"email": EMAIL, "password": PASSWORD, "next": "/dashboard/notices"}
    half = visitor.post("/dashboard/sign-in", fields, follow=False)
    assert half.headers["Location"] == "/dashboard/second-factor?next=%2Fdashboard%2Fnotices"
    assert set(set_by(half)) == {"dxflow-pending"}, "no session and no known browser yet"
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=300"} <= set_by(half)["dxflow-pending"]
    assert "/sign-in" in visitor.get("/dashboard/").url, "half in is out"

    visitor.get(half.headers["Location"])
    visitor.post("/dashboard/second-factor", {"code": "000000", "next": "/dashboard/notices"})
    assert visitor.page.status_code == 403
    assert "This code is not right" in visitor.text
    visitor.post("/dashboard/second-factor", {"code": enrolled.code(), "next": "/dashboard/notices"})
    assert visitor.page.url.endswith("/dashboard/notices")
    assert {"dxflow-session", "dxflow-device"} <= set(visitor.session.cookies.keys())
    assert "dxflow-pending" not in visitor.session.cookies


def test_the_half_open_token_never_becomes_the_session(
    dpo: Visitor, enrolled: Enrolled, visitor: Visitor
) -> None:
    visitor.sign_in(EMAIL, PASSWORD)
    planted = visitor.session.cookies["dxflow-pending"]
    thief = Visitor(visitor.base)
    thief.session.cookies.update({"dxflow-pending": planted, "dxflow-session": planted})
    visitor.post("/dashboard/second-factor", {"code": enrolled.code()})
    assert visitor.page.url.endswith("/dashboard/")
    assert visitor.session.cookies["dxflow-session"] != planted
    assert "/sign-in" in thief.get("/dashboard/").url
    assert "/sign-in" in thief.get("/dashboard/second-factor").url


def test_a_recovery_code_opens_once(dpo: Visitor, enrolled: Enrolled, visitor: Visitor) -> None:
    visitor.sign_in(EMAIL, PASSWORD)
    visitor.post("/dashboard/second-factor", {"code": enrolled.recovery_codes[0]})
    assert visitor.page.url.endswith("/dashboard/")
    again = Visitor(visitor.base)
    again.sign_in(EMAIL, PASSWORD)
    assert again.post("/dashboard/second-factor", {"code": enrolled.recovery_codes[0]}).status_code == 403


def test_without_a_password_first_there_is_no_second_page(visitor: Visitor) -> None:
    assert "/sign-in" in visitor.get("/dashboard/second-factor").url
    visitor.post("/dashboard/second-factor", {"code": "000000"})
    assert "That took too long" in visitor.text
    visitor.session.cookies.set("dxflow-pending", "\x7fmade up")
    assert "/sign-in" in visitor.get("/dashboard/second-factor").url


def test_after_five_minutes_one_begins_anew(
    dpo: Visitor, enrolled: Enrolled, visitor: Visitor, clock: HandClock
) -> None:
    visitor.sign_in(EMAIL, PASSWORD)
    clock.forward(timedelta(minutes=6).total_seconds())
    visitor.post("/dashboard/second-factor", {"code": enrolled.code()})
    assert "That took too long" in visitor.text


@pytest.mark.parametrize(
    ("fields", "headers"), [({"csrf": "forged"}, {}), ({}, {"Sec-Fetch-Site": "cross-site"})]
)
def test_the_code_form_is_the_sites_own(
    dpo: Visitor, enrolled: Enrolled, visitor: Visitor, fields: dict[str, str], headers: dict[str, str]
) -> None:
    visitor.sign_in(EMAIL, PASSWORD)
    answer = visitor.post("/dashboard/second-factor", {"code": enrolled.code(), **fields}, headers=headers)
    assert answer.status_code == 403
    assert "dxflow-session" not in visitor.session.cookies


def test_five_wrong_codes_block_the_right_one_but_not_a_known_browser(
    dpo: Visitor, enrolled: Enrolled, visitor: Visitor
) -> None:
    visitor.sign_in(EMAIL, PASSWORD)
    for _ in range(5):
        assert visitor.post("/dashboard/second-factor", {"code": "000000"}).status_code == 403
    answer = visitor.post("/dashboard/second-factor", {"code": enrolled.recovery_codes[0]})
    assert (answer.status_code, "Retry-After" in answer.headers) == (429, True)
    del dpo.session.cookies["dxflow-session"]
    dpo.sign_in(EMAIL, PASSWORD)
    dpo.post("/dashboard/second-factor", {"code": enrolled.recovery_codes[0]})
    assert dpo.page.url.endswith("/dashboard/")


def test_new_codes_are_made_for_a_code(dpo: Visitor, enrolled: Enrolled) -> None:
    dpo.get(OWN)
    assert dpo.post(f"{OWN}/codes", {"code": "000000"}).status_code == 422
    dpo.post(f"{OWN}/codes", {"code": enrolled.code()})
    fresh = set(re.findall(CODES, dpo.page.text))
    assert len(fresh) == 10
    assert not fresh & set(enrolled.recovery_codes)


def test_it_is_switched_off_for_password_and_code(dpo: Visitor, enrolled: Enrolled, visitor: Visitor) -> None:
    dpo.get(OWN)
    assert dpo.post(f"{OWN}/off", {"current": "wrong", "code": enrolled.code()}).status_code == 422
    assert dpo.post(f"{OWN}/off", {"current": PASSWORD, "code": "000000"}).status_code == 422
    dpo.post(f"{OWN}/off", {"current": PASSWORD, "code": enrolled.code()})
    assert "The second factor is off" in dpo.text
    assert visitor.sign_in(EMAIL, PASSWORD).url.endswith("/dashboard/")


def test_the_secret_is_at_no_address(dpo: Visitor, core: Core) -> None:
    dpo.get(OWN)
    dpo.post(OWN, {"current": PASSWORD})
    for path in (OWN, f"{OWN}/confirm", "/dashboard/account"):
        assert 'class="secret"' not in dpo.get(path).text
