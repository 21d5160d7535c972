"""What becomes of a connector while it is used: its name, its secrets one by one, whether it takes anything.

A secret is never shown again, and neither is its hash: what people see of it is since when and until when.
"""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from ...core import Core
from ...errors import Conflict, Invalid, NotFound
from ...lookups import identifier
from ...store import models
from .. import acts
from . import connectors

LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class InForce:
    """A secret that opens the connector; ``expires_at`` is None for one that holds until it is replaced."""

    id: str
    created_at: datetime
    expires_at: datetime | None


def new_secret() -> str:
    """256 random bits, for platforms where people choose the secret."""
    return secrets.token_urlsafe(32)


def in_force(connector_ids: Iterable[str], now: datetime) -> Mapping[str, list[InForce]]:
    """Each connector's secrets, newest first: one query for all of them."""
    row = models.ConnectorSecret
    query = row.select(row.id, row.connector_id, row.created_at, row.expires_at)
    query = query.where(row.connector_id.in_(list(connector_ids)))
    query = query.where(row.expires_at.is_null() | (row.expires_at > now))
    found: defaultdict[str, list[InForce]] = defaultdict(list)
    for one in query.order_by(row.created_at.desc(), row.id):
        found[one.connector_id].append(InForce(one.id, one.created_at, one.expires_at))
    return found


def end_secret(core: Core, tenant_id: str, connector_id: str, secret_id: str, actor: str) -> None:
    """An older secret opens nothing any more, from now on. Raises NotFound, and Conflict for the newest: a
    connector without any would refuse everything."""
    connector, row, now = connectors.get(tenant_id, connector_id), models.ConnectorSecret, core.clock()
    wanted = identifier(secret_id, "no such secret is in force")
    with core.store.transaction():
        held = in_force([connector.id], now).get(connector.id, [])
        found = next((one for one in held if one.id == wanted), None)
        if found is None:
            raise NotFound("no such secret is in force")
        if found == held[0]:
            raise Conflict("the newest secret stays; put another in force first")
        row.update(expires_at=now).where(row.id == found.id).execute()
        acts.record(core, tenant_id, "connector.secret_ended", actor, connector=connector.id)


def rename(core: Core, tenant_id: str, connector_id: str, name: str, actor: str) -> None:
    """Call it something else. Raises NotFound, Invalid (name)."""
    wanted = checked_name(name)
    connector = connectors.get(tenant_id, connector_id)
    if connector.name == wanted:
        return
    changed = {"from": connector.name, "to": wanted}
    with core.store.transaction():
        _set(connector, name=wanted)
        acts.record(core, tenant_id, "connector.renamed", actor, changed, connector=connector.id)


def checked_name(name: str) -> str:
    """Raises Invalid (name)."""
    clean = " ".join(name.split())
    if not clean or len(clean) > LONGEST_NAME or not clean.isprintable():
        raise Invalid("name", f"must have 1 to {LONGEST_NAME} characters")
    return clean


def disable(core: Core, tenant_id: str, connector_id: str, actor: str) -> None:
    """Its address takes nothing any more: deliveries are answered 404. What came in stays, and is worked on.
    Raises NotFound."""
    connector = connectors.get(tenant_id, connector_id)
    if connector.disabled_at is None:
        with core.store.transaction():
            _set(connector, disabled_at=core.clock())
            acts.record(core, tenant_id, "connector.disabled", actor, connector=connector.id)


def enable(core: Core, tenant_id: str, connector_id: str, actor: str) -> None:
    """Its address takes deliveries again, under the secrets it has. Raises NotFound."""
    connector = connectors.get(tenant_id, connector_id)
    if connector.disabled_at is not None:
        with core.store.transaction():
            _set(connector, disabled_at=None)
            acts.record(core, tenant_id, "connector.enabled", actor, connector=connector.id)


def _set(connector: models.Connector, **changes: object) -> None:
    row = models.Connector
    row.update(**changes).where(row.id == connector.id, row.tenant_id == connector.tenant_id).execute()
