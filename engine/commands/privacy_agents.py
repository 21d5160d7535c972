"""``desk agent``: who may ask for others (Data Rights Protocol 1.0)."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..services.rights import privacy_agents
from . import desk
from .owner import one_tenant

commands = desk.commands
agents = group("agent", "Authorised agents of the Data Rights Protocol, by their keys.", within=commands)

AGENT = {
    "agent": "Agent",
    "name": "Name",
    "business": "Calls us",
    "created_at": "Added",
    "token_issued_at": "Token",
    "disabled_at": "Disabled",
}


@command(agents, "add", takes=Permission.MANAGE_TENANT, tenant=True)
def agent_add(
    run: Run,
    agent: str,
    name: options.Required,
    verify_key: options.VerifyKey,
    business: options.Business = "",
) -> None:
    """Let an agent ask for people: its id and its key, as the network's directory has them."""
    core, owner = one_tenant(run)
    row = privacy_agents.add(core, owner, agent, name, verify_key, run.actor, business)
    run.show(privacy_agents.as_row(row), AGENT)


@command(agents, "list", takes=Permission.MANAGE_TENANT, tenant=True)
def agent_list(run: Run) -> None:
    """A tenant's agents, oldest first, disabled ones too."""
    _, owner = one_tenant(run)
    run.show([privacy_agents.as_row(row) for row in privacy_agents.every(owner)], AGENT)


@command(agents, "disable", takes=Permission.MANAGE_TENANT, tenant=True)
def agent_disable(run: Run, agent: str) -> None:
    """Let an agent ask for nothing more, at once; what it asked for stays."""
    core, owner = one_tenant(run)
    run.show(privacy_agents.as_row(privacy_agents.disable(core, owner, agent, run.actor)), AGENT)
