"""Notices to the privacy team. Texts name things by id and kind, never a person."""

from __future__ import annotations

from collections.abc import Sequence

from .core import Core
from .store import models


def request_received(core: Core, request: models.RightsRequest) -> None:
    """Somebody asked for something, and a legal clock runs."""
    due = f"Answer by {request.due}." if request.due else "No due date could be computed."
    _notify(
        core,
        request.tenant_id,
        "rights_request.received",
        "warning",
        f"New rights request: {request.type.replace('_', ' ')}",
        f"Received through {request.source}. {due}",
        ("rights_request", request.id),
    )


def event_failed(core: Core, event: models.Event) -> None:
    """An event used up its attempts, or can't succeed at all."""
    _notify(
        core,
        event.tenant_id,
        "event.failed",
        "error",
        f"{event.source} {event.topic} failed at step {event.step}",
        f"{(event.error or '').rstrip('.')}. Mend the cause, then replay it, or discard it with a reason.",
        ("event", event.id),
    )


def link_conflict(core: Core, tenant_id: str, fields: Sequence[str], entity: tuple[str, str]) -> None:
    """Identifiers given together belong to two data subjects; ``entity`` is kind and id of what gave them."""
    _notify(
        core,
        tenant_id,
        "link.conflict",
        "warning",
        "Two data subjects share an identifier",
        f"The {' and '.join(sorted(set(fields)))} given here belongs to another data subject. "
        "Nothing was merged: decide whether they are one person.",
        entity,
    )


def agent_not_believed(core: Core, tenant_id: str, reason: str) -> None:
    """The dx-agent answered what isn't so; once, until somebody has read it."""
    kind, model = "agent.not_believed", models.Notification
    waiting = model.select().where(model.tenant_id == tenant_id, model.kind == kind, model.read_at.is_null())
    if not waiting.exists():
        _notify(
            core,
            tenant_id,
            kind,
            "error",
            "The dx-agent's log can't be trusted",
            f"{reason[0].upper()}{reason[1:]}. Nothing it said was taken, and activities wait unregistered. "
            "Keep what was stored of that log, and ask its operator.",
            ("data_controller", tenant_id),
        )


def _notify(
    core: Core, tenant_id: str, kind: str, severity: str, title: str, body: str, entity: tuple[str, str]
) -> None:
    models.Notification.create(
        id=core.new_id(),
        tenant_id=tenant_id,
        kind=kind,
        severity=severity,
        title=title,
        body=body,
        entity_kind=entity[0],
        entity_id=entity[1],
        created_at=core.clock(),
        force_insert=True,
    )
