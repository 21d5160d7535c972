"""What an engine thinks of its dx-agent: trusting another log or key there, and whether it answers."""

from __future__ import annotations

from ....config.settings import Settings
from ...agent import HttpAgent, key
from ...agent.transport import Transport
from ...core import Core
from ...errors import Conflict, Unavailable
from ...moments import system_clock
from ...store import Store
from .. import acts


def trust(core: Core, tenant_id: str) -> dict[str, object]:
    """Trust the keys that the agent's log of this tenant names now: ``{"origin", "size", "vkeys"}``.

    What the engine has seen of that log stays: the log must still extend it. Raises Conflict where the dx-agent
    is the embedded one; NotFound, TransientError, LogBroken.
    """
    if not isinstance(core.agent, HttpAgent):
        raise Conflict("DXFLOW_AGENT_URL isn't set: the dx-agent is the embedded one, and needs no trust")
    memory = core.agent.trust(tenant_id)
    origin, size, vkeys = memory.origin, memory.size, list(memory.vkeys)
    with core.store.transaction():
        acts.record(core, tenant_id, "agent.trusted", acts.SYSTEM, origin=origin, size=size, vkeys=vkeys)
    return {"origin": origin, "size": size, "vkeys": vkeys}


def check(settings: Settings, store: Store | None) -> str:
    """For ``doctor``: what the agent in use is, whether it answers, and the key it must know. Raises
    Unavailable, TransientError."""
    if settings.agent_url is None:
        return "the embedded one"
    transport = Transport.to(settings.agent_url, _no_key, system_clock, read_s=3.0)
    reply = transport.get("/readyz")
    if reply.status != 200:
        raise Unavailable(f"the dx-agent at {transport.host} isn't ready (it answered {reply.status})")
    public = key.public_key() if store is not None and store.up_to_date() else None
    return f"{transport.host} answers; this engine's key: {public or 'made with the first registration'}"


def _no_key() -> key.EngineKey:
    raise AssertionError("reading needs no key")
