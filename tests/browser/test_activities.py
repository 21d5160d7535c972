"""Processing activities in a real browser: from the bars to one, whose proof the browser checks itself."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect
from reading import fits, usable

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services.subjects import activities
from dxflow.engine.services.tenants import NewTenant

VERIFIED = "Verified in this browser: leaf, path and root were hashed anew here"


@pytest.fixture
def registered(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> list[str]:
    """Ids of activities on two legal bases, all in the log."""
    made = [
        activities.record(
            core, tenant.controller.id, "key:1", activity_type="order" if basis == "contract" else "newsletter",
            legal_basis=basis, purpose=f"purpose of {basis}", fields=["email"],
        ).id
        for basis in ("contract", "consent") * 3
    ]  # fmt: skip
    drain()
    return made


def test_an_activity_is_found_through_the_bars_and_proven(
    enter: Callable[..., Page], registered: list[str], scripts: bool
) -> None:
    page = enter(Role.AUDITOR)
    page.get_by_role("link", name="Activities").click()
    expect(page.get_by_role("img", name=re.compile("By legal basis, day by day: con"))).to_be_visible()
    page.get_by_role("link", name="consent", exact=True).click()
    expect(page.get_by_role("row")).to_have_count(4)
    page.get_by_label("Registration", exact=True).select_option("registered")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("row")).to_have_count(4)
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("row").get_by_role("link", name="Newsletter").first.click()
    expect(page.get_by_text("Verified by the server")).to_be_visible()
    here = page.locator("#proof-here")
    expect(here).to_contain_text(VERIFIED if scripts else "A script would check it once more")
    fits(page)
    if scripts:
        usable(page)


def test_every_leaf_of_a_tree_is_verified_and_a_forged_one_isnt(
    enter: Callable[..., Page], registered: list[str], site: str, scripts: bool
) -> None:
    if not scripts:
        return
    page = enter(Role.AUDITOR)
    for activity in registered:
        page.goto(f"/dashboard/activities/{activity}")
        expect(page.locator("#proof-here")).to_contain_text(VERIFIED)

    def forged(old: str, new: str) -> None:
        page.unroute_all()

        def answer(route: Route) -> None:
            whole = route.fetch()
            route.fulfill(response=whole, body=re.sub(old, new, whole.text()))

        page.route("**/dashboard/activities/*", answer)
        page.goto(f"/dashboard/activities/{registered[2]}")

    forged(r'data-leaf="\{', 'data-leaf="{ ')
    expect(page.locator("#proof-here")).to_contain_text("the leaf has another hash than the page shows")
    forged(r'data-index="\d+"', 'data-index="1"')
    expect(page.locator("#proof-here")).to_contain_text("This browser comes to another result")
    forged(r'data-hashes="[0-9a-f]{64} ', 'data-hashes="')
    expect(page.locator("#proof-here")).to_contain_text("the path is too short")
    forged(r'data-hashes="[0-9a-f]{4}', 'data-hashes="0000')
    expect(page.locator("#proof-here")).to_contain_text("and the checkpoint says")
    expect(page.locator(".verdict.bad")).to_be_visible()


def test_a_browser_without_cryptography_says_so(
    enter: Callable[..., Page], registered: list[str], scripts: bool
) -> None:
    if not scripts:
        return
    page = enter(Role.AUDITOR)
    page.add_init_script("Object.defineProperty(globalThis, 'crypto', { value: {} })")
    page.goto(f"/dashboard/activities/{registered[0]}")
    expect(page.locator("#proof-here")).to_contain_text("Not verified in this browser")
    expect(page.get_by_text("Verified by the server")).to_be_visible()
