"""A running edge, and the directory of one data controller that calls it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from databases import usually_sqlite
from scim_caller import ScimCaller
from visitors import edge

from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials
from dxflow.engine.services.tenants import NewTenant

database_url = usually_sqlite


@pytest.fixture
def site(core: Core) -> Iterator[str]:
    """The address of a running edge."""
    with edge(core, "http://dxflow.example") as address:
        yield address


@pytest.fixture
def directory(site: str, core: Core, tenant: NewTenant) -> ScimCaller:
    """The tenant's directory, with a key that can do nothing else."""
    _, secret = credentials.create_key(core, tenant.controller.id, "directory", ["scim"], "system")
    return ScimCaller(site, secret)


@pytest.fixture
def other_tenant(core: Core) -> NewTenant:
    return tenants.create(core, "Another Shop", "UK")


@pytest.fixture
def elsewhere(site: str, core: Core, other_tenant: NewTenant) -> ScimCaller:
    """The directory of another data controller."""
    _, secret = credentials.create_key(core, other_tenant.controller.id, "directory", ["scim"], "system")
    return ScimCaller(site, secret)


@pytest.fixture
def with_scopes(core: Core, site: str, tenant: NewTenant) -> Callable[..., ScimCaller]:
    """A caller of the tenant whose key has just these scopes."""

    def make(*scopes: str) -> ScimCaller:
        _, secret = credentials.create_key(core, tenant.controller.id, "narrow", scopes, "system")
        return ScimCaller(site, secret)

    return make
