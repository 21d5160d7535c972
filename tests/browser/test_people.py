"""People: a colleague's sessions, the ways to come in, and what each role may do, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect
from reading import fits, usable
from visitors import PASSWORD

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services.people import sessions, users
from dxflow.engine.services.tenants import NewTenant

VERA = "vera.with.a.long.address@privacy.acme.example"


def test_a_colleagues_sessions_end_everywhere_here(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, scripts: bool
) -> None:
    users.create(core, tenant.controller.id, VERA, Role.DPO, password=PASSWORD)
    token = sessions.sign_in(core, VERA, PASSWORD)
    page = enter()
    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_text("What each role may do").click()
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("link", name=VERA).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(VERA)
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("button", name="End all of them").click()
    expect(page.get_by_text("All their sessions here are over")).to_be_visible()
    assert sessions.find(core, token) is None


def test_the_other_ways_to_come_in_are_set_up_from_their_pages(
    enter: Callable[..., Page], scripts: bool
) -> None:
    page = enter()
    page.goto("/dashboard/people")
    page.get_by_role("link", name="Single sign-on").click()
    expect(page.get_by_label("Callback, or redirect URI")).to_be_visible()
    fits(page)
    if scripts:
        usable(page)
    page.get_by_label("Issuer").fill("https://127.0.0.1:1")
    page.get_by_label("Client ID").fill("dxflow")
    page.get_by_label("Client secret").fill("of the client")
    page.get_by_role("button", name="Ask the provider").click()
    expect(page.get_by_text("isn't public")).to_be_visible()
    page.goto("/dashboard/people/scim")
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("button", name="Make the key").click()
    assert page.get_by_label("Key", exact=True).input_value().startswith("dxk_")
    page.get_by_role("link", name="Back to the directory").click()
    expect(page.get_by_role("button", name="Revoke directory")).to_be_visible()
