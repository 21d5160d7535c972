"""The overview and the notices in a real Chromium: what is seen, what moves by itself, and where it leads."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flow import HandClock, Sender, customer
from playwright.sync_api import Page, expect
from reading import fits, usable

from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


@pytest.fixture
def shop(core: Core, tenant: NewTenant) -> Sender:
    """A connector of the data controller."""
    return Sender(core, tenant.controller.id)


def test_from_an_empty_installation_to_the_first_event_and_a_failure(
    enter: Callable[..., Page],
    core: Core,
    tenant: NewTenant,
    drain: Callable[[], int],
    scripts: bool,
) -> None:
    page = enter()
    drain()  # the user's own row came first
    page.reload()
    expect(page.get_by_text("Ready for the first event")).to_be_visible()
    step = page.get_by_role("link", name="Connect a platform")
    expect(step).to_have_attribute("href", "/dashboard/connectors/new")
    fits(page)
    if scripts:
        usable(page)

    sender = Sender(core, tenant.controller.id)
    sender.send("customers/create", customer(1))
    drain()
    if not scripts:
        page.reload()
    expect(page.get_by_text("Everything is well")).to_be_visible(timeout=15_000)

    sender.send("customers/update", {"error": "not a customer"})
    drain()
    if not scripts:
        page.reload()
    expect(page.get_by_text("This needs you")).to_be_visible(timeout=15_000)
    expect(page.get_by_role("img", name="Failed in the last 60 minutes: 1 events")).to_be_visible()
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("link", name="See why, then replay or discard").click()
    expect(page.get_by_role("link", name="customers/update").first).to_be_visible()


def test_a_silent_connector_and_late_work_are_told_in_words(
    enter: Callable[..., Page], shop: Sender, clock: HandClock, drain: Callable[[], int], scripts: bool
) -> None:
    for number in range(6):
        shop.send("customers/create", customer(number))
        clock.forward(60)
    drain()
    clock.forward(7200)
    shop.core.bell.clear()
    models.Event.update(received_at=clock.now).where(models.Event.connector_id.is_null()).execute()
    page = enter()
    expect(page.get_by_text("fell silent: its last delivery came 2 hours ago")).to_be_visible()
    expect(page.get_by_role("link", name="Look at the connector")).to_have_attribute(
        "href", f"/dashboard/connectors/{shop.connector.id}"
    )
    fits(page)
    if scripts:
        usable(page)


def test_notices_are_read_one_by_one_and_all_at_once(
    enter: Callable[..., Page], once: str, scripts: bool
) -> None:
    page = enter()
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Notices").click()
    expect(page.get_by_role("heading", name="Today")).to_be_visible()
    fits(page)
    if scripts:
        usable(page)
    unread = models.Notification.select().where(models.Notification.read_at.is_null()).count()
    page.get_by_role("button", name="Mark read").first.click()
    expect(page.get_by_text("Marked read.")).to_be_visible()
    expect(page.get_by_role("link", name=f"Notices {unread - 1} unread")).to_be_visible()
    page.get_by_role("link", name="Open the event").first.click()
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Mark all read").click()
    expect(page.get_by_text("Nothing new")).to_be_visible()
    page.get_by_role("link", name="All", exact=True).click()
    expect(page.get_by_text("by you").first).to_be_visible()
