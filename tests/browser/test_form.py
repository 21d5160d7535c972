"""The hosted form in a real Chromium: filled in, mended, proven and withdrawn, with scripts and without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect
from postbox import Postbox, with_post
from reading import fits, usable
from serving import served
from visitors import edge

from dxflow.engine.core import Core
from dxflow.engine.desk import settings
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ADA = "ada@person.example"
BARE = pytest.mark.parametrize("scripts", [False], ids=["no scripts"], indirect=True)
"""The form has no script; that one changes nothing is seen in the first test."""


@pytest.fixture
def site(mailing: Core) -> Iterator[str]:
    """A running edge that sends mail."""
    with edge(mailing, "http://127.0.0.1") as address:
        yield address


@pytest.fixture
def address(core: Core, tenant: NewTenant) -> str:
    """The form's path; somebody is on file."""
    subjects.enter(core, tenant.controller.id, Person(ADA), "system")
    return f"/request/{tenant.controller.id}"


@pytest.fixture
def form(page: Page, address: str) -> Page:
    """Somebody in front of the form."""
    page.goto(f"{address}?lang=en")
    return page


def press(page: Page, words: str) -> None:
    page.get_by_role("button", name=words).or_(page.get_by_role("link", name=words)).first.click()


def focus(page: Page) -> str:
    """The id of what has it."""
    return page.locator(":focus").get_attribute("id") or ""


def test_a_request_from_the_first_mistake_to_its_withdrawal(
    form: Page, address: str, core: Core, box: Postbox, scripts: bool
) -> None:
    form.locator("#type-erasure").check()
    form.locator("#where").select_option(label="Germany")
    press(form, "Send the request")
    expect(form.get_by_text("There is a problem")).to_be_visible()
    expect(form).to_have_title(re.compile("^Error:"))
    if scripts:
        usable(form)
    form.locator(".summary a").first.click()
    expect(form.locator("#email")).to_be_focused()
    expect(form.locator("#type-erasure")).to_be_checked()

    form.get_by_label("E-mail address").fill(ADA)
    press(form, "Send the request")
    expect(form.get_by_text("Your request has arrived").first).to_be_visible()
    key = re.search(r"([0-9a-z]{4}-){5}[0-9a-z]{4}", form.content())
    assert key

    press(form, "Open the page of your request")
    expect(form.get_by_text("waits for the proof that it is you")).to_be_visible()
    form.get_by_label("Code of six digits").fill("000000")
    press(form, "Confirm")
    expect(form.get_by_text("This code is wrong, or its time is over.").first).to_be_visible()
    form.get_by_label("Code of six digits").fill(box.code(with_post(core, box), ADA))
    press(form, "Confirm")
    expect(form.get_by_text("It is certain that it is you.")).to_be_visible()

    form.goto(f"{address}/{models.RightsRequest.get().id}")
    form.get_by_label("Key").fill(key[0].upper())
    press(form, "Show the request")
    expect(form.get_by_text("Delete my data").first).to_be_visible()
    form.locator("#sure").check()
    press(form, "Withdraw the request")
    expect(form.get_by_text("Your request is withdrawn.")).to_be_visible()
    assert models.RightsRequest.get().state == "cancelled"


@BARE
def test_the_form_can_be_filled_in_with_the_keyboard_alone(form: Page) -> None:
    form.keyboard.press("Tab")
    expect(form.locator(":focus")).to_have_class("skip")
    form.keyboard.press("Enter")
    passed: list[str] = []
    words = {"email": ADA, "where": "Germany"}
    while len(passed) < 12 and "details" not in passed:
        form.keyboard.press("Tab")
        passed.append(focus(form))
        if passed[-1].startswith("type-"):
            form.keyboard.press("Space")
        form.keyboard.type(words.get(passed[-1], ""))
    assert passed[0] == "type-access"
    assert passed[-1] == "details"
    assert "website" not in passed
    form.keyboard.press("Tab")
    form.keyboard.press("Enter")
    expect(form.get_by_text("Your request has arrived").first).to_be_visible()
    assert models.RightsRequest.get().type == "access"


@BARE
def test_the_switch_changes_the_language_of_the_page(form: Page) -> None:
    form.get_by_role("link", name="Deutsch").or_(form.get_by_role("button", name="Deutsch")).first.click()
    expect(form.get_by_text("Ihre Datenschutzrechte").first).to_be_visible()
    expect(form.locator("html")).to_have_attribute("lang", "de")


@BARE
def test_in_every_language_all_pages_fit_a_narrow_screen(form: Page, address: str) -> None:
    for language in ("en", "de", "fr", "es", "it", "nl"):
        for path in ("?", "/nothing?", "/confirm?", f"/confirm?token={'t' * 43}&"):
            form.goto(f"{address}{path}lang={language}")
            fits(form, 320)  # WCAG 2.2, 1.4.10


def shop(address: str) -> Callable[..., list[bytes]]:
    """A page of the data controller's own, with the form in a frame."""
    page = f"<!doctype html><title>shop</title><iframe src='{address}?embed=1' width=600 height=600></iframe>"

    def answer(environ: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html")])
        return [page.encode()]

    return answer


def test_a_named_site_may_show_the_form_in_a_frame_and_another_may_not(
    chromium: Browser, site: str, address: str, core: Core, tenant: NewTenant
) -> None:
    with served(shop(site + address)) as named, served(shop(site + address)) as another:
        settings.change(core, tenant.controller.id, "system", {"embed_origins": [named]})
        shown, page = {}, chromium.new_page(java_script_enabled=False)
        for host in (named, another):
            page.goto(host)
            shown[host] = "Your privacy rights" in page.frames[1].content()
        page.close()
    assert shown == {named: True, another: False}


@BARE
def test_labels_stand_at_their_fields_and_descriptions_are_there(form: Page) -> None:
    press(form, "Send the request")
    expect(form.get_by_text("There is a problem")).to_be_visible()
    source = form.content()
    ids = set(re.findall(r'\bid="([^"]+)"', source))
    references = re.findall(r'aria-(?:describedby|labelledby)="([^"]+)"', source)
    assert {name for one in references for name in one.split()} <= ids
    assert set(re.findall(r'href="#([^"]+)"', source)) <= ids
    fields = form.locator("input:not([type=hidden]), select, textarea").all()
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', source))
    assert {field.get_attribute("id") for field in fields} <= labelled
    assert form.locator("main h1").count() == 1
