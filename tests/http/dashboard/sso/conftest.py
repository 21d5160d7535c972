"""A data controller whose people sign in through a provider of their own, and browsers to do it with."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import oidc
import pytest
from browsing import Browser
from flow import HandClock
from oidc import Provider, near_clock, reaching_here

from dxflow.engine.core import Core
from dxflow.engine.outgoing import Limits
from dxflow.engine.services.people import sso, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store

EMAIL = "ada@acme.example"


clock = near_clock


@pytest.fixture
def core(store: Store, clock: HandClock) -> Core:
    """One that may reach this machine, and doesn't wait long."""
    return reaching_here(store, clock, Limits(read_s=0.5, whole_s=1.0, bytes=200_000))


@pytest.fixture
def public_url() -> str:
    return "https://dxflow.example"


@pytest.fixture
def provider() -> Iterator[Provider]:
    """The company's provider; it knows Ada, and has verified her address."""
    with oidc.provider(email=EMAIL, email_verified=True) as made:
        yield made


@pytest.fixture
def acme(core: Core, tenant: NewTenant, provider: Provider) -> str:
    """The id of a data controller that has set this provider; newcomers stay out."""
    sso.set_provider(core, tenant.controller.id, provider.issuer, oidc.CLIENT, oidc.SECRET)
    return str(tenant.controller.id)


@pytest.fixture
def ada(core: Core, acme: str) -> str:
    """The id of a member who has never signed in."""
    user, _ = users.create(core, acme, EMAIL, "member")
    return str(user.id)


@pytest.fixture
def new_browser(site: str, public_url: str) -> Callable[[], Browser]:
    return lambda: Browser({public_url: site})


@pytest.fixture
def browser(new_browser: Callable[[], Browser]) -> Browser:
    return new_browser()


@pytest.fixture
def come_in(browser: Browser, public_url: str) -> Callable[..., Browser]:
    """Goes to a data controller's address and presses the button."""

    def go(tenant_id: str, with_browser: Browser = browser, following: str = "") -> Browser:
        query = f"?next={following}" if following else ""
        with_browser.open(f"{public_url}/dashboard/sso/{tenant_id}{query}")
        assert "Sign in to" in with_browser.text, with_browser.text
        with_browser.submit()
        return with_browser

    return go
