"""Whose data a command is about, and who runs it: from here on, to the end of the process, it reaches no other
tenant's rows."""

from __future__ import annotations

from dataclasses import replace

from ...config.commands import Run
from ..access.roles import Permission, require
from ..core import Core
from ..errors import Forbidden
from ..services import upkeep
from ..services.people import membership, users
from ..store import scope
from ..wiring import core_for


def one_tenant(run: Run) -> tuple[Core, str]:
    """The tenant that ``--tenant`` names, or the only one there is."""
    core, owner = core_for(run.settings), upkeep.tenant_or_only(run.tenant).id
    scope.enter(owner)
    return core, owner


def one_or_all(run: Run) -> tuple[Core, str | None]:
    """The tenant that ``--tenant`` names, or None for all of them."""
    return one_tenant(run) if run.tenant else (core_for(run.settings), None)


def let_in(run: Run, user: str) -> Run:
    """The run for a member of its tenant, whose role must include what the command takes, and as their act.

    Raises NotFound, Forbidden.
    """
    core, tenant_id = one_tenant(run)
    member = membership.get(tenant_id, users.find(core, tenant_id, user).id)
    if not member.active:
        raise Forbidden("this user is shut out")
    require(member.role, Permission(run.takes))
    return replace(run, tenant=tenant_id, actor=f"user:{member.user_id}")


def reach_of(run: Run) -> membership.Reach:
    """What whoever runs it may do; None for the operator."""
    if not run.actor.startswith("user:"):
        return None
    _, tenant_id = one_tenant(run)
    return membership.get(tenant_id, run.actor.removeprefix("user:")).permissions
