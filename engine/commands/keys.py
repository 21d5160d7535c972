"""``key``: API keys."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..services import acts, credentials, rows
from .owner import one_tenant

commands = group("key", "API keys.")


@command(commands, "create", tenant=True)
def key_create(run: Run, name: options.Required, scope: options.Scopes = None) -> None:
    """Make an API key with all scopes or those given (read, write, admin); it is shown only now."""
    core, owner = one_tenant(run)
    row, secret = credentials.create_key(core, owner, name, scope or credentials.ALL_SCOPES, acts.SYSTEM)
    run.show(rows.api_key(row) | {"api_key": secret}, rows.API_KEY | rows.NEW_KEY)


@command(commands, "list", tenant=True)
def key_list(run: Run) -> None:
    """A tenant's API keys, oldest first, revoked ones too."""
    _, owner = one_tenant(run)
    run.show([rows.api_key(row) for row in credentials.keys(owner)], rows.API_KEY)


@command(commands, "revoke", tenant=True)
def key_revoke(run: Run, key_id: str) -> None:
    """Revoke an API key, at once and for good."""
    core, owner = one_tenant(run)
    run.show(rows.api_key(credentials.revoke(core, owner, key_id, acts.SYSTEM)), rows.API_KEY)
