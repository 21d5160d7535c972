"""``connector``: addresses that platforms deliver to."""

from __future__ import annotations

from ...config import options
from ...config.commands import Run, command, group
from ..services import connectors, deliveries, rows
from ..wiring import core_for
from .owner import one_or_all, one_tenant

commands = group("connector", "Addresses that platforms deliver to.")


@command(commands, "add", tenant=True)
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
    row = connectors.add(core, owner, platform, options.secrets(secret), name=name, options=chosen)
    run.show(rows.new_connector(core, row, run.settings.base_url), rows.CONNECTOR)


@command(commands, "list", tenant=True)
def connector_list(run: Run) -> None:
    """Connectors of one tenant or of all, without their secrets."""
    core, owner = one_or_all(run)
    found = [rows.connector(core, row, run.settings.base_url) for row in connectors.every(owner)]
    run.show(found, rows.CONNECTOR)


@command(commands, "rotate")
def connector_rotate(run: Run, connector_id: str, secret: options.Secrets = None) -> None:
    """Put a new secret in force; the old ones stay valid for a day."""
    core, row = core_for(run.settings), deliveries.find(connector_id)
    for new in options.secrets(secret):
        connectors.rotate(core, row.tenant_id, row.id, new)
    run.show(rows.new_connector(core, row, run.settings.base_url), rows.CONNECTOR)


@command(commands, "check")
def connector_check(run: Run, connector_id: str) -> None:
    """Whether anything arrives at a connector, and whether it can be processed."""
    core = core_for(run.settings)
    run.show(deliveries.check(core, deliveries.find(connector_id), run.settings.base_url), rows.DELIVERIES)
