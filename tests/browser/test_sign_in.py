"""The way in with a second factor, and the way out everywhere at once, in a real Chromium."""

from __future__ import annotations

import re
from collections.abc import Callable

import pyotp
from flow import HandClock
from playwright.sync_api import Browser, Page, expect
from reading import fits, sign_in, usable
from visitors import PASSWORD

EMAIL = "the.owner@acme.example"


def switch_on(page: Page) -> str:
    """Set the second factor up as the page says; the secret that the app would keep."""
    page.goto("/dashboard/account/second-factor")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Set it up").click()
    return (page.locator("code.secret").text_content() or "").replace(" ", "").strip()


def test_a_second_factor_is_asked_for_from_the_next_sign_in_on(
    enter: Callable[..., Page], clock: HandClock, scripts: bool
) -> None:
    page = enter()
    secret = switch_on(page)
    app = pyotp.TOTP(secret)
    page.get_by_label("Code from your authenticator app").fill(app.at(clock()))
    page.get_by_role("button", name="Put it in force").click()
    expect(page.get_by_text("ecovery codes").first).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/dashboard/sign-in")
    page.get_by_label("E-mail").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    code = page.get_by_label(re.compile("[Cc]ode")).first
    expect(code).to_be_visible()
    fits(page)
    if scripts:
        usable(page)
    code.fill("000000")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_text("Each works once")).to_be_visible()
    clock.forward(30)  # a code works once
    page.get_by_label(re.compile("[Cc]ode")).first.fill(app.at(clock()))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Pages")).to_be_visible()


def test_ending_all_other_sessions_shuts_the_other_browser_out(
    enter: Callable[..., Page], chromium: Browser, site: str, scripts: bool
) -> None:
    page = enter()
    other = chromium.new_page(base_url=site, java_script_enabled=scripts)
    sign_in(other, EMAIL, PASSWORD)
    page.goto("/dashboard/account")
    page.get_by_role("button", name="End all others").click()
    expect(page.get_by_text("All your other sessions are over.")).to_be_visible()
    other.goto("/dashboard/events")
    expect(other.get_by_role("button", name="Sign in")).to_be_visible()
    other.close()
