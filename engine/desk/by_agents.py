"""What an authorised agent may do (Data Rights Protocol 1.0): make a request, ask how it stands, take it back.

The messages are read in ``rights/drp.py``; here they become rows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core import Core
from ..errors import Conflict, Forbidden, Invalid, NotFound
from ..identity import did
from ..rights import drp, following, intake
from ..rights.drp import Exercise
from ..rights.following import Followed
from ..rights.proof import Level
from ..rights.types import RequestState
from ..services.rights import privacy_agents, requests
from ..services.rights.arrivals import Arrival, record_once
from ..store import models
from . import actions, moves, proving

SOURCE = "drp"


def businesses(tenant: models.DataController, agent: models.PrivacyAgent) -> frozenset[str]:
    """The names under which an agent may address this data controller."""
    return frozenset({tenant.did, tenant.id} | ({agent.business} if agent.business else set()))


def set_up(core: Core, tenant: models.DataController, agent_id: str, body: bytes) -> str:
    """The bearer token for an agent that signed for it (2.05). Raises CallerError, whatever is wrong."""
    agent = privacy_agents.named_in_directory(tenant.id, agent_id)
    if agent is None or agent.disabled_at is not None:
        raise Forbidden("there is no such agent here")
    message, _ = drp.opened(body, agent.verify_key)
    drp.check(message, agent=agent.agent, businesses=businesses(tenant, agent), now=core.clock())
    drp.require_version(message)
    return privacy_agents.issue_token(core, agent, drp.moment(message, "issued-at"))


def exercise(
    core: Core, tenant: models.DataController, agent: models.PrivacyAgent, body: bytes
) -> models.RightsRequest:
    """Record what an agent asks for (2.01). The same message, or another one under the same agent-request-id,
    gives the request that is there. Raises Malformed, Forbidden, Fatal; Conflict for an id that was used for
    something else."""
    message, digest = drp.opened(body, agent.verify_key)
    drp.check(message, agent=agent.agent, businesses=businesses(tenant, agent), now=core.clock())
    asked = drp.exercise(message, plain_http=bool(core.outgoing.allowed))
    with core.store.transaction():
        arrival = _arrival(agent, asked, digest)
        request, new = record_once(core, tenant.id, privacy_agents.actor(agent), arrival)
        if new:
            _begin(core, request, asked)
    if not new and not _same(core, request, asked):
        raise Conflict("agent-request-id was used for another request")
    return requests.get(tenant.id, request.id)


def _begin(core: Core, request: models.RightsRequest, asked: Exercise) -> None:
    """A request that is new: what its agent proved, and how it follows it from the first status on."""
    request = moves.locked(core, request.tenant_id, request.id)
    if asked.claims.verified:
        proving.prove(core, request, Level.AGENT)  # whether that is enough depends on the law
        request = moves.locked(core, request.tenant_id, request.id)
    following.begin(core, request, Followed(asked.agent_request_id, asked.callback))


def owned(tenant_id: str, agent: models.PrivacyAgent, request_id: str) -> models.RightsRequest:
    """A request that this agent made. Raises Forbidden for all others, there or not (2.02.1)."""
    try:
        row = requests.get(tenant_id, did.canonical(request_id))
    except (NotFound, Invalid):
        raise Forbidden("this request is not this agent's") from None
    if row.privacy_agent_id != agent.id:
        raise Forbidden("this request is not this agent's")
    return row


def revoke(
    core: Core, tenant: models.DataController, agent: models.PrivacyAgent, request_id: str, body: bytes
) -> models.RightsRequest:
    """Take a request back (2.04); once more changes nothing. Raises Forbidden, Malformed, Fatal; Conflict for
    one that was answered."""
    row = owned(tenant.id, agent, request_id)
    message, _ = drp.opened(body, agent.verify_key)
    known = businesses(tenant, agent)
    drp.check(message, agent=agent.agent, businesses=known, now=core.clock(), whole=False)
    if row.state == RequestState.CANCELLED:
        return row
    return actions.cancel(core, tenant.id, row.id, privacy_agents.actor(agent))


def _arrival(agent: models.PrivacyAgent, asked: Exercise, digest: str) -> Arrival:
    name = ("id", asked.agent_request_id) if asked.agent_request_id else ("message", digest)
    return Arrival(
        SOURCE,
        (agent.id, *name),
        asked.type,
        asked.claims.person,
        jurisdiction=asked.jurisdiction,
        privacy_agent_id=agent.id,
        claims=asked.claims.others,
    )


def _same(core: Core, request: models.RightsRequest, asked: Exercise) -> bool:
    who, person = intake.requester(core, request), asked.claims.person
    wanted: Mapping[str, Any] = {"email": person.email, "phone": person.phone, "name": person.name}
    said = all(who.get(name) == value for name, value in wanted.items())
    forgotten = request.agent_sealed is None
    told = forgotten or following.followed(core, request).callback == asked.callback
    return said and told and request.type == asked.type
