"""A running edge and people at its dashboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from visitors import PASSWORD, Visitor, edge

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant


@pytest.fixture
def database_url(request: pytest.FixtureRequest, migrated: Callable[[str], str]) -> str:
    """SQLite, unless a test asks for the other kind too (``BOTH``): pages differ little between them."""
    return migrated(getattr(request, "param", "sqlite"))


@pytest.fixture
def public_url() -> str:
    """How people reach the installation."""
    return "http://dxflow.example"


@pytest.fixture
def site(core: Core, public_url: str) -> Iterator[str]:
    """The address of a running edge."""
    with edge(core, public_url) as address:
        yield address


@pytest.fixture
def visitor(site: str) -> Visitor:
    """Somebody who isn't signed in."""
    return Visitor(site)


@pytest.fixture
def sign_in_as(core: Core, tenant: NewTenant, site: str) -> Callable[[Role], Visitor]:
    """Makes a user with a role and a password, and signs them in."""

    def make(role: Role) -> Visitor:
        users.create(core, tenant.controller.id, f"{role}@acme.example", role, password=PASSWORD)
        visitor = Visitor(site)
        visitor.sign_in(f"{role}@acme.example", PASSWORD)
        return visitor

    return make


@pytest.fixture
def dpo(sign_in_as: Callable[[Role], Visitor]) -> Visitor:
    """A data protection officer, signed in."""
    return sign_in_as(Role.DPO)
