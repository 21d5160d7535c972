"""``sso``: where a data controller's people sign in with their own accounts."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..services.people import sso
from ..store import models
from .owner import one_tenant, reach_of

commands = group("sso", "Sign-in through a data controller's own OpenID provider.")

_PROVIDER = {
    "issuer": "Issuer",
    "client_id": "Client",
    "newcomers": "Newcomers become",
    "in_force": "In force",
    "callback": "Register at the provider",
    "sign_in": "People sign in at",
}


@command(commands, "set", takes=Permission.APPOINT_OWNERS, tenant=True)
def sso_set(
    run: Run,
    issuer: options.Required,
    client_id: options.Required,
    secret: options.Secrets = None,
    role: options.Newcomers = None,
) -> None:
    """Let people sign in through this provider, once it has answered. Register the callback there.

    It can name anybody here, so it takes an owner.
    """
    core, owner = one_tenant(run)
    given = options.secrets(secret)
    if len(given) != 1:
        raise options.wrong_usage("--secret: exactly one, the client's own")
    provider = sso.set_provider(
        core, owner, issuer, client_id, given[0], role, actor=run.actor, reach=reach_of(run)
    )
    _show(run, provider)


@command(commands, "show", takes=Permission.MANAGE_TENANT, tenant=True)
def sso_show(run: Run) -> None:
    """The provider, without its secret, and the addresses to hand out."""
    _show(run, sso.show(one_tenant(run)[1]))


@command(commands, "disable", takes=Permission.MANAGE_TENANT, tenant=True)
def sso_disable(run: Run) -> None:
    """Nobody signs in through it any more; its sessions end, and who it named is forgotten."""
    core, owner = one_tenant(run)
    _show(run, sso.disable(core, owner, actor=run.actor))


def _show(run: Run, provider: models.SsoProvider) -> None:
    addresses = sso.addresses(run.settings.base_url, provider.tenant_id)
    row = {
        "issuer": provider.issuer,
        "client_id": provider.client_id,
        "newcomers": provider.role,
        "in_force": provider.disabled_at is None,
        "callback": addresses.callback,
        "sign_in": addresses.sign_in,
    }
    run.show(row, _PROVIDER)
