"""Pictures of every page, in the light and the dark, wide and narrow, of a demo's data: ``make screenshots``.

Pages are those of the navigation, and the first of whatever they list. They land in the folder that is named;
``--keep FOLDER`` puts the three that the README shows there too.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from reading import MISSING, open_chromium, sign_in
from server import Server, ask, command_line

OWNER = "owner@demo.example"
PASSWORD = "four plain words together"
SIZES = {"wide": (1280, 900), "narrow": (390, 844)}
SCHEMES = ("light", "dark")

WITHIN = r"/dashboard/{section}/(?!static|new)[^?#]+$"
"""What a page of the navigation leads to: addresses below its own."""

KEPT = {"overview": "overview", "event": "event-failed", "request": "requests-1"}
"""What the README shows, by the name it has there."""


@contextmanager
def installation() -> Iterator[Server]:
    """A server after its first start and an hour of made-up traffic, whose owner has a password."""
    with tempfile.TemporaryDirectory(prefix="dxflow-pictures-") as place:
        server = Server(Path(place) / "data")
        try:
            yield server.start().ready()
        finally:
            server.close()


def live_through_an_hour(server: Server) -> None:
    """The demo's traffic, with all that it does wrong on purpose."""
    ended = command_line(server.data_dir, "demo", "--events", "400", "--seed", "7", port=server.port)
    if ended.returncode:
        raise SystemExit(f"the demo failed: {ended.stderr}")


def enter(page: Page, server: Server) -> None:
    """Sign in with a one-time password and choose one, as on the first day."""
    once = ask(server.data_dir, "user", "one-time-password", OWNER)["one_time_password"]
    sign_in(page, OWNER, once)
    page.goto("/dashboard/password")
    page.get_by_label("New password", exact=True).fill(PASSWORD)
    page.get_by_label("New password again").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Your password is set.").wait_for()


def addresses(page: Page) -> dict[str, str]:
    """Every page worth a picture, by the name of its file."""
    page.goto("/dashboard/")
    found = {"account": "/dashboard/account"}
    links = page.get_by_role("navigation", name="Pages").get_by_role("link").all()
    for path in [link.get_attribute("href") or "" for link in links]:
        section = path.removeprefix("/dashboard/").strip("/") or "overview"
        found[section.replace("/", "-")] = path
        page.goto(path)
        inner = re.compile(WITHIN.format(section=re.escape(section)))
        hrefs = [link.get_attribute("href") or "" for link in page.locator("main a[href]").all()]
        for number, href in enumerate(dict.fromkeys(filter(inner.search, hrefs)), 1):
            if number <= 2:
                found[f"{section.replace('/', '-')}-{number}"] = href
    page.goto("/dashboard/events/failed")
    found["event-failed"] = page.get_by_role("link", name="customers/").first.get_attribute("href") or ""
    return found


def take(browser: Browser, server: Server, folder: Path) -> list[Path]:
    """One picture for each page, scheme and size."""
    base = f"http://127.0.0.1:{server.port}"
    context = browser.new_context(base_url=base, reduced_motion="reduce")
    page = context.new_page()
    outside = {"sign-in": "/dashboard/sign-in", "forgot-password": "/dashboard/forgot-password"}
    taken = shots(page, outside, folder)
    page.set_viewport_size(dict(zip(("width", "height"), SIZES["wide"], strict=True)))  # type: ignore[arg-type]
    enter(page, server)
    taken += shots(page, addresses(page), folder)
    context.close()
    return taken


def shots(page: Page, pages: dict[str, str], folder: Path) -> list[Path]:
    """Pictures of pages by the names of their files."""
    taken = []
    for name, path in pages.items():
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
                page.goto(path)
                file = folder / f"{name}-{scheme}-{size}.png"
                page.screenshot(path=file, full_page=size == "narrow" or name not in KEPT.values())
                taken.append(file)
        print(f"{name}: {path}")
    return taken


def main() -> int:
    """Take them all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keep", type=Path, help="where the README's pictures go")
    wish = parser.parse_args()
    wish.folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        if browser is None:
            print(MISSING, file=sys.stderr)
            return 1
        with installation() as server:
            live_through_an_hour(server)
            taken = take(browser, server, wish.folder)
    if wish.keep:
        wish.keep.mkdir(parents=True, exist_ok=True)
        for name, source in KEPT.items():
            shutil.copy(wish.folder / f"{source}-light-wide.png", wish.keep / f"{name}.png")
    print(f"{len(taken)} pictures in {wish.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
