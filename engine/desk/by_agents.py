"""What an authorised agent may do (Data Rights Protocol 1.0): make a request, ask how it stands, take it back.

The messages are read in ``rights/drp.py``; here they become rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from .. import moments
from ..core import Core
from ..errors import Conflict, Forbidden, Invalid, NotFound
from ..identity import did
from ..rights import deadlines, drp, intake
from ..rights.drp import Exercise
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
    message = drp.opened(body, agent.verify_key)
    drp.check(message, agent=agent.agent, businesses=businesses(tenant, agent), now=core.clock())
    drp.require_version(message)
    return privacy_agents.issue_token(core, agent, drp.moment(message, "issued-at"))


def exercise(
    core: Core, tenant: models.DataController, agent: models.PrivacyAgent, body: bytes
) -> models.RightsRequest:
    """Record what an agent asks for (2.01). The same message, or another one under the same agent-request-id,
    gives the request that is there. Raises Malformed, Forbidden, Fatal; Conflict for an id that was used for
    something else."""
    message = drp.opened(body, agent.verify_key)
    drp.check(message, agent=agent.agent, businesses=businesses(tenant, agent), now=core.clock())
    asked, own = drp.exercise(message), privacy_agents.actor(agent)
    arrival = _arrival(agent, asked, hashlib.sha256(body).hexdigest())
    with core.store.transaction():
        request, new = record_once(core, tenant.id, own, arrival)
        if new and asked.claims.verified:
            request = moves.locked(core, tenant.id, request.id)
            proving.prove(core, request, Level.AGENT)  # whether that is enough depends on the law
    if not new and not _same(core, request, asked):
        raise Conflict("agent-request-id was used for another request")
    return requests.get(tenant.id, request.id)


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
    message = drp.opened(body, agent.verify_key)
    known = businesses(tenant, agent)
    drp.check(message, agent=agent.agent, businesses=known, now=core.clock(), whole=False)
    if row.state == RequestState.CANCELLED:
        return row
    return actions.cancel(core, tenant.id, row.id, privacy_agents.actor(agent))


def status(core: Core, row: models.RightsRequest) -> dict[str, object]:
    """The Exercise Status of section 3.03."""
    status, reason = drp.status_of(row.state, row.decision, row.denial_reason)
    found: dict[str, object] = {"request_id": row.id, "status": status}
    if reason is not None:
        found["reason"] = reason
    found["received_at"] = moments.to_text(row.received_at)
    if row.due:
        found["expected_by"] = _end_of(row.due, deadlines.zone_of(row.tenant_id))
    if details := _details(row, status):
        found["processing_details"] = details
    own_id = intake.requester(core, row).get("agent-request-id")
    if own_id:
        found["agent_request_id"] = own_id
    return found


def _end_of(day: str, zone: str) -> str:
    """The last second of a day in the desk's zone."""
    end = datetime.combine(date.fromisoformat(day), time(23, 59, 59), ZoneInfo(zone))
    return end.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _details(row: models.RightsRequest, status: str) -> str:
    """In words, and without a word about the person."""
    if row.state == RequestState.DUPLICATE:
        return "the same was asked for before, and is answered there"
    if row.state == RequestState.ON_HOLD:
        return "waiting for the person"
    if status == drp.DENIED:
        return "denied; the person was told why, and where to complain"
    if row.extended_at is not None:
        return "extended; the person was told why"
    return ""


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
    return request.type == asked.type and all(who.get(name) == value for name, value in wanted.items())
