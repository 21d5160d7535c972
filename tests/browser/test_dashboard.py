"""The dashboard's first pages in a real Chromium: from sign-in to the result, with scripts and without."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from visitors import PASSWORD

from dxflow.engine.store import models
from waiting import wait_until

EMAIL = "owner@acme.example"


class Reader:
    """Somebody at the browser: finds things by what they say, as people do."""

    def __init__(self, browser: webdriver.Chrome, site: str) -> None:
        self.browser, self.site = browser, site

    def open(self, path: str) -> None:
        self.browser.get(self.site + path)

    def content_width(self) -> int:
        """How wide the page is laid out, in CSS pixels."""
        return int(self.browser.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]["width"])

    def fill(self, label: str, text: str) -> None:
        field = self.browser.find_element(By.XPATH, f"//label[normalize-space()='{label}']").get_attribute(
            "for"
        )
        box = self.browser.find_element(By.ID, field or "")
        box.clear()
        box.send_keys(text)

    def press(self, words: str, inside: str = "") -> None:
        """Press the button or follow the link that begins with these words; waits for the next page."""
        begins = f"starts-with(normalize-space(), '{words}')"
        found = self.browser.find_element(By.XPATH, f"{inside}//*[(self::a or self::button) and {begins}]")
        before = self._page()
        found.click()
        wait_until(lambda: self._page() not in (before, None), what=f"the page after {words!r}")

    def sees(self, words: str) -> None:
        wait_until(lambda: words in self._text(), what=words)

    def _page(self) -> str | None:
        """The id of the document shown; None between two of them."""
        documents = self.browser.find_elements(By.TAG_NAME, "html")
        return documents[0].id if documents else None

    def _text(self) -> str:
        """What the page says; nothing while it gives way to the next."""
        try:
            return self.browser.find_element(By.TAG_NAME, "body").text
        except (NoSuchElementException, StaleElementReferenceException):
            return ""

    def sign_in(self, password: str) -> None:
        self.open("/dashboard/")
        self.fill("E-mail address", EMAIL)
        self.fill("Password or one-time password", password)
        self.press("Sign in")

    def asked_for(self) -> set[str]:
        """Every network address asked for since the last look (the browser's own pages are none)."""
        messages = [json.loads(entry["message"])["message"] for entry in self.browser.get_log("performance")]
        sent = [message["params"] for message in messages if message["method"] == "Network.requestWillBeSent"]
        addresses = {params["request"]["url"] for params in sent}
        return {one for one in addresses if one.startswith(("http:", "https:", "ws:", "wss:"))}

    def complaints(self) -> list[str]:
        """What the browser's console says: errors, violations of the Content-Security-Policy."""
        return [entry["message"] for entry in self.browser.get_log("browser")]


@pytest.fixture
def reader(browser: webdriver.Chrome, site: str) -> Reader:
    return Reader(browser, site)


def test_the_first_visit_from_the_one_time_password_to_a_replayed_event(
    reader: Reader, once: str, drain: Callable[[], int]
) -> None:
    reader.sign_in(once)
    reader.sees("This needs you")
    reader.sees("Your one-time password is used up.")

    reader.press("See why")
    reader.sees("The body does not have the shape of its Shopify topic.")
    reader.press("Replay")
    reader.sees("Replayed. It runs again from the step where it stopped.")
    reader.sees("Nothing has failed")
    assert models.Event.get(topic="customers/update").state == "received"

    reader.press("Requests")
    reader.sees("Erasure")
    reader.sees("GDPR, through the API")
    reader.press("Notices")
    reader.sees("New rights request: erasure")
    reader.press("Mark all read")
    reader.sees("Nothing new")

    drain()
    assert models.Event.get(topic="customers/update").state == "failed"
    assert reader.complaints() == []
    asked_for = reader.asked_for()
    assert asked_for
    assert {one for one in asked_for if not one.startswith(f"{reader.site}/dashboard")} == set()


def test_choosing_a_password_signing_out_and_in_again(reader: Reader, once: str) -> None:
    reader.sign_in(once)
    reader.press("Choose a password")
    reader.fill("New password", PASSWORD)
    reader.fill("New password again", PASSWORD)
    reader.press("Save")
    reader.sees("Your password is set.")
    reader.press("Sign out")
    reader.sees("You are signed out.")
    reader.sign_in(PASSWORD)
    reader.sees("Overview")
    assert reader.complaints() == []


def test_a_failed_event_is_given_up_with_a_reason(reader: Reader, once: str) -> None:
    reader.sign_in(once)
    reader.open("/dashboard/events?state=failed")
    reader.press("customers/update")
    reader.sees("“Read the delivery” went wrong")
    summary = reader.browser.find_element(By.XPATH, "//summary[normalize-space()='Discard']")
    summary.send_keys(Keys.ENTER)
    reader.fill("Why is it given up?", "the shop sent an error page")
    reader.press("Discard this event")
    reader.sees("Reason: the shop sent an error page")
    assert reader.complaints() == []


def test_who_asked_is_covered_until_the_reader_asks_to_see(reader: Reader, once: str) -> None:
    reader.sign_in(once)
    reader.open("/dashboard/requests")
    reader.press("Erasure")
    reader.sees("GDPR Art. 12(3)")
    assert "canary@person.example" not in reader.browser.page_source
    reader.press("Show who asked")
    reader.sees("canary@person.example")
    assert models.AuditEntry.select().where(models.AuditEntry.kind == "personal_data.read").count() == 1
    assert reader.complaints() == []


def test_the_keyboard_alone_gets_past_the_navigation(reader: Reader, once: str) -> None:
    reader.sign_in(once)
    reader.open("/dashboard/events")
    reader.browser.find_element(By.TAG_NAME, "body").send_keys(Keys.TAB)
    skip = reader.browser.find_element(By.CLASS_NAME, "skip")
    wait_until(lambda: reader.browser.switch_to.active_element == skip, what="the focus on the first link")
    wait_until(lambda: skip.rect["y"] >= 0, what="what has the focus to be in sight")
    skip.send_keys(Keys.ENTER)
    wait_until(lambda: reader.browser.current_url.endswith("#main"), what="the jump to the content")


@pytest.mark.parametrize("width", [380, 1280])
def test_no_page_is_wider_than_the_screen(reader: Reader, once: str, width: int) -> None:
    reader.sign_in(once)
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    reader.browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    event = models.Event.get(state="failed")
    request = models.RightsRequest.get()
    pages = (
        "",
        "events",
        f"events/{event.id}",
        "requests",
        f"requests/{request.id}",
        "notices",
        "password",
        "none",
    )
    for page in pages:
        reader.open(f"/dashboard/{page}")
        # Chromium lays a page out as 980 pixels wide until it has read how wide the page wants to be.
        wait_until(
            lambda: reader.content_width() <= width, timeout=5, what=f"{page or 'the overview'} to fit"
        )


def test_the_browser_runs_scripts_only_where_it_may(
    scripts_run: bool, request: pytest.FixtureRequest
) -> None:
    assert scripts_run is ("no scripts" not in request.node.name)
