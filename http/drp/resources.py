"""The protocol's endpoints (section 2): the data controller is in the path, the agent known by its token."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import falcon

from ...engine.core import Core
from ...engine.desk import by_agents
from ...engine.errors import CallerError, Forbidden, NotAuthentic, TooManyAttempts
from ...engine.rights import following
from ...engine.services import tenants
from ...engine.services.people import attempts
from ...engine.services.people.attempts import Kind
from ...engine.services.rights import privacy_agents
from ...engine.store import models, scope
from ..client import address_of
from ..webhooks import read_body
from .answers import send


@contextmanager
def _at(core: Core, name: str) -> Iterator[models.DataController]:
    """The data controller in the path, and its rows and no others. Raises NotFound."""
    with core.store.reachable():
        with scope.everyone("an agent names the data controller by its path"):
            tenant = tenants.find(name)
        with scope.of(tenant.id):
            yield tenant


def _agent(req: falcon.Request, tenant: models.DataController) -> models.PrivacyAgent:
    """Whose token it is. Raises NotAuthentic."""
    scheme, _, token = (req.auth or "").strip().partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise NotAuthentic("a bearer token is needed; POST /v1/agent/{agent-id} gives one")
    return privacy_agents.authenticate(tenant.id, token.strip())


@dataclass(frozen=True, slots=True)
class Exercises:
    """``POST /v1/data-rights-request`` (2.01)."""

    core: Core
    max_body_bytes: int

    def on_post(self, req: falcon.Request, resp: falcon.Response, tenant: str) -> None:
        """Record a request."""
        with _at(self.core, tenant) as controller:
            agent = _agent(req, controller)
            row = by_agents.exercise(self.core, controller, agent, read_body(req, self.max_body_bytes))
            send(resp, following.status(self.core, row))


@dataclass(frozen=True, slots=True)
class Requests:
    """``GET`` and ``DELETE /v1/data-rights-request/{id}`` (2.02, 2.04)."""

    core: Core
    max_body_bytes: int

    def on_get(self, req: falcon.Request, resp: falcon.Response, tenant: str, id: str) -> None:
        """How it stands."""
        with _at(self.core, tenant) as controller:
            row = by_agents.owned(controller.id, _agent(req, controller), id)
            send(resp, following.status(self.core, row))

    on_head = on_get

    def on_delete(self, req: falcon.Request, resp: falcon.Response, tenant: str, id: str) -> None:
        """Take it back."""
        with _at(self.core, tenant) as controller:
            agent, body = _agent(req, controller), read_body(req, self.max_body_bytes)
            row = by_agents.revoke(self.core, controller, agent, id, body)
            send(resp, following.status(self.core, row))


@dataclass(frozen=True, slots=True)
class Agents:
    """``POST`` and ``GET /v1/agent/{agent-id}`` (2.05, 2.06)."""

    core: Core
    max_body_bytes: int

    def on_post(self, req: falcon.Request, resp: falcon.Response, tenant: str, agent: str) -> None:
        """A token for whoever signs with the agent's key; 403 without a body for everything else."""
        with _at(self.core, tenant) as controller:
            # By the client alone: nobody guesses a signature, and nobody may keep an agent out by trying.
            tried = attempts.spend(self.core, Kind.PRIVACY_AGENT, "", address_of(req))
            try:
                body = read_body(req, self.max_body_bytes)
                token = by_agents.set_up(self.core, controller, agent, body)
            except TooManyAttempts:
                raise
            except CallerError:
                resp.status, resp.text = falcon.HTTP_403, ""
                return
            attempts.forgive(self.core, tried)
            send(resp, {"agent-id": agent, "token": token})

    def on_get(self, req: falcon.Request, resp: falcon.Response, tenant: str, agent: str) -> None:
        """Whether a token is still this agent's."""
        with _at(self.core, tenant) as controller:
            if _agent(req, controller).agent != agent:
                raise Forbidden("this bearer token is another agent's")
            send(resp, {})

    on_head = on_get
