"""Data subjects in a real browser: from an address to the person's page, and from a conflict to a decision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from reading import fits, usable

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import consents, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ADA = Person("canary@person.example", "+4930123456", "Canary Bird", (("crm", "1"),))


@pytest.fixture
def people(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> list[str]:
    """Two people and a conflict between them; the first has consents and a request."""
    owner = tenant.controller.id
    ada, _ = subjects.enter(core, owner, ADA, "key:1")
    eve, _ = subjects.enter(core, owner, Person(name="Magpie", external_ids=(("billing", "7"),)), "key:1")
    mixed = Person("canary@person.example", None, None, (("billing", "7"),))
    subjects.enter(core, owner, mixed, "key:1")
    for state in ("granted", "withdrawn"):
        consents.state(core, owner, ada.id, "direct marketing", "email", state, actor="key:1")
    requests.create(core, owner, "key:1", "access", ADA)
    drain()
    return [ada.id, eve.id]


def test_somebody_is_found_looked_at_and_held(
    enter: Callable[..., Page], people: list[str], scripts: bool
) -> None:
    page = enter(Role.DPO)
    page.get_by_role("link", name="Data subjects").click()
    page.get_by_label("What it is").fill("canary@person.example")
    page.get_by_role("button", name="Find").click()
    expect(page).to_have_url(f"/dashboard/subjects/{people[0]}")
    expect(page.get_by_role("heading", name="Data subject", exact=True)).to_be_visible()
    expect(page.get_by_text("canary@person.example")).to_have_count(0)
    page.get_by_text("2 statements").click()
    expect(page.get_by_text("Granted through the rights desk")).to_be_visible()
    page.get_by_role("navigation", name="Kinds of entries").get_by_role("link", name="Requests").click()
    expect(page.get_by_role("link", name="Request: Access to their data")).to_be_visible()
    page.get_by_text("Place a legal hold …").click()
    page.get_by_label("Why are these data needed?").fill("a lawsuit")
    page.get_by_role("button", name="Place the hold").click()
    expect(page.get_by_role("status").first).to_contain_text("The legal hold is in force")
    page.get_by_role("button", name="Show who it is").click()
    expect(page.get_by_text("Canary Bird")).to_be_visible()
    expect(page.get_by_text("That you looked is in the log.")).to_be_visible()
    fits(page)
    if scripts:
        usable(page)


def test_a_conflict_is_decided_and_the_merge_taken_back(
    enter: Callable[..., Page], people: list[str], scripts: bool
) -> None:
    page = enter(Role.DPO)
    page.goto("/dashboard/subjects")
    page.get_by_role("link", name="See whether they are one person").click()
    expect(page.get_by_role("heading", name="Link conflicts")).to_be_visible()
    fits(page)
    page.get_by_role("row").get_by_role("link", name="address").click()
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("button", name="Show who they are").click()
    expect(page.get_by_text("Magpie")).to_be_visible()
    page.get_by_label("What shows that they are one?").fill("same handwriting")
    page.get_by_role("button", name="Merge them").click()
    expect(page.get_by_role("status").first).to_contain_text("Merged.")
    page.get_by_text("Take it back …").click()
    page.get_by_label("Why are they two after all?").fill("two sisters")
    page.get_by_role("button", name="Take the merge back").click()
    expect(page.get_by_role("status").first).to_contain_text("Taken apart.")
    assert {row.state for row in models.DataSubject.select()} == {"active"}
    page.get_by_role("link", name="Decide whether they are one person").click()
    page.get_by_label("What shows that they are two?").fill("mother and daughter")
    page.get_by_role("button", name="Keep them apart").click()
    expect(page.get_by_text("Nothing to decide")).to_be_visible()


def test_two_are_merged_from_the_page_of_one(
    enter: Callable[..., Page], people: list[str], scripts: bool
) -> None:
    page = enter(Role.DPO)
    page.goto(f"/dashboard/subjects/{people[1]}")
    page.get_by_role("link", name="Merge with another …").click()
    page.get_by_label("Look for").select_option("Telephone number")
    page.get_by_label("What it is").fill("+49 30 123456")
    page.get_by_role("button", name="Find").click()
    page.get_by_label("The second, did:dep:").check()
    page.get_by_label("What shows that they are one person?").fill("one invoice")
    fits(page)
    if scripts:
        usable(page)
    page.get_by_role("button", name="Merge them").click()
    expect(page).to_have_url(f"/dashboard/subjects/{people[0]}")
    page.get_by_role("button", name="Show who it is").click()
    expect(page.get_by_text("“one invoice”")).to_be_visible()
