"""Notices to the privacy team. Texts name things by id and kind, never a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from .core import Core
from .store import models

_OWED = {
    "rectify": "mend",
    "opt_out": "sell and share no more of",
    "lift": "hear that it may use again",
}
_OWED_BY = {"opt_out": "11 CCR 7026(f)"}
"""What recipients have to do, by the kind of an obligation, and the law that says so where it isn't Art. 19."""


def request_received(core: Core, request: models.RightsRequest) -> None:
    """Somebody asked for something, and a legal clock runs."""
    due = f"Answer by {request.due}." if request.due else "No due date could be computed."
    _about(
        core,
        request,
        "rights_request.received",
        "warning",
        "New rights request",
        f"Received through {request.source}. {due}",
    )


def request_disowned(core: Core, request: models.RightsRequest) -> None:
    """Somebody asked in the name of a person who says they didn't."""
    _about(
        core,
        request,
        "rights_request.disowned",
        "warning",
        "“That wasn’t me”",
        "Whoever got the code says that they didn't make this request. The code ended; look who asked before "
        "anything is done.",
    )


def request_unconfirmed(core: Core, request: models.RightsRequest) -> None:
    """Receipt can't be confirmed by mail: there is no address."""
    by = f" by {request.acknowledge_by}" if request.acknowledge_by else ""
    _about(
        core,
        request,
        "rights_request.unconfirmed",
        "warning",
        "Confirm receipt yourselves",
        f"No address came with this request. Tell the person{by} that it arrived, and note that you did.",
    )


def acknowledgement_due(core: Core, request: models.RightsRequest) -> None:
    """Nobody has confirmed receipt, and the day by which it must be confirmed has come."""
    _about(
        core,
        request,
        "rights_request.acknowledgement_due",
        "error",
        "Receipt isn't confirmed",
        f"It must be confirmed to the person by {request.acknowledge_by}, and wasn't yet.",
    )


def requests_due(core: Core, request: models.RightsRequest, now: datetime) -> dict[str, object]:
    """The row of a notice that a request reached a share of its time, or is overdue."""
    overdue = request.warned >= 100
    title = "Overdue rights request" if overdue else f"{request.warned} % of the time is over"
    return {
        "id": core.new_id(),
        "tenant_id": request.tenant_id,
        "kind": "rights_request.overdue" if overdue else "rights_request.due_soon",
        "severity": "error" if overdue or request.warned >= 95 else "warning",
        "title": f"{title}: {request.type.replace('_', ' ')}",
        "body": f"It {'was' if overdue else 'is'} to be answered by {request.due}.",
        "entity_kind": "rights_request",
        "entity_id": request.id,
        "created_at": now,
    }


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


def limit_disregarded(core: Core, tenant_id: str, limit: str, activity_id: str) -> None:
    """A program reports what a data subject had put an end to."""
    _notify(
        core,
        tenant_id,
        "limit.disregarded",
        "error",
        f"Processing was reported despite a limit: {limit.replace('_', ' ')}",
        "The data subject had put an end to what this processing activity is for. It is recorded as it was "
        "reported; see that it doesn't happen again.",
        ("processing_activity", activity_id),
    )


def obligation_manual(core: Core, obligation: models.Obligation) -> None:
    """A recipient has to be told, and no program can do it."""
    what = _OWED.get(obligation.kind, obligation.kind)
    law = _OWED_BY.get(obligation.kind, "GDPR Art. 19")
    _notify(
        core,
        obligation.tenant_id,
        "obligation.manual",
        "warning",
        f"Tell {obligation.recipient} by hand",
        f"{obligation.recipient} has to {what} what it has of a person ({law}), and can't be asked by API, "
        "or refused. Open the obligation to see as whom they are known there; then close it with what was "
        "done, or mend the cause and retry.",
        ("obligation", obligation.id),
    )


def delivery_refused(core: Core, tenant_id: str, connector_id: str, reason: str) -> None:
    """A delivery wasn't authentic: the first of a connector's day."""
    _notify(
        core,
        tenant_id,
        "connector.refused",
        "warning",
        "A delivery was refused",
        f"It isn't authentic: {reason}. Nothing of it was taken. If the secret was changed at the platform, "
        "enter the new one at the connector; if it wasn't, somebody else knows the address and tries it.",
        ("connector", connector_id),
    )


def endpoint_disabled(core: Core, tenant_id: str, endpoint_id: str) -> None:
    """An endpoint for webhooks answered that it is gone."""
    _notify(
        core,
        tenant_id,
        "webhook_endpoint.disabled",
        "warning",
        "A webhook endpoint was disabled",
        "It answers 410 Gone: nobody wants to hear there any more. Add it again if that was a mistake; what "
        "waited for it was withdrawn.",
        ("webhook_endpoint", endpoint_id),
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


def _about(
    core: Core, request: models.RightsRequest, kind: str, severity: str, title: str, body: str
) -> None:
    """A notice about one request, which its title names by what was asked for."""
    asked = request.type.replace("_", " ")
    _notify(
        core, request.tenant_id, kind, severity, f"{title}: {asked}", body, ("rights_request", request.id)
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
