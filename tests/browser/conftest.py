"""A real Chromium, with scripts and without, in front of a dashboard with something on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flow import Sender, customer
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from visitors import edge

from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import requests, users
from dxflow.engine.services.roles import Role
from dxflow.engine.services.tenants import NewTenant

EMAIL = "owner@acme.example"

# Nothing but the pages themselves: no driver from the network, no calls of the browser's own.
OPTIONS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --window-size=1280,900"
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this room need a browser."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """The browser sees the same pages whatever the database is."""
    return f"sqlite:///{tmp_path / 'dx flow.db'}"


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


@pytest.fixture(params=["scripts", "no scripts"])
def browser(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[webdriver.Chrome]:
    """Chromium, once with JavaScript and once without."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip(
            "this machine has no Chromium with its chromedriver (Debian: apt-get install chromium-driver)"
        )
    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for option in [*OPTIONS.split(), f"--user-data-dir={tmp_path / 'profile'}"]:
        options.add_argument(option)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    if request.param == "no scripts":
        blocked = {"profile.managed_default_content_settings.javascript": 2}
        options.add_experimental_option("prefs", blocked)
    chromium = webdriver.Chrome(options=options, service=Service(executable_path=driver))
    yield chromium
    chromium.quit()


@pytest.fixture
def scripts_run(browser: webdriver.Chrome) -> bool:
    """Whether this browser runs a page's scripts: asked of the browser itself."""
    browser.get("data:text/html,<title>no</title><script>document.title='yes'</script>")
    return browser.title == "yes"
