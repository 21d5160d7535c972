"""A forgotten password from the sign-in page to signing in anew, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from flow import drain
from playwright.sync_api import Page, expect
from postbox import Postbox, with_post
from reading import fits, sign_in, usable
from visitors import PASSWORD, edge

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant

ADA, NEW = "ada@acme.example", "other plain words together"


@pytest.fixture
def site(mailing: Core) -> Iterator[str]:
    with edge(mailing, "http://127.0.0.1") as address:
        yield address


def test_somebody_who_forgot_their_password_gets_in_again(
    page: Page, core: Core, tenant: NewTenant, box: Postbox, scripts: bool
) -> None:
    users.create(core, tenant.controller.id, ADA, Role.DPO, password=PASSWORD)
    page.goto("/dashboard/sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    fits(page)
    if scripts:
        usable(page)
    page.get_by_label("E-mail address").fill(ADA)
    page.get_by_role("button", name="Send the link").click()
    expect(page.get_by_role("heading", name="Look at your mail")).to_be_visible()
    fits(page)
    drain(with_post(core, box))
    [text] = box.to(ADA)
    token = re.findall(r"^dxr_[\w-]+$", text, re.MULTILINE)[0]
    page.goto(f"/dashboard/reset-password#{token}")
    if scripts:  # the token is in its field already, and out of the address
        expect(page.get_by_label("Token")).to_be_hidden()
        expect(page).to_have_url("/dashboard/reset-password")
        usable(page)
    else:
        page.get_by_label("Token").fill(token)
    fits(page)
    page.get_by_label("New password", exact=True).fill("short")
    page.get_by_label("New password again").fill("short")
    page.get_by_role("button", name="Save the password").click()
    expect(page.get_by_text("12 to 256 characters")).to_be_visible()
    page.get_by_label("New password", exact=True).fill(NEW)
    page.get_by_label("New password again").fill(NEW)
    page.get_by_role("button", name="Save the password").click()
    expect(page.get_by_text("Your new password is set")).to_be_visible()
    sign_in(page, ADA, NEW)
