"""A new owner's first day in a real Chromium: from the one-time password on, with scripts and without."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect
from reading import sign_in
from visitors import PASSWORD

from dxflow.engine.store import models

from .conftest import EMAIL


@pytest.fixture
def first(page: Page, once: str) -> Page:
    """Signed in with the one-time password."""
    sign_in(page, EMAIL, once)
    return page


def press(page: Page, words: str) -> None:
    """The first button or link with these words."""
    page.get_by_role("link", name=words).or_(page.get_by_role("button", name=words)).first.click()


def test_the_first_visit_from_the_one_time_password_to_a_replayed_event(
    first: Page, drain: Callable[[], int]
) -> None:
    expect(first.get_by_text("This needs you")).to_be_visible()
    expect(first.get_by_text("Your one-time password is used up.").first).to_be_visible()

    press(first, "See why")
    expect(first.get_by_text("The body does not have the shape of its Shopify topic.").first).to_be_visible()
    first.get_by_role("link", name="customers/update").first.click()
    first.get_by_role("button", name="Replay").first.click()
    expect(first.get_by_text("Replayed. It runs again from the step where it stopped.")).to_be_visible()
    assert models.Event.get(topic="customers/update").state == "received"

    press(first, "Rights requests")
    expect(first.get_by_role("link", name="Erasure")).to_be_visible()
    press(first, "Notices")
    expect(first.get_by_text("New rights request: erasure").first).to_be_visible()
    press(first, "Mark all read")
    expect(first.get_by_text("All notices are marked read.")).to_be_visible()

    drain()
    assert models.Event.get(topic="customers/update").state == "failed"


def test_choosing_a_password_signing_out_and_in_again(first: Page) -> None:
    first.get_by_role("link", name="Choose a password").first.click()
    first.get_by_label("New password", exact=True).fill(PASSWORD)
    first.get_by_label("New password again").fill(PASSWORD)
    press(first, "Save")
    expect(first.get_by_text("Your password is set.")).to_be_visible()
    first.get_by_role("button", name="Sign out").click()
    expect(first.get_by_text("You are signed out.")).to_be_visible()
    sign_in(first, EMAIL, PASSWORD)
    expect(first.get_by_role("heading", name="Overview")).to_be_visible()


def test_who_asked_is_covered_until_the_reader_asks_to_see(first: Page) -> None:
    first.goto("/dashboard/requests")
    first.get_by_role("link", name="Erasure").first.click()
    expect(first.get_by_text("GDPR Art. 12(3)").first).to_be_visible()
    assert "canary@person.example" not in first.content()
    first.get_by_role("button", name="Show who asked").click()
    expect(first.get_by_text("canary@person.example").first).to_be_visible()
    assert models.AuditEntry.select().where(models.AuditEntry.kind == "personal_data.read").count() == 1


def test_the_browser_runs_scripts_only_where_it_may(page: Page, scripts: bool) -> None:
    page.goto("data:text/html,<title>no</title><script>document.title='yes'</script>")
    assert (page.title() == "yes") is scripts
