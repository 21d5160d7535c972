"""The rights desk in a real Chromium: from an overdue request to the certificate, many at once, its set-up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flow import Sender, customer
from playwright.sync_api import Browser, Page, expect
from reading import fits, sign_in, usable
from visitors import PASSWORD

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.desk import actions
from dxflow.engine.erasing import erasure
from dxflow.engine.fulfilment import limiting
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.people import users
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import PATIENCE_MS

ADA = Person("ada@shop.example", None, "Ada")


@pytest.fixture
def overdue(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> models.RightsRequest:
    """Ada, who is on file, asked to be erased forty days ago; two others asked yesterday."""
    mine, now = tenant.controller.id, core.clock()
    subjects.enter(core, mine, ADA, "system")
    for days in (1, 2):
        person = Person(f"eve{days}@else.example")
        received = now - timedelta(days=days)
        requests.create(core, mine, "key:1", "access", person, received_at=received)
    row = requests.create(core, mine, "key:1", "erasure", ADA, received_at=now - timedelta(days=40))
    drain()
    return row


@pytest.fixture
def second(chromium: Browser, site: str, scripts: bool, core: Core, tenant: NewTenant) -> Iterator[Page]:
    """Another officer, at a browser of their own."""
    users.create(core, tenant.controller.id, "second@acme.example", Role.ADMIN, password=PASSWORD)
    context = chromium.new_context(base_url=site, java_script_enabled=scripts)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    sign_in(page, "second@acme.example", PASSWORD)
    yield page
    context.close()


def looked_at(page: Page, scripts: bool) -> None:
    """The page as it stands serves everybody, on every screen."""
    fits(page)
    if scripts:
        usable(page)


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def unfold(page: Page, name: str) -> None:
    page.locator("summary", has_text=name).first.click()


def test_two_officers_answer_an_overdue_request_for_erasure(
    enter: Callable[..., Page], second: Page, overdue: models.RightsRequest, scripts: bool
) -> None:
    page = enter(Role.DPO)
    page.get_by_role("link", name="Rights requests").click()
    page.get_by_role("link", name="overdue").first.click()
    expect(page.get_by_text("days overdue")).to_be_visible()
    looked_at(page, scripts)
    page.get_by_role("link", name="Erasure", exact=True).click()
    expect(page.get_by_text("Nobody has proven who asks", exact=True)).to_be_visible()
    unfold(page, "Do something else")
    unfold(page, "Identity is proven …")
    page.get_by_label("What convinced you?").fill("She showed her passport at the counter.")
    press(page, "Identity is proven")
    expect(page.get_by_text("An officer was convinced.").first).to_be_visible()
    looked_at(page, scripts)
    press(page, "Propose to erase")
    expect(page.get_by_text("Another person has to approve it")).to_be_visible()
    expect(page.get_by_role("button", name="Approve, and erase for good")).to_have_count(0)
    looked_at(page, scripts)

    second.goto(f"/dashboard/requests/{overdue.id}")
    expect(second.get_by_text("Proposed by a colleague (DPO)")).to_be_visible()
    press(second, "Approve, and erase for good")
    expect(second.get_by_text("final certificate")).to_be_visible()
    expect(second.get_by_text("Fulfilled", exact=True)).to_be_visible()
    looked_at(second, scripts)
    with second.expect_download() as started:
        second.get_by_role("link", name="Download the certificate").click()
    content = started.value.path().read_text()
    assert content.startswith("dxflow erasure certificate v1")
    assert models.RightsRequest.get_by_id(overdue.id).state == "completed"


def test_an_act_for_many_says_of_each_what_became_of_it(
    enter: Callable[..., Page], overdue: models.RightsRequest, core: Core, tenant: NewTenant, scripts: bool
) -> None:
    actions.verify(core, tenant.controller.id, overdue.id, "system", "known")
    page = enter(Role.DPO)
    page.goto("/dashboard/requests")
    if scripts:
        page.get_by_label("Mark all on this page").check()
        expect(page.locator("#marked")).to_have_text("(3)")
    else:
        for box in page.get_by_role("checkbox").all():
            box.check()
    page.get_by_label("What to do with them").select_option("Identity is proven")
    press(page, "Next")
    expect(page.get_by_text("3 requests are marked. As things stand 2 of them allow it")).to_be_visible()
    looked_at(page, scripts)
    page.get_by_label("What convinced you?").fill("All of them wrote from where we write to them.")
    press(page, "Identity is proven: 3 requests")
    expect(page.get_by_text("2 done, 1 not")).to_be_visible()
    expect(
        page.get_by_text("allows collect, hold, reject, cancel, mark_duplicate, not verify.")
    ).to_be_visible()
    looked_at(page, scripts)


def test_a_tick_outlasts_what_the_page_learns_meanwhile(
    enter: Callable[..., Page], overdue: models.RightsRequest, core: Core, tenant: NewTenant, scripts: bool
) -> None:
    if not scripts:
        pytest.skip("without a script the page is as of its load")
    page = enter(Role.DPO)
    page.goto("/dashboard/requests")
    page.get_by_label("Mark Erasure").check()
    page.get_by_role("heading", level=1).click()  # the list isn't being worked in any more
    page.evaluate("document.activeElement.blur()")
    actions.verify(core, tenant.controller.id, overdue.id, "system", "known")
    expect(page.locator("#queue").get_by_text("identity verified")).to_be_visible(timeout=15_000)
    expect(page.get_by_label("Mark Erasure")).to_be_checked()
    expect(page.locator("#marked")).to_have_text("(1)")


def test_a_request_that_came_by_letter_is_entered_and_found_again(
    enter: Callable[..., Page], scripts: bool
) -> None:
    page = enter(Role.MEMBER)
    page.goto("/dashboard/requests")
    page.get_by_role("link", name="Enter a request").click()
    looked_at(page, scripts)
    page.get_by_label("What they ask for").select_option("Erasure")
    page.get_by_label("E-mail").fill("nonsense")
    page.get_by_label("How it came, and what they said").fill("By letter.")
    press(page, "Record the request")
    expect(page.get_by_text("Not an e-mail address.")).to_be_visible()
    looked_at(page, scripts)
    page.get_by_label("E-mail").fill("ada@shop.example")
    press(page, "Record the request")
    expect(page.get_by_text("Recorded. Its clock runs")).to_be_visible()
    page.goto("/dashboard/requests")
    page.get_by_label("Find by reference or request id").fill(models.RightsRequest.get().id[:8])
    press(page, "Find")
    expect(page.get_by_role("heading", name="Erasure", level=1)).to_be_visible()


def test_a_recipient_is_told_by_hand_and_the_obligation_closed(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, drain: Callable[[], int], scripts: bool
) -> None:
    Sender(core, tenant.controller.id).send("customers/create", customer(1))
    drain()
    subject_id = models.Event.get(workflow="webhook").subject_id
    limiting.put(core, tenant.controller.id, subject_id, "sale_opt_out", "", None, "system")
    page = enter(Role.DPO)
    page.get_by_role("link", name="Obligations").click()
    looked_at(page, scripts)
    page.get_by_role("link", name="Shopify").click()
    press(page, "Show as whom they are known there")
    expect(page.get_by_text("Ids there")).to_be_visible()
    looked_at(page, scripts)
    unfold(page, "Close it by hand")
    page.get_by_label("What was done, or why nothing has to be").fill("Told them by telephone.")
    press(page, "Close it")
    expect(page.get_by_text("No recipient owes anything")).to_be_visible()


def test_the_desk_is_set_up(
    enter: Callable[..., Page], core: Core, tenant: NewTenant, drain: Callable[[], int], scripts: bool
) -> None:
    mine = tenant.controller.id
    subject, _ = subjects.enter(core, mine, ADA, "system")
    drain()
    erasure.erase(core, mine, subject.id, "system", reason="request", suppress=True)
    page = enter(Role.ADMIN)
    page.get_by_role("link", name="Rights desk").click()
    looked_at(page, scripts)
    page.get_by_label("Time zone").select_option("Europe/Berlin")
    page.get_by_label("Supervisory authority").fill("BlnBDI")
    press(page, "Save")
    expect(page.get_by_text("Saved. It holds from now on.")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Berlin")
    tabs = page.get_by_role("navigation", name="Rights desk")
    tabs.get_by_role("link", name="Agents").click()
    looked_at(page, scripts)
    tabs.get_by_role("link", name="Suppressions").click()
    page.get_by_label("E-mail").fill("ada@shop.example")
    press(page, "Look up")
    expect(page.get_by_text("They were erased here, and are kept out by 1 mark.")).to_be_visible()
    looked_at(page, scripts)
    tabs.get_by_role("link", name="Outgoing webhooks").click()
    page.get_by_label("Address").fill("http://127.0.0.1:1/in")
    press(page, "Add the endpoint")
    expect(page.locator("#url-error")).to_be_visible()
    looked_at(page, scripts)
