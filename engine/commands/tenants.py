"""``tenant``: data controllers."""

from __future__ import annotations

from ...config import options
from ...config.commands import OPERATOR, Run, command, group
from ..access.roles import Permission
from ..services import rows, tenants
from ..wiring import core_for
from .owner import one_tenant

commands = group("tenant", "Data controllers.")


@command(commands, "create", takes=OPERATOR)
def new_tenant(run: Run, name: options.Required, jurisdiction: str = "EU", region: str | None = None) -> None:
    """Make a tenant; its first API key is shown only now. The region (DE) is for local telephone numbers."""
    made = tenants.create(core_for(run.settings), name, jurisdiction, region)
    run.show(rows.tenant(made.controller) | {"api_key": made.api_key}, rows.TENANT | rows.NEW_KEY)


@command(commands, "list", takes=OPERATOR)
def tenant_list(run: Run) -> None:
    """All tenants, oldest first."""
    core_for(run.settings)
    run.show([rows.tenant(row) for row in tenants.every()], rows.TENANT)


@command(commands, "show", takes=OPERATOR)
def tenant_show(run: Run, tenant: str) -> None:
    """The tenant with this DID or id, and how much it has."""
    core = core_for(run.settings)
    run.show(rows.tenant_in_full(core, tenants.find(tenant)), rows.TENANT_IN_FULL)


@command(commands, "log-access", takes=Permission.MANAGE_TENANT, tenant=True)
def tenant_log_access(run: Run, access: options.LogAccess) -> None:
    """Who may read the tenant's log: anybody (public), or whoever has one of its API keys (key)."""
    core, tenant_id = one_tenant(run)
    row = tenants.set_log_access(core, tenant_id, access, run.actor)
    run.show(rows.tenant_in_full(core, row), rows.LOG_ACCESS)
