"""The credentials by which a connector's platform is asked: set, tried, taken away; never shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...core import Core
from ...errors import NotFound, StepError
from ...recipients import RECIPIENTS, credentials
from ...store import models, quick
from .. import acts
from . import connectors


@dataclass(frozen=True, slots=True)
class Checked:
    """Whether the platform takes the credentials; ``fault`` says why not."""

    api: models.ConnectorApi
    ok: bool
    fault: str | None


def put(
    core: Core, tenant_id: str, connector_id: str, base_url: str, given: Mapping[str, str], actor: str
) -> models.ConnectorApi:
    """Store address and credentials, in place of any that were there. Raises NotFound, Invalid."""
    connector = connectors.get(tenant_id, connector_id)
    with core.store.transaction():
        row = credentials.keep(core, connector, base_url, given)
        changed = {"base_url": row.base_url, "credentials": sorted(given)}
        body = {"connector": connector.id, "platform": connector.platform}
        acts.record(core, tenant_id, "connector_api.set", actor, changed, **body)
    return row


def remove(core: Core, tenant_id: str, connector_id: str, actor: str) -> None:
    """Forget them; what the platform has to be told then waits for a person. Raises NotFound."""
    row = get(tenant_id, connector_id)
    model = models.ConnectorApi
    with core.store.transaction():
        model.delete().where(model.connector_id == row.connector_id).execute()
        acts.record(core, tenant_id, "connector_api.removed", actor, connector=row.connector_id)


def get(tenant_id: str, connector_id: str) -> models.ConnectorApi:
    """What is known of a connector's API. Raises NotFound."""
    connector = connectors.get(tenant_id, connector_id)
    row = quick.get(models.ConnectorApi, connector_id=connector.id, tenant_id=tenant_id)
    if row is None:
        raise NotFound("this connector has no API credentials")
    return row


def check(core: Core, tenant_id: str, connector_id: str) -> Checked:
    """Ask the platform whether it takes them, and remember what came of it. Raises NotFound."""
    row = get(tenant_id, connector_id)
    api, fault = credentials.apis(core, tenant_id, [row.connector_id])[row.connector_id], None
    try:
        RECIPIENTS[api.platform].check(api)
    except StepError as error:
        fault = str(error)
    changes = {"checked_at": core.clock(), "fault": fault}
    with core.store.transaction():
        quick.update(models.ConnectorApi, {"connector_id": row.connector_id}, changes)
    return Checked(get(tenant_id, connector_id), fault is None, fault)
