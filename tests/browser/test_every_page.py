"""Every page that links lead to, from the overview on: usable by everybody, and fits a narrow screen."""

from __future__ import annotations

import re
from collections.abc import Callable

from playwright.sync_api import Page
from reading import fits, usable

from dxflow.engine.core import Core
from dxflow.engine.services.tenants import NewTenant

NOWHERE = "/dashboard/nowhere"
ONE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|did:\w+:[0-9a-f]{64}|(?<=/)\d+(?=/|$)")


def shape(address: str) -> str:
    """What kind of page an address is of: ids don't tell two apart, nor do the values of a query."""
    path, _, query = address.partition("#")[0].partition("?")
    names = sorted({pair.partition("=")[0] for pair in query.split("&") if pair})
    return ONE.sub("*", path) + ("?" + "&".join(names) if names else "")


def links(page: Page) -> list[str]:
    """Where the page leads to inside the dashboard, downloads apart."""
    anchors = page.locator("a[href]:not([download])").all()
    return [href for href in (anchor.get_attribute("href") or "" for anchor in anchors) if href]


def test_every_page_is_usable_and_fits(
    enter: Callable[..., Page], once: str, core: Core, tenant: NewTenant, scripts: bool
) -> None:
    """Without scripts it has only to fit: for axe, which is one, that page would be another."""
    page, seen, waiting = enter(), set[str](), ["/dashboard/", "/dashboard/password", NOWHERE]
    while waiting:
        address = waiting.pop(0)
        if shape(address) in seen or not address.startswith("/dashboard"):
            continue
        seen.add(shape(address))
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == (404 if address == NOWHERE else 200), f"{address} answers {answer.status}"
        if "text/html" not in (answer.header_value("content-type") or ""):
            continue
        waiting += links(page)
        fits(page)
        if scripts:
            usable(page)
    assert len(seen) > 20
