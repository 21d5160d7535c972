"""Both sides of a dx-agent: at the agent, which engines may register; at an engine, which agent is trusted."""

from __future__ import annotations

from ...config import options
from ...config.commands import OPERATOR, Run, command, group
from ..services import rows
from ..services.audit import agent_desk, agent_trust, verifying
from ..wiring import agent_core_for
from . import audit, log_keys
from .owner import one_tenant

commands = group("engine", "The dx-agent here: the engines that register with it, and its keys.")

_ENGINE = {"id": "Id", "name": "Name", "public_key": "Key", "created_at": "Enrolled", "revoked_at": "Revoked"}
_LOG = {"origin": "Log", "size": "Entries", "vkeys": "Keys"}


@command(commands, "list", takes=OPERATOR)
def engine_list(run: Run) -> None:
    """The engines that enrolled at this dx-agent, oldest first, revoked ones too."""
    agent_core_for(run.settings)
    run.show([agent_desk.as_row(row) for row in agent_desk.engines()], _ENGINE)


@command(commands, "revoke", takes=OPERATOR)
def engine_revoke(run: Run, engine_id: str) -> None:
    """Let an engine register nothing more, at once and for good; what it registered stays."""
    run.show(agent_desk.as_row(agent_desk.revoke(agent_core_for(run.settings), engine_id)), _ENGINE)


@command(commands, "verify", takes=OPERATOR)
def engine_verify(run: Run, fresh: options.Fresh = False) -> int:
    """Check this dx-agent's logs entry by entry; exit code 1 unless everything holds."""
    core = agent_core_for(run.settings)
    counter = run.counter("Verifying", verifying.entry_count())
    found = verifying.verify_logs(core, None, counter, fresh=fresh)
    run.show(rows.verification(found), rows.VERIFICATION)
    return 0 if found.ok else 1


@command(commands, "rotate-key", takes=OPERATOR)
def rotate_key(run: Run) -> None:
    """Make a new log key of this dx-agent beside the present one, and say so in every log."""
    log_keys.rotated(run, agent_core_for(run.settings))


@command(commands, "retire-key", takes=OPERATOR)
def retire_key(run: Run) -> None:
    """The older log key signs no more; once every engine has registered something since the new one came."""
    log_keys.retired(run, agent_core_for(run.settings))


@command(audit.commands, "trust-agent", takes=OPERATOR, tenant=True)
def trust_agent(run: Run) -> None:
    """Trust the keys and the name that the dx-agent's log of a tenant has now, after its operator confirmed
    them."""
    core, owner = one_tenant(run)
    run.show(agent_trust.trust(core, owner), _LOG)
