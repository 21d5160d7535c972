"""Connectors: one address per platform, shop or audience, with its secrets sealed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import quote

from ... import moments
from ...core import Core
from ...errors import Conflict, Invalid
from ...identity import did
from ...lookups import identifier, there
from ...platforms import PLATFORMS
from ...platforms.base import Endpoint
from ...store import models, scope
from .. import acts

ROTATION_OVERLAP = timedelta(hours=24)
"""How long an old secret stays in force after a rotation; Stripe keeps its own that long at most."""
_MISSING = "no such connector"


@dataclass(frozen=True, slots=True)
class Connected:
    """A connector ready for the edge."""

    tenant_id: str
    endpoint: Endpoint


def add(
    core: Core,
    tenant_id: str,
    platform: str,
    secrets: Sequence[str],
    *,
    name: str = "",
    options: Mapping[str, str] | None = None,
    connector_id: str | None = None,
    actor: str = acts.SYSTEM,
) -> models.Connector:
    """Make a connector. ``connector_id`` is for one whose address had to be known before its secret was.

    Raises Invalid for an unknown platform, for empty or blank secrets and for what is no id, Conflict for an id
    that is taken.
    """
    if platform not in PLATFORMS:
        raise Invalid("platform", f"{platform[:40]!r}; allowed are {', '.join(PLATFORMS)}")
    if not secrets:
        raise Invalid("secret", "at least one is needed")
    connector_id = core.new_id() if connector_id is None else _free(connector_id)
    with core.store.transaction():
        connector = models.Connector.create(
            id=connector_id,
            tenant_id=tenant_id,
            platform=platform,
            name=name.strip() or platform,
            options=dict(options or {}),
            created_at=core.clock(),
            force_insert=True,
        )
        for secret in secrets:
            _keep(core, connector, secret)
        changed = {"name": connector.name, "options": dict(connector.options), "secrets": len(secrets)}
        body = {"connector": connector_id, "platform": platform}
        acts.record(core, tenant_id, "connector.added", actor, changed, **body)
    return connector


def rotate(
    core: Core,
    tenant_id: str,
    connector_id: str,
    secret: str,
    *,
    overlap: timedelta = ROTATION_OVERLAP,
    actor: str = acts.SYSTEM,
) -> models.Connector:
    """Put a new secret in force; the old ones stay valid for ``overlap`` at the longest. Raises NotFound,
    Invalid (secret)."""
    connector = get(tenant_id, connector_id)
    model = models.ConnectorSecret
    expires_at = core.clock() + overlap
    with core.store.transaction():
        longer = model.expires_at.is_null() | (model.expires_at > expires_at)
        model.update(expires_at=expires_at).where(model.connector_id == connector.id, longer).execute()
        _keep(core, connector, secret)
        changed = {"older_secrets_until": moments.to_text(expires_at)}
        acts.record(core, tenant_id, "connector.rotated", actor, changed, connector=connector.id)
    return connector


def get(tenant_id: str, connector_id: str) -> models.Connector:
    """A tenant's connector. Raises NotFound."""
    wanted = identifier(connector_id, _MISSING)
    return there(models.Connector.get_or_none(id=wanted, tenant_id=tenant_id), _MISSING)


def every(tenant_id: str | None = None) -> list[models.Connector]:
    """A tenant's connectors, or all, oldest first."""
    query = models.Connector.select().order_by(models.Connector.created_at)
    return list(query if tenant_id is None else query.where(models.Connector.tenant_id == tenant_id))


def address(core: Core, connector: models.Connector, base: str) -> str:
    """The address to enter at the platform. Mailchimp signs nothing, so its secret is part of the address."""
    url = plain_address(connector, base)
    if connector.platform != "mailchimp":
        return url
    newest = secrets_of(core, connector)[0]
    return f"{url}?key={quote(newest, safe='')}"


def plain_address(connector: models.Connector, base: str) -> str:
    """The address without the secret that may be a part of it."""
    return address_of(str(connector.platform), str(connector.id), base)


def address_of(platform: str, connector_id: str, base: str) -> str:
    """What the address of a connector is, or will be."""
    path = "events" if platform == "hasura" else "webhooks"
    return f"{base.rstrip('/')}/{path}/{platform}/{connector_id}"


def secrets_of(core: Core, connector: models.Connector) -> tuple[str, ...]:
    """Every secret in force, newest first."""
    model = models.ConnectorSecret
    rows = model.select().where(model.connector_id == connector.id)
    rows = rows.order_by(model.created_at.desc(), model.id)  # two of one millisecond: always the same order
    return tuple(_open(core, row) for row in rows if not _expired(row, core.clock()))


@dataclass(slots=True)
class Endpoints:
    """Connectors by address, remembered for a moment so that the edge needn't ask the store for each delivery.

    A rotation or removal takes effect within ``ttl`` seconds; an unknown address is always asked for afresh.
    """

    core: Core
    ttl: float = 2.0
    tick: Callable[[], float] = time.monotonic
    _known: dict[tuple[str, str], tuple[float, Connected]] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def get(self, platform: str, connector_id: str) -> Connected:
        """The connector at this address. Raises NotFound, also for one that is another platform's."""
        known = self._known.get((platform, connector_id))
        if known is not None and known[0] > self.tick():
            return known[1]
        connected = self._load(platform, connector_id)
        with self._guard:
            if len(self._known) > 50_000:
                self._known.clear()
            self._known[(platform, connector_id)] = (self.tick() + self.ttl, connected)
        return connected

    @scope.everyone("an address names a connector, and it its tenant")
    def _load(self, platform: str, connector_id: str) -> Connected:
        wanted = identifier(connector_id, _MISSING)
        with self.core.store.reachable():
            found = models.Connector.get_or_none(id=wanted, platform=platform, disabled_at=None)
            row = there(found, _MISSING)
            endpoint = Endpoint(row.id, secrets_of(self.core, row), row.options)
        return Connected(row.tenant_id, endpoint)


@scope.everyone("an id is one connector's, whoever's that is")
def _free(connector_id: str) -> str:
    """An id that no connector has, in its one spelling."""
    try:
        wanted = did.canonical(connector_id)
    except Invalid:
        raise Invalid("connector", "this address isn't one of ours; begin anew") from None
    if models.Connector.get_or_none(id=wanted) is not None:
        raise Conflict("a connector with this address is there already")
    return wanted


def _keep(core: Core, connector: models.Connector, secret: str) -> None:
    if not secret.strip():
        raise Invalid("secret", "must not be empty or blank: anybody could sign with it")
    row_id = core.new_id()
    sealed = core.keys.seal(
        connector.tenant_id, secret.encode(), table="connector_secrets", column="secret_sealed", row_id=row_id
    )
    models.ConnectorSecret.create(
        id=row_id,
        connector_id=connector.id,
        tenant_id=connector.tenant_id,
        secret_sealed=sealed,
        created_at=core.clock(),
        force_insert=True,
    )


def _open(core: Core, row: models.ConnectorSecret) -> str:
    raw = core.keys.unseal(
        row.tenant_id, row.secret_sealed, table="connector_secrets", column="secret_sealed", row_id=row.id
    )
    return raw.decode()


def _expired(row: models.ConnectorSecret, now: datetime) -> bool:
    return row.expires_at is not None and row.expires_at <= now
