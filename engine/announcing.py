"""What happens at the desk is told to those who asked for it, by signed webhooks (Standard Webhooks 1.0).

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta

from . import moments
from .core import Core
from .errors import Invalid
from .store import models

TOPICS = (
    "rights_request.received",
    "rights_request.verified",
    "rights_request.extended",
    "rights_request.due_soon",
    "rights_request.overdue",
    "rights_request.answered",
    "rights_request.completed",
    "rights_request.denied",
    "rights_request.cancelled",
    "erasure.executed",
    "erasure.certified",
    "erasure.completed",
    "package.made",
    "data_subject.limited",
    "data_subject.limit_lifted",
    "data_subject.rectified",
    "consent.changed",
    "event.failed",
)
TEST = "webhook.test"
"""What an endpoint is sent to try it, whatever topics it wants."""
OVERLAP = timedelta(hours=24)
"""How long the secret before a rotation signs beside the new one."""
_PREFIX = "whsec_"
_KEY_BYTES = 32  # the specification asks for 24 to 64


def announce(core: Core, tenant_id: str, topic: str, body: Mapping[str, object]) -> int:
    """Write one telling per endpoint that wants the topic, in the caller's transaction; how many. ``body``
    names things by id and state, never a person. A workflow of its own delivers them."""
    endpoint = models.WebhookEndpoint
    rows = endpoint.select().where(endpoint.tenant_id == tenant_id, endpoint.disabled_at.is_null())
    wanting = [row for row in rows if not row.topics or topic in row.topics]
    for row in wanting:
        tell(core, row, topic, body)
    return len(wanting)


def somebody_listens(tenant_id: str) -> bool:
    """Whether this data controller has any endpoint: who announces much asks once."""
    endpoint = models.WebhookEndpoint
    rows = endpoint.select().where(endpoint.tenant_id == tenant_id, endpoint.disabled_at.is_null())
    return bool(rows.exists())


def tell(
    core: Core, endpoint: models.WebhookEndpoint, topic: str, body: Mapping[str, object]
) -> models.Announcement:
    """Write one telling to one endpoint, in the caller's transaction."""
    return models.Announcement.create(
        id=core.new_id(),
        tenant_id=endpoint.tenant_id,
        endpoint_id=endpoint.id,
        topic=topic,
        body=dict(body),
        state="pending",
        created_at=core.clock(),
        force_insert=True,
    )


def event_failed(core: Core, event: models.Event) -> None:
    """An event used up its attempts. That a telling failed is told to nobody: it would fail like this one."""
    if event.workflow != "announcement":
        body = {"event": event.id, "workflow": event.workflow, "step": event.step, "attempts": event.attempts}
        announce(core, event.tenant_id, "event.failed", body)


def checked_topics(topics: Sequence[str]) -> list[str]:
    """The topics, each once. Raises Invalid for one that there isn't."""
    unknown = [one for one in topics if one not in TOPICS]
    if unknown:
        raise Invalid("topics", f"{unknown[0][:40]!r}; allowed are {', '.join(TOPICS)}")
    return list(dict.fromkeys(topics))


def new_secret() -> str:
    """A fresh signing secret as the specification spells it: ``whsec_`` and 32 random bytes in base64."""
    return _PREFIX + base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode("ascii")


def seal_secret(core: Core, tenant_id: str, endpoint_id: str, column: str, secret: str) -> bytes:
    """For ``secret_sealed`` or ``former_sealed``."""
    return core.keys.seal(tenant_id, secret.encode(), **_place(endpoint_id, column))


def secrets_of(core: Core, endpoint: models.WebhookEndpoint) -> list[str]:
    """The secrets in force, the newest first."""
    found = [("secret_sealed", endpoint.secret_sealed)]
    if endpoint.former_until is not None and endpoint.former_until > core.clock():
        found.append(("former_sealed", endpoint.former_sealed))
    return [
        core.keys.unseal(endpoint.tenant_id, bytes(sealed), **_place(endpoint.id, column)).decode()
        for column, sealed in found
        if sealed is not None
    ]


def payload(row: models.Announcement) -> bytes:
    """The body of a telling: the same bytes at every attempt."""
    told = {"type": row.topic, "timestamp": moments.to_text(row.created_at), "data": row.body}
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def headers(row: models.Announcement, body: bytes, at: int, signing: Sequence[str]) -> dict[str, str]:
    """The specification's three; ``at`` is the moment of this attempt, in Unix seconds. Each secret signs."""
    signatures = [f"v1,{signature(one, str(row.id), at, body)}" for one in signing]
    return {
        "webhook-id": str(row.id),
        "webhook-timestamp": str(at),
        "webhook-signature": " ".join(signatures),
        "Content-Type": "application/json",
    }


def signature(secret: str, message_id: str, at: int, body: bytes) -> str:
    """HMAC-SHA256 over ``{id}.{timestamp}.{body}``, in base64."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    signed = f"{message_id}.{at}.".encode() + body
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode("ascii")


def _place(endpoint_id: str, column: str) -> dict[str, str]:
    return {"table": "webhook_endpoints", "column": column, "row_id": endpoint_id}
