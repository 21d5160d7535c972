"""A real Chromium, with scripts and without, in front of a dashboard with something on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from databases import usually_sqlite
from flow import Sender, customer
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from reading import MISSING, Watch, open_chromium, sign_in
from visitors import PASSWORD, edge

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.people import users
from dxflow.engine.services.rights import requests
from dxflow.engine.services.tenants import NewTenant

EMAIL = "owner@acme.example"
PATIENCE_MS = 30_000
"""Two processors may have ten processes to run."""

expect.set_options(timeout=PATIENCE_MS)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this room need a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a file; each has a profile of its own in it. Not for the whole run: while it
    is open Playwright's event loop runs in this thread, and other tests couldn't run theirs."""
    with sync_playwright() as playwright:
        browser = open_chromium(playwright)
        if browser is None:
            if os.environ.get("CI"):
                pytest.fail(MISSING)
            pytest.skip(MISSING)
        yield browser
        browser.close()


database_url = usually_sqlite


@pytest.fixture
def site(core: Core) -> Iterator[str]:
    """The address of a running edge."""
    with edge(core, "http://127.0.0.1") as address:
        yield address


@pytest.fixture
def once(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> str:
    """The one-time password of an owner, whose dashboard has a customer, a failure and a request on it."""
    sender = Sender(core, tenant.controller.id)
    sender.send("customers/create", customer(1))
    sender.send("customers/update", {"error": "not a customer"})
    person = Person(email="canary@person.example")
    requests.create(core, tenant.controller.id, "key:1", "erasure", person)
    _, secret = users.create(core, tenant.controller.id, EMAIL, Role.OWNER)
    drain()
    assert secret is not None
    return secret


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the browser runs scripts: every test of ``page`` runs with and without."""
    return bool(request.param)


@pytest.fixture
def context(chromium: Browser, scripts: bool, site: str) -> Iterator[BrowserContext]:
    """A fresh profile. Its pages may ask nobody but this host, and none may trip over the content policy."""
    context = chromium.new_context(
        base_url=site, java_script_enabled=scripts, viewport={"width": 1280, "height": 900}
    )
    context.set_default_timeout(PATIENCE_MS)
    watch = Watch(site)
    context.on("request", watch.asked)
    context.on("console", watch.said)
    context.on("weberror", watch.threw)
    yield context
    context.close()
    assert watch.strays == [], "a page asked another host"
    assert watch.faults == [], "a page's script or the content policy complained"


@pytest.fixture
def page(context: BrowserContext) -> Page:
    """An empty tab."""
    return context.new_page()


@pytest.fixture
def enter(core: Core, tenant: NewTenant, page: Page) -> Callable[..., Page]:
    """Makes a user with a role (an owner unless told) and a password, and signs them in in ``page``."""

    def come_in(role: Role = Role.OWNER) -> Page:
        email = f"the.{role}@acme.example"
        users.create(core, tenant.controller.id, email, role, password=PASSWORD)
        sign_in(page, email, PASSWORD)
        return page

    return come_in
