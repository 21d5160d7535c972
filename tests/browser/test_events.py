"""Somebody finds what failed, reads why, and decides about all of it, in a real Chromium with scripts and
without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flow import Sender, customer, drain
from playwright.sync_api import Page, expect
from reading import fits, usable

from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

SOON = 20_000  # ms: a page asks again every five seconds
WHY = "The body does not have the shape of its Shopify topic."


@pytest.fixture
def failures(core: Core, tenant: NewTenant) -> Sender:
    """A customer who went through, three deliveries that can't be read, and one that nobody can explain."""
    sender = Sender(core, tenant.controller.id)
    sender.send("customers/create", customer(1))
    for number in range(3):
        sender.send("customers/update", {"error": number})
    drain(core)
    other = sender.send("orders/updated", {"error": "of another kind"})
    text = "unexpected KeyError; the process log has where it happened"
    change = {"state": "failed", "step": "log", "error": text, "attempts": 8, "due_at": None}
    models.Event.update(**change).where(models.Event.id == other.event_id).execute()
    return sender


def seen(page: Page, scripts: bool) -> None:
    """The page can be used by everybody, and on a narrow screen."""
    fits(page)
    if scripts:
        usable(page)


def up_to_date(page: Page, scripts: bool) -> None:
    """A page with scripts asks again by itself; without, its reader does."""
    if not scripts:
        page.reload()


def test_all_of_a_cause_are_replayed_from_the_list_to_the_result(
    enter: Callable[..., Page], core: Core, failures: Sender, scripts: bool
) -> None:
    page = enter()
    page.get_by_role("link", name="Events").first.click()
    page.get_by_label("Events by state").get_by_role("link", name="Failed").click()
    cause = page.get_by_role("listitem").filter(has_text=WHY)
    expect(cause.get_by_text("3 events")).to_be_visible()
    expect(cause.get_by_text("Wrong data.")).to_be_visible()
    seen(page, scripts)

    cause.get_by_role("link", name="customers/update").click()
    expect(page.get_by_role("heading", name="“Read the delivery” went wrong")).to_be_visible()
    expect(page.get_by_text("stopped after attempt 1 of 8")).to_be_visible()
    expect(page.locator(".way svg")).to_be_visible()
    seen(page, scripts)

    page.get_by_role("link", name="Others of this cause").click()
    page.get_by_role("button", name="Replay all 3").click()
    expect(page.get_by_role("heading", name="0 of 3 replayed")).to_be_visible()
    expect(page.get_by_role("progressbar")).to_have_attribute("value", "0")
    seen(page, scripts)

    drain(core)
    up_to_date(page, scripts)
    expect(page.get_by_role("heading", name="3 events replayed")).to_be_visible(timeout=SOON)
    expect(page.get_by_text("3 have failed again, and were not tried a second time.")).to_be_visible()
    page.get_by_role("link", name="See what failed").click()
    expect(page.get_by_role("link", name="customers/update")).to_have_count(3)


def test_one_is_given_up_for_a_reason_and_then_all_of_a_cause(
    enter: Callable[..., Page], core: Core, failures: Sender, scripts: bool
) -> None:
    page = enter()
    page.goto("/dashboard/events/failed")
    page.get_by_role("listitem").filter(has_text="Unexpected error.").get_by_role(
        "link", name="orders/updated"
    ).click()
    expect(page.get_by_text("dxflow met an error it doesn't know.")).to_be_visible()
    page.get_by_text("Discard …", exact=True).click()
    page.get_by_label("Why is it given up?").fill("the shop sent an error page")
    page.get_by_role("button", name="Discard this event").click()
    expect(page.get_by_text("Reason: the shop sent an error page")).to_be_visible()

    page.goto("/dashboard/events/failed")
    page.get_by_text("Discard all …").click()
    page.get_by_label("Why are they given up?").fill("nobody needs them")
    page.get_by_role("button", name="Discard all 3").click()
    expect(page.get_by_role("heading", name="0 of 3 discarded")).to_be_visible()
    drain(core)
    up_to_date(page, scripts)
    expect(page.get_by_role("heading", name="3 events discarded")).to_be_visible(timeout=SOON)
    page.goto("/dashboard/events/failed")
    expect(page.get_by_text("Nothing has failed")).to_be_visible()
    assert models.Event.select().where(models.Event.state == "discarded").count() == 4


def test_filters_stand_in_the_address_and_the_newest_comes_on_top(
    enter: Callable[..., Page], core: Core, failures: Sender, scripts: bool
) -> None:
    page = enter()
    page.goto("/dashboard/events")
    page.get_by_text("More filters").click()
    page.get_by_label("Source").select_option("shopify")
    page.get_by_label("Topic").fill("customers/create")
    page.get_by_label("Received from").fill("2099-01-01T00:00")
    page.get_by_role("button", name="Find").click()
    expect(page).to_have_url(
        "/dashboard/events?source=shopify&topic=customers%2Fcreate&from=2099-01-01T00%3A00"
    )
    rows = page.get_by_role("row").filter(has_text="customers/create")
    expect(rows).to_have_count(1)
    seen(page, scripts)

    failures.send("customers/create", customer(2))
    up_to_date(page, scripts)
    expect(rows).to_have_count(2, timeout=SOON)

    page.get_by_role("link", name="Topic customers/create").click()
    expect(page.get_by_role("row").filter(has_text="customers/update")).to_have_count(3)
    page.get_by_role("link", name="Clear all").click()
    expect(page).to_have_url("/dashboard/events")

    page.goto("/dashboard/events?from=yesterday&state=lost")
    expect(page.get_by_text("There is no state “lost”.")).to_be_visible()
    expect(page.get_by_label("Received from")).to_have_attribute("aria-invalid", "true")
    seen(page, scripts)


def test_an_event_under_way_moves_on_while_its_page_is_open(
    enter: Callable[..., Page], core: Core, failures: Sender, scripts: bool
) -> None:
    sent = failures.send("customers/create", customer(3))
    page = enter()
    page.goto(f"/dashboard/events/{sent.event_id}")
    expect(page.get_by_text("Waits for a worker.").first).to_be_visible()
    seen(page, scripts)
    drain(core)
    up_to_date(page, scripts)
    expect(page.locator("#state")).to_have_text("done", timeout=SOON)
    expect(page.get_by_role("listitem").filter(has_text="Log the processing activity")).to_be_visible()
    expect(page.get_by_text("Discard …", exact=True)).to_have_count(0)
