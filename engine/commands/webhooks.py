"""``desk webhook``: who is told of what happens at the desk."""

from __future__ import annotations

from typing import Annotated

from typer import Option

from ...config.commands import Run, command, group
from ..access.roles import Permission
from ..services.connectors import webhook_endpoints as endpoints
from ..store import models
from .owner import one_tenant

commands = group("desk webhook", "Signed webhooks of what happens at the desk (Standard Webhooks 1.0).")

Topics = Annotated[list[str] | None, Option("--topic", help="Can be repeated; all of them when left out.")]

_ENDPOINT = {
    "id": "Id",
    "url": "Address",
    "topics": "Topics",
    "created_at": "Made",
    "disabled_at": "Disabled",
    "disabled_because": "Because",
    "waiting": "Waiting",
}
_MADE = {"id": "Id", "url": "Address", "new_secret": "Secret, shown only now"}
_TESTED = {"webhook_id": "webhook-id"}


@command(commands, "add", takes=Permission.MANAGE_TENANT, tenant=True)
def webhook_add(run: Run, url: str, topic: Topics = None) -> None:
    """Tell this address of what happens; its signing secret is shown once."""
    core, tenant_id = one_tenant(run)
    row, secret = endpoints.add(core, tenant_id, url, topic or [], run.actor)
    run.show({**_row(row), "new_secret": secret}, _MADE)


@command(commands, "list", takes=Permission.MANAGE_TENANT, tenant=True)
def webhook_list(run: Run) -> None:
    """The newest 200, and how much each has still to get."""
    _, tenant_id = one_tenant(run)
    waiting = endpoints.waiting(tenant_id)
    rows = endpoints.listing(tenant_id, limit=200).rows
    run.show([{**_row(row), "waiting": waiting.get(str(row.id), 0)} for row in rows], _ENDPOINT)


@command(commands, "rotate", takes=Permission.MANAGE_TENANT, tenant=True)
def webhook_rotate(run: Run, endpoint_id: str) -> None:
    """Another secret; the one before signs beside it for a day."""
    core, tenant_id = one_tenant(run)
    row, secret = endpoints.rotate(core, tenant_id, endpoint_id, run.actor)
    run.show({**_row(row), "new_secret": secret}, _MADE)


@command(commands, "disable", takes=Permission.MANAGE_TENANT, tenant=True)
def webhook_disable(run: Run, endpoint_id: str) -> None:
    """Nothing more goes there, what waits included."""
    core, tenant_id = one_tenant(run)
    run.show(_row(endpoints.disable(core, tenant_id, endpoint_id, run.actor)), _ENDPOINT)


@command(commands, "test", takes=Permission.MANAGE_TENANT, tenant=True)
def webhook_test(run: Run, endpoint_id: str) -> None:
    """Send it something of the topic webhook.test; the running server delivers it."""
    core, tenant_id = one_tenant(run)
    told = endpoints.test(core, tenant_id, endpoint_id, run.actor)
    run.show({"webhook_id": told.id}, _TESTED)


def _row(row: models.WebhookEndpoint) -> dict[str, object]:
    names = ("id", "url", "topics", "created_at", "disabled_at", "disabled_because", "former_until")
    return {name: getattr(row, name) for name in names}
