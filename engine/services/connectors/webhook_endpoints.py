"""Who is told of what happens: endpoints for webhooks, their secrets, and a test of each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast
from urllib.parse import urlsplit

from peewee import fn

from ... import announcing, moments
from ...announcing import OVERLAP, TEST
from ...core import Core
from ...errors import Conflict, Unfit
from ...lookups import there
from ...outgoing import checked
from ...store import models
from .. import acts
from ..pages import Page, newest

_PORTS = {"http": 80, "https": 443}


def add(
    core: Core, tenant_id: str, url: str, topics: Sequence[str], actor: str
) -> tuple[models.WebhookEndpoint, str]:
    """Make an endpoint and its secret, which is shown only now; no topics means all. Raises Invalid for what
    is no address and for topics that there aren't, Unfit for an address that leads nowhere, or where this
    installation doesn't go."""
    wanted = announcing.checked_topics(topics)
    _require_reachable(core, url)
    endpoint_id, secret = core.new_id(), announcing.new_secret()
    with core.store.transaction():
        row = models.WebhookEndpoint.create(
            id=endpoint_id,
            tenant_id=tenant_id,
            url=url,
            secret_sealed=announcing.seal_secret(core, tenant_id, endpoint_id, "secret_sealed", secret),
            topics=wanted,
            created_at=core.clock(),
            force_insert=True,
        )
        changed = {"url": url, "topics": wanted}
        acts.record(core, tenant_id, "webhook_endpoint.added", actor, changed, endpoint=endpoint_id)
    return row, secret


def rotate(core: Core, tenant_id: str, endpoint_id: str, actor: str) -> tuple[models.WebhookEndpoint, str]:
    """Another secret, shown only now; the one before signs beside it for a day. Raises NotFound, Conflict."""
    with core.store.transaction():
        row, secret = _enabled(tenant_id, endpoint_id), announcing.new_secret()
        former, until = announcing.secrets_of(core, row)[0], core.clock() + OVERLAP
        row.former_sealed = announcing.seal_secret(core, tenant_id, row.id, "former_sealed", former)
        row.secret_sealed = announcing.seal_secret(core, tenant_id, row.id, "secret_sealed", secret)
        row.former_until = until
        row.save(only=["former_sealed", "secret_sealed", "former_until"])
        changed = {"former_until": moments.to_text(until)}
        acts.record(core, tenant_id, "webhook_endpoint.rotated", actor, changed, endpoint=row.id)
    return row, secret


def disable(core: Core, tenant_id: str, endpoint_id: str, actor: str) -> models.WebhookEndpoint:
    """Nothing more goes there, what waits included. Raises NotFound, Conflict."""
    with core.store.transaction():
        row = _enabled(tenant_id, endpoint_id)
        row.disabled_at, row.disabled_because = core.clock(), "disabled by hand"
        row.save(only=["disabled_at", "disabled_because"])
        acts.record(core, tenant_id, "webhook_endpoint.disabled", actor, endpoint=row.id)
    return row


def test(core: Core, tenant_id: str, endpoint_id: str, actor: str) -> models.Announcement:
    """Send a telling of the topic ``webhook.test``, like any other. Raises NotFound, Conflict."""
    with core.store.transaction():
        row = _enabled(tenant_id, endpoint_id)
        told = announcing.tell(core, row, TEST, {"endpoint": row.id})
        acts.record(core, tenant_id, "webhook_endpoint.tested", actor, endpoint=row.id)
    core.bell.set()
    return told


def get(tenant_id: str, endpoint_id: str) -> models.WebhookEndpoint:
    """One endpoint. Raises NotFound."""
    return there(
        models.WebhookEndpoint.get_or_none(id=endpoint_id, tenant_id=tenant_id), "no such webhook endpoint"
    )


def listing(tenant_id: str, *, limit: int = 50, cursor: str | None = None) -> Page[models.WebhookEndpoint]:
    """Newest first, disabled ones too."""
    return newest(tenant_id, models.WebhookEndpoint.created_at, limit=limit, cursor=cursor)


def waiting(tenant_id: str) -> dict[str, int]:
    """How many tellings each endpoint has still to get."""
    row = models.Announcement
    query = row.select(row.endpoint_id, fn.COUNT(row.id)).where(row.tenant_id == tenant_id)
    query = query.where(row.state == "pending").group_by(row.endpoint_id)
    return dict(cast("Iterable[tuple[str, int]]", query.tuples()))


def tellings(
    tenant_id: str, endpoint_id: str, *, limit: int = 50, cursor: str | None = None
) -> Page[models.Announcement]:
    """What an endpoint was told, and is still to be, newest first."""
    at = models.Announcement.created_at
    return newest(tenant_id, at, limit=limit, cursor=cursor, endpoint_id=endpoint_id)


def _enabled(tenant_id: str, endpoint_id: str) -> models.WebhookEndpoint:
    row = get(tenant_id, endpoint_id)
    if row.disabled_at is not None:
        raise Conflict("this endpoint is disabled; add it again")
    return row


def _require_reachable(core: Core, url: str) -> None:
    """Raises Unfit unless every place that the address leads to may be reached from here."""
    parts = urlsplit(checked(url))
    host, encrypted = str(parts.hostname), parts.scheme == "https"
    try:
        places = core.outgoing.look_up(host, parts.port or _PORTS[parts.scheme])
    except (OSError, UnicodeError):
        raise Unfit("url", f"{host[:80]} can't be found") from None
    if not places or not all(core.outgoing.may_reach(place.ip, encrypted=encrypted) for place in places):
        raise Unfit(
            "url",
            "must be https and lead to public addresses alone; DXFLOW_ALLOWED_NETWORKS may allow others",
        )
