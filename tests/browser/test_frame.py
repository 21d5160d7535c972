"""The frame around every page: found by keyboard, usable by everybody, alive while it is open."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Page, expect

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def test_the_keyboard_alone_reaches_the_content_and_every_door(enter: Callable[..., Page]) -> None:
    page = enter()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url("/dashboard/#main")
    for link in page.get_by_role("navigation", name="Pages").get_by_role("link").all():
        link.focus()
        expect(link).to_be_focused()


def test_a_page_notices_what_happens_and_stops_when_told(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, scripts: bool
) -> None:
    page = enter()
    if not scripts:
        expect(page.locator("#live-switch")).to_have_count(0)
        return
    switch = page.locator("#live-switch")
    expect(switch).to_have_text("Live")
    switch.click()
    expect(switch).to_have_text("Updates paused")
    expect(switch).to_have_attribute("aria-pressed", "false")


def test_a_session_that_ends_elsewhere_ends_on_the_open_page(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, scripts: bool
) -> None:
    page = enter()
    with core.store.transaction():
        models.Session.delete().execute()
    if not scripts:
        page.reload()
    expect(page.get_by_role("button", name="Sign in")).to_be_visible(timeout=20_000)


def test_a_page_shows_nothing_of_the_data_controller_that_another_tab_went_on_to(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, scripts: bool
) -> None:
    page = enter()
    other = tenants.create(core, "Other Shop", "FR").controller.id
    users.create(core, other, f"the.{Role.OWNER}@acme.example", Role.OWNER)
    if scripts:
        page.evaluate("window.before = true")
    tab = page.context.new_page()
    tab.goto("/dashboard/account")
    tab.get_by_role("button", name="Switch to Other Shop").click()
    expect(tab.locator("p.tenant")).to_contain_text("Other Shop")
    page.bring_to_front()
    if not scripts:
        page.reload()
    expect(page.locator("p.tenant")).to_contain_text("Other Shop", timeout=20_000)
    if scripts:
        assert page.evaluate("window.before") is None, "the whole page was asked for anew"


def test_on_a_narrow_screen_the_menu_opens_without_a_script_and_leads_on(enter: Callable[..., Page]) -> None:
    page = enter()
    page.set_viewport_size({"width": 390, "height": 844})
    doors = page.get_by_role("navigation", name="Pages")
    expect(doors).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(doors).to_be_visible()
    doors.get_by_role("link", name="Events").click()
    expect(page.get_by_role("heading", name="Events", level=1)).to_be_visible()
    expect(doors).to_be_hidden()
