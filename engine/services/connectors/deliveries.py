"""What has come through a connector: the answer to "is it set up right?"."""

from __future__ import annotations

from typing import Any

from ...core import Core
from ...errors import Invalid, NotFound
from ...identity import did
from ...store import models
from .. import rows


def find(connector_id: str, tenant_id: str | None = None) -> models.Connector:
    """A connector by its id, of this tenant or (for the operator of the whole installation) of any. Raises
    NotFound."""
    try:
        row = models.Connector.get_or_none(id=did.canonical(connector_id))
    except Invalid:
        row = None
    if row is None or tenant_id not in (None, row.tenant_id):
        raise NotFound("no such connector; `dxflow connector list` shows them")
    return row


def check(core: Core, connector: models.Connector, base: str) -> dict[str, Any]:
    """The connector with ``deliveries``, ``last_delivery_at``, ``failed``, ``last_error`` and a ``verdict``.

    Deliveries that were refused (401) leave no row, so a connector without any may have the wrong secret.
    """
    event = models.Event
    came = event.select().where(event.connector_id == connector.id).order_by(event.seq.desc())
    failed = came.where(event.state == "failed")
    newest, broken = came.first(), failed.first()
    row = rows.connector(core, connector, base)
    return row | {
        "deliveries": came.count(),
        "last_delivery_at": newest.received_at if newest else None,
        "failed": failed.count(),
        "last_error": broken.error if broken else None,
        "verdict": _verdict(newest, broken),
    }


def _verdict(newest: models.Event | None, broken: models.Event | None) -> str:
    if newest is None:
        return "nothing arrived yet: compare address and secret with what the platform has"
    if broken is not None:
        return "deliveries arrive, and some failed: `dxflow event list --state failed` shows them"
    return "deliveries arrive and are processed"
