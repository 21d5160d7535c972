"""The demo, watched by somebody who has read nothing: numbers move; what is wrong is found and dealt with."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from reading import Watch, sign_in
from server import Server, ask, command_line

OWNER = "owner@demo.example"
SLOW = 60_000


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A first start: ``make run`` without make."""
    server = Server(tmp_path / "data")
    try:
        yield server.start().ready()
    finally:
        server.close()


@pytest.fixture
def owner(chromium: Browser, server: Server) -> Iterator[Page]:
    """The owner's browser, signed in."""
    base = f"http://127.0.0.1:{server.port}"
    context, watch = chromium.new_context(base_url=base, viewport={"width": 1280, "height": 900}), Watch(base)
    context.on("request", watch.asked)
    context.on("console", watch.said)
    page = context.new_page()
    once = ask(server.data_dir, "user", "one-time-password", OWNER)["one_time_password"]
    sign_in(page, OWNER, once)
    yield page
    context.close()
    assert (watch.strays, watch.faults) == ([], [])


@pytest.mark.fault
def test_numbers_move_and_what_went_wrong_is_found_and_dealt_with(owner: Page, server: Server) -> None:
    expect(owner.get_by_text("Ready for the first event")).to_be_visible()
    owner.evaluate("window.loadedOnce = true")
    demo = threading.Thread(
        target=command_line,
        args=(server.data_dir, "demo", "--events", "120", "--seed", "7"),
        kwargs={"port": server.port},
    )
    demo.start()
    expect(owner.get_by_text("This needs you")).to_be_visible(timeout=SLOW)
    demo.join()
    assert owner.evaluate("window.loadedOnce") is True  # nobody reloaded the page

    the_poison_is_given_up(owner)
    the_forger_is_seen(owner)
    the_person_who_asked_is_found(owner)


def the_poison_is_given_up(page: Page) -> None:
    """From the Overview's verdict to the event, and out with it."""
    page.get_by_role("link", name="See why, then replay or discard").click()
    expect(page.get_by_role("heading", name="Failed events", level=1)).to_be_visible()
    page.locator("main a[href*='/dashboard/events/']").filter(has_not_text="Failed").first.click()
    expect(page.get_by_role("heading", name=re.compile("went wrong"))).to_be_visible()
    page.locator("summary", has_text="Discard").first.click()
    page.get_by_label("Why is it given up?").fill("made up on purpose")
    page.get_by_role("button", name="Discard this event").click()
    expect(page.get_by_text("Reason: made up on purpose")).to_be_visible()


def the_forger_is_seen(page: Page) -> None:
    """A delivery with a wrong signature left a notice, which leads to the connector."""
    page.get_by_role("link", name=re.compile("^Notices")).click()
    expect(page.get_by_text("A delivery was refused").first).to_be_visible()
    page.get_by_role("link", name=re.compile("Open the connector")).first.click()
    expect(page.get_by_text(re.compile("refused", re.IGNORECASE)).first).to_be_visible()


def the_person_who_asked_is_found(page: Page) -> None:
    """Somebody wants to be forgotten: the queue, the request, its clock, and the next act."""
    page.get_by_role("link", name=re.compile("^Rights requests")).click()
    page.get_by_role("link", name="Erasure").first.click()
    expect(page.get_by_text(re.compile("Answer .*days")).first).to_be_visible()
    page.get_by_role("button", name=re.compile("Propose")).first.click()
    expect(page.get_by_text(re.compile("another person", re.IGNORECASE)).first).to_be_visible()
