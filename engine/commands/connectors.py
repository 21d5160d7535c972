"""``connector``: addresses that platforms deliver to."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..services import rows
from ..services.connectors import connector_apis, connectors, deliveries
from ..services.rights import recipient_rows
from .owner import one_or_all, one_tenant

commands = group("connector", "Addresses that platforms deliver to.")
apis = group("connector api", "How a connector's platform is asked to erase, mend and restrict.")
commands.add_typer(apis, name="api")


@command(commands, "add", takes=Permission.MANAGE_CONNECTORS, tenant=True)
def connector_add(
    run: Run,
    platform: options.Platform,
    secret: options.Secrets = None,
    name: str = "",
    option: options.Pairs = None,
    address: str | None = None,
) -> None:
    """Make an address for a platform to deliver to. Mandrill signs the --address as it was entered there."""
    core, owner = one_tenant(run)
    chosen = options.pairs(option, address=address)
    given = options.secrets(secret)
    row = connectors.add(core, owner, platform, given, name=name, options=chosen, actor=run.actor)
    run.show(rows.new_connector(core, row, run.settings.base_url), rows.CONNECTOR)


@command(commands, "list", takes=Permission.LOOK, tenant=True)
def connector_list(run: Run) -> None:
    """Connectors of one tenant or of all, without their secrets."""
    core, owner = one_or_all(run)
    found = [rows.connector(core, row, run.settings.base_url) for row in connectors.every(owner)]
    run.show(found, rows.CONNECTOR)


@command(commands, "rotate", takes=Permission.MANAGE_CONNECTORS, tenant=True)
def connector_rotate(run: Run, connector_id: str, secret: options.Secrets = None) -> None:
    """Put a new secret in force; the old ones stay valid for a day."""
    core, owner = one_or_all(run)
    row = deliveries.find(connector_id, owner)
    for new in options.secrets(secret):
        connectors.rotate(core, row.tenant_id, row.id, new, actor=run.actor)
    run.show(rows.new_connector(core, row, run.settings.base_url), rows.CONNECTOR)


@command(commands, "check", takes=Permission.LOOK, tenant=True)
def connector_check(run: Run, connector_id: str) -> None:
    """Whether anything arrives at a connector, and whether it can be processed."""
    core, owner = one_or_all(run)
    run.show(
        deliveries.check(core, deliveries.find(connector_id, owner), run.settings.base_url), rows.DELIVERIES
    )


@command(apis, "set", takes=Permission.MANAGE_CONNECTORS, tenant=True)
def api_set(
    run: Run, connector_id: str, base_url: options.Required, source: options.Credentials = None
) -> None:
    """Set where a connector's platform is asked, and its credentials: NAME=VALUE lines of a file or of stdin.

    Shopify: access_token. Stripe: secret_key. Mailchimp: api_key. WooCommerce: consumer_key, consumer_secret.
    """
    core, owner = one_tenant(run)
    given = options.named_secrets(source)
    row = connector_apis.put(core, owner, connector_id, base_url, given, run.actor)
    run.show(recipient_rows.connector_api(row), recipient_rows.CONNECTOR_API)


@command(apis, "check", takes=Permission.MANAGE_CONNECTORS, tenant=True)
def api_check(run: Run, connector_id: str) -> int:
    """Ask the platform whether it takes the credentials; exit code 1 where it doesn't."""
    core, owner = one_tenant(run)
    found = connector_apis.check(core, owner, connector_id)
    told = recipient_rows.connector_api(found.api) | {"ok": found.ok}
    run.show(told, recipient_rows.CONNECTOR_API | {"ok": "Taken"})
    return 0 if found.ok else 1


@command(apis, "remove", takes=Permission.MANAGE_CONNECTORS, tenant=True)
def api_remove(run: Run, connector_id: str) -> None:
    """Forget the credentials; what the platform has to be told then waits for a person."""
    core, owner = one_tenant(run)
    connector_apis.remove(core, owner, connector_id, run.actor)
    told = {"connector_id": connector_id, "removed": True}
    run.show(told, {"connector_id": "Connector", "removed": "Removed"})
