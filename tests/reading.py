"""Somebody at a real browser (Playwright): what they do on every page, and what no page may do to them."""

from __future__ import annotations

import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Playwright, Request, WebError, sync_playwright

from waiting import wait_until

_FAULTS = {"resultTypes": ["violations"]}  # what passes isn't worked out to the end
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
_RULES = {"runOnly": {"type": "tag", "values": _TAGS}, **_FAULTS}
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}, **_FAULTS}
_ANSWERED = "Failed to load resource"  # a 404 or 422 page is an answer like any other


MISSING = (
    "there is no Chromium to test with; get one with `.venv/bin/playwright install --with-deps chromium` "
    "or from the system (Debian: apt-get install chromium-headless-shell)"
)

_MACHINES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""What the system's may be called. The first has no window to draw for nobody: it takes half the time."""


def program(playwright: Playwright) -> str | None:
    """Playwright's own Chromium, or else the machine's; None where there is none."""
    own = Path(playwright.chromium.executable_path)
    machines = [shutil.which(name) for name in _MACHINES]
    return next((found for found in (str(own) if own.exists() else None, *machines) if found), None)


def open_chromium(playwright: Playwright) -> Browser | None:
    """The browser, running; None where there is none."""
    found = program(playwright)
    if found is None:
        return None
    # Nothing but the pages themselves: no calls of the browser's own.
    return playwright.chromium.launch(
        executable_path=found, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    )


@dataclass
class Watch:
    """What went wrong behind a visitor's back: requests to other hosts, scripts that threw, complaints."""

    site: str
    strays: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.site}/", "data:", "blob:", "about:")):
            self.strays.append(request.url)

    def said(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(_ANSWERED):
            self.faults.append(message.text)

    def threw(self, error: WebError) -> None:
        self.faults.append(str(error.error))


def sign_in(page: Page, email: str, password: str) -> None:
    """Fill in the sign-in form and wait for the page that follows."""
    page.goto("/dashboard/sign-in")
    page.get_by_label("E-mail").fill(email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("navigation", name="Pages").wait_for()


def usable(page: Page) -> None:
    """Nothing serious keeps anybody from using this page, in the light and in the dark (axe-core). Only colours
    differ in the dark."""
    for scheme, rules in (("light", _RULES), ("dark", _COLOURS)):
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        found = Axe().run(page, options=rules).response["violations"]
        grave = [_told(one) for one in found if one["impact"] in ("serious", "critical")]
        assert grave == [], f"{page.url} in the {scheme}: {grave}"
    page.emulate_media(color_scheme="light")


def fits(page: Page, width: int = 360) -> None:
    """On a narrow screen nothing has to be scrolled sideways (WCAG 1.4.10)."""
    page.set_viewport_size({"width": width, "height": 780})
    measure = "document.body ? document.documentElement.scrollWidth : 0"
    laid_out = wait_until(lambda: page.evaluate(measure), what="a page")  # between two there is none
    assert laid_out <= width, f"{page.url} is {laid_out} wide on a screen of {width}"
    page.set_viewport_size({"width": 1280, "height": 900})


def _told(violation: dict[str, Any]) -> str:
    where = ", ".join(str(node["target"]) for node in violation["nodes"][:3])
    return f"{violation['id']} at {where}"


def main() -> None:
    """Say how to get a browser where there is none."""
    with sync_playwright() as playwright:
        if program(playwright) is None:
            print(f"Tests in a browser are skipped: {MISSING}", file=sys.stderr)


if __name__ == "__main__":
    main()
