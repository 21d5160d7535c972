"""The whole edge over real HTTP: a threaded server on a socket, callers with keys of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from callers import Around, Caller
from flow import Sender
from serving import served

from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials
from dxflow.engine.services.tenants import NewTenant
from dxflow.http.app import HttpSettings, Outside, build

MAX_BODY_BYTES = 100_000


@pytest.fixture
def around() -> Around:
    return Around()


@pytest.fixture
def base(core: Core, around: Around) -> Iterator[str]:
    """The address of a running edge."""
    app = build(
        core, Outside(around.read, around.checks), HttpSettings(MAX_BODY_BYTES, "http://edge.example")
    )
    with served(app, after=core.store.close) as address:
        yield address


@pytest.fixture
def anybody(base: str) -> Caller:
    """Somebody without a key."""
    return Caller(base)


@pytest.fixture
def api(base: str, tenant: NewTenant) -> Caller:
    """The tenant's own program, with every scope."""
    return Caller(base, tenant.api_key)


@pytest.fixture
def other_tenant(core: Core) -> NewTenant:
    return tenants.create(core, "Another Shop", "UK")


@pytest.fixture
def stranger(base: str, other_tenant: NewTenant) -> Caller:
    """Another tenant's program, with every scope."""
    return Caller(base, other_tenant.api_key)


@pytest.fixture
def with_scopes(core: Core, base: str, tenant: NewTenant) -> Callable[..., Caller]:
    """A caller of the tenant whose key has just these scopes."""

    def make(*scopes: str) -> Caller:
        _, secret = credentials.create_key(core, tenant.controller.id, "narrow", scopes, "system")
        return Caller(base, secret)

    return make


@pytest.fixture
def shop(core: Core, tenant: NewTenant) -> Sender:
    """A Shopify shop of the tenant."""
    return Sender(core, tenant.controller.id)
