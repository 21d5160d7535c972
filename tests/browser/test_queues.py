"""The queues in a real Chromium: what waits, pausing and resuming, and a page that says so everywhere."""

from __future__ import annotations

from collections.abc import Callable

from flow import Sender, customer, drain
from playwright.sync_api import Page, expect
from reading import fits, usable

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import pausing
from dxflow.engine.store import models


def test_an_owner_pauses_the_work_sees_what_waits_and_resumes(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, scripts: bool
) -> None:
    sender = Sender(core, tenant.controller.id)
    page = enter()
    drain(core)
    page.get_by_role("link", name="Queues").click()
    expect(page.get_by_text("Nothing waits")).to_be_visible()
    expect(page.get_by_role("row", name="Registration")).to_contain_text(
        f"audit_register_queue_{tenant.controller.did}"
    )
    page.get_by_text("Pause …").click()
    expect(page.get_by_text("Legal clocks go on")).to_be_visible()
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("button", name="Pause this data controller’s work").click()
    expect(page.get_by_text("Paused. Deliveries are accepted and wait here")).to_be_visible()

    assert sender.send("customers/create", customer()).status == "accepted"
    if not scripts:
        page.reload()
    expect(page.get_by_text("1 event waits by now.")).to_be_visible(timeout=15_000)
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("link", name="Overview").click()
    expect(page.get_by_text("Work is paused since")).to_be_visible()
    page.get_by_role("link", name="Resume it under Queues").click()
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Work goes on, with everything that waited.")).to_be_visible()
    drain(core)
    if not scripts:
        page.reload()
    expect(page.get_by_text("Nothing waits")).to_be_visible(timeout=15_000)
    assert [row.state for row in models.Event.select().where(models.Event.source == "shopify")] == ["done"]


def test_who_may_only_look_sees_that_work_rests_and_who_can_resume_it(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, scripts: bool
) -> None:
    pausing.pause(core, tenant.controller.id, "system")
    page = enter(Role.AUDITOR)
    page.get_by_role("link", name="See what waits").click()
    expect(page.get_by_text("An owner or administrator can resume it.")).to_be_visible()
    expect(page.get_by_role("button", name="Resume")).to_have_count(0)
    fits(page)
    if scripts:
        usable(page)
