"""A running edge, and agents that its tenant knows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from databases import usually_sqlite
from drp_agent import Agent
from visitors import edge

from dxflow.engine.core import Core
from dxflow.engine.services.rights import privacy_agents
from dxflow.engine.services.tenants import NewTenant

database_url = usually_sqlite


@pytest.fixture
def site(core: Core) -> Iterator[str]:
    """The address of a running edge."""
    with edge(core, "https://privacy.example") as address:
        yield address


@pytest.fixture
def new_agent(core: Core, site: str, tenant: NewTenant) -> Callable[[str], Agent]:
    """Makes agents that the tenant knows, each with a token."""

    def make(name: str = "CONSUMER_HELP") -> Agent:
        agent = Agent(core, site, tenant.controller.id, "ACME_SHOP", name)
        privacy_agents.add(
            core, tenant.controller.id, name, "Consumer Help", agent.verify_key, "user:1", "ACME_SHOP"
        )
        assert agent.set_up().status_code == 200
        return agent

    return make


@pytest.fixture
def agent(new_agent: Callable[[str], Agent]) -> Agent:
    return new_agent("CONSUMER_HELP")
