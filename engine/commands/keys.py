"""``key``: API keys."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..services import rows
from ..services.people import credentials, users
from .owner import one_tenant, reach_of

commands = group("key", "API keys.")


@command(commands, "create", takes=Permission.MANAGE_TENANT, tenant=True)
def key_create(
    run: Run,
    name: options.Required,
    scope: options.Scopes = None,
    expires: options.MaybeTime = None,
    user: str | None = None,
) -> None:
    """Make an API key with all scopes or those given (read, write, admin, scim); it is shown only now.

    One of a --user (id or e-mail address) can do no more than they, and ends when they leave.
    """
    core, owner = one_tenant(run)
    whose = None if user is None else users.find(core, owner, user).id
    row, secret = credentials.create_key(
        core,
        owner,
        name,
        scope or credentials.ALL_SCOPES,
        run.actor,
        user_id=whose,
        expires_at=expires,
        reach=reach_of(run),
    )
    run.show(rows.api_key(row) | {"api_key": secret}, rows.API_KEY | rows.NEW_KEY)


@command(commands, "list", takes=Permission.MANAGE_TENANT, tenant=True)
def key_list(run: Run) -> None:
    """A tenant's API keys, oldest first, revoked ones too."""
    _, owner = one_tenant(run)
    run.show([rows.api_key(row) for row in credentials.keys(owner)], rows.API_KEY)


@command(commands, "revoke", takes=Permission.MANAGE_TENANT, tenant=True)
def key_revoke(run: Run, key_id: str) -> None:
    """Revoke an API key, at once and for good."""
    core, owner = one_tenant(run)
    run.show(rows.api_key(credentials.revoke(core, owner, key_id, run.actor)), rows.API_KEY)
