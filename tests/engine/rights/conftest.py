"""An agent (Data Rights Protocol) whose server hears how its requests stand."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from drp_agent import Agent
from flow import drain
from serving import served

from dxflow.engine.core import Core
from dxflow.engine.desk import by_agents
from dxflow.engine.outgoing import Limits, Outgoing
from dxflow.engine.services.rights import privacy_agents
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
Answer = tuple[int, dict[str, str]]


@dataclass
class Listener:
    """An agent's server. ``answers`` come one after the other, then always 200; ``during`` runs in the middle
    of the next call."""

    url: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    during: Callable[[], object] | None = None

    def app(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        assert (environ["REQUEST_METHOD"], environ["CONTENT_TYPE"]) == ("POST", "application/json")
        body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
        meanwhile, self.during = self.during, None
        if meanwhile is not None:
            meanwhile()
        self.got.append(json.loads(body))
        status, more = self.answers.pop(0) if self.answers else (200, {})
        start(f"{status} x", [("Content-Length", "0"), *more.items()])
        return [b""]

    @property
    def heard(self) -> list[str]:
        return [one["status"] for one in self.got]


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    with served(lambda environ, start: listener.app(environ, start)) as url:
        listener.url = f"{url}/told/canary-secret"
        yield listener


@pytest.fixture
def able(core: Core) -> Core:
    """A core that may call this machine."""
    return replace(core, outgoing=Outgoing(core.clock, LOOPBACK, limits=Limits(5.0, 5.0, 1 << 20)))


@pytest.fixture
def agent(core: Core, tenant: NewTenant) -> Agent:
    agent = Agent(core, "", tenant.controller.id, "ACME_SHOP")
    privacy_agents.add(core, agent.tenant_id, agent.name, "Help", agent.verify_key, "user:1", "ACME_SHOP")
    return agent


Ask = Callable[..., models.RightsRequest]


@pytest.fixture
def ask(able: Core, tenant: NewTenant, agent: Agent, listener: Listener) -> Ask:
    """Has the agent ask for somebody and be told at the listener; what follows from it has come to rest."""

    def asked(**changes: object) -> models.RightsRequest:
        wish = agent.wish(**{"status_callback": listener.url, "agent-request-id": "mine-1", **changes})
        row = models.PrivacyAgent.get()
        request = by_agents.exercise(able, tenant.controller, row, agent.signed(wish))
        drain(able)
        return models.RightsRequest.get_by_id(request.id)

    return asked
