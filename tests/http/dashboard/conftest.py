"""A running edge and people at its dashboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from databases import usually_sqlite
from visitors import PASSWORD, Visitor, edge

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services.people import users
from dxflow.engine.services.rights import requests
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

Ask = Callable[..., models.RightsRequest]


database_url = usually_sqlite


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


@pytest.fixture
def owner(sign_in_as: Callable[[Role], Visitor]) -> Visitor:
    """Somebody who may do everything at the data controller, signed in."""
    return sign_in_as(Role.OWNER)


@pytest.fixture
def ask(core: Core, tenant: NewTenant) -> Ask:
    """Puts a request in the queue that was received so many days ago."""

    def make(type: str = "access", days: int = 0, **options: str) -> models.RightsRequest:
        person = Person(email="canary@person.example", name="Canary Bird")
        received = core.clock() - timedelta(days=days)
        return requests.create(
            core, tenant.controller.id, "key:1", type, person, received_at=received, **options
        )

    return make


@pytest.fixture
def cost(dpo: Visitor, statements: list[str]) -> Callable[[str], int]:
    """How many statements a page costs, without those for keys: they are read anew now and then."""

    def count(page: str) -> int:
        statements.clear()
        assert dpo.get(f"/dashboard{page}").status_code == 200
        return len([one for one in statements if "wrapped_keys" not in one])

    return count
