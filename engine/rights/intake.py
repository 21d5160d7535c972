"""A rights request enters the queue: recorded with its legal clock, whatever door it came through."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ..core import Core
from ..errors import Invalid, Unfit
from ..identity.profiles import merged
from ..platforms.base import Person, RequestSignal
from ..store import models
from . import deadlines, proof
from .proof import Level
from .types import RequestState, RequestType, regime_for


@dataclass(frozen=True, slots=True)
class Entry:
    """The door that a request came through, and what it brought along.

    ``reference`` is a keyed mark by which the same request is known when it comes again, empty where it can't.
    ``claims`` is what an agent says of the person beyond email, phone and name; it is sealed with them.
    """

    source: str = "api"
    language: str = "en"
    reference: str = ""
    privacy_agent_id: str | None = None
    claims: Mapping[str, object] = field(default_factory=dict)


def create(
    core: Core,
    tenant_id: str,
    type: str,
    person: Person,
    *,
    jurisdiction: str | None = None,
    received_at: datetime | None = None,
    details: str = "",
    entry: Entry | None = None,
) -> models.RightsRequest:
    """Record a request. Raises Invalid for an unknown type or jurisdiction or a person without any identifier,
    Unfit for a receipt in the future. A requester who is known is joined to their data subject; nobody
    is created: whoever asks may not be who they say."""
    tenant, came = models.DataController.get_by_id(tenant_id), entry or Entry()
    received = received_at or core.clock()
    asked = _asked(type, jurisdiction or tenant.jurisdiction, received)
    if person.nameless and not person.name:
        raise Invalid("subject", "needs at least one of email, phone, name")
    if received > core.clock():
        raise Unfit("received_at", "lies in the future")
    subject = core.subjects.find(tenant_id, person, tenant.region)
    return _insert(
        core,
        tenant_id,
        person,
        details,
        came.claims,
        subject_id=subject.id if subject else None,
        **asked,
        source=came.source,
        language=came.language,
        reference=came.reference,
        privacy_agent_id=came.privacy_agent_id,
    )


def _asked(type: str, where: str, received: datetime) -> dict[str, object]:
    """What is asked for, when and under which law. Raises Invalid for an unknown type or jurisdiction."""
    regime = regime_for(where, type)
    law = {"type": str(RequestType(type)), "regime": regime, "jurisdiction": where.strip().upper()}
    return {**law, "received_at": received, **_unasked(type, regime, received)}


def _unasked(type: str, regime: str, received: datetime) -> dict[str, object]:
    """Where the law asks for no proof, none is waited for (11 CCR §7026(d), GDPR Art. 7(3))."""
    if proof.needed(type, regime) != Level.NONE:
        return {}
    verified = {"verified_at": received, "verified_by": str(Level.NONE)}
    return {"state": str(RequestState.IDENTITY_VERIFIED), **verified}


def from_platform(
    core: Core, event: models.Event, signal: RequestSignal, person: Person | None
) -> models.RightsRequest:
    """Record what a platform passed on; its regime is the platform's own, its receipt the delivery's."""
    tenant = models.DataController.get_by_id(event.tenant_id)
    return _insert(
        core,
        event.tenant_id,
        person or Person(),
        "",
        {},
        subject_id=event.subject_id,
        type=str(RequestType(signal.type)),
        regime=signal.regime or regime_for(tenant.jurisdiction, signal.type),
        jurisdiction=tenant.jurisdiction,
        source=event.source,
        state="identity_verified",  # the platform says who it is about
        verified_at=event.received_at,
        verified_by="platform",
        reference=signal.reference,
        event_id=event.id,
        received_at=event.received_at,
    )


def start_clock(core: Core, request: models.RightsRequest) -> None:
    """Compute the dates of a request that came without them (plain SQL). Raises Invalid."""
    dates = deadlines.columns(request, deadlines.zone_of(request.tenant_id), core.clock())
    for name, value in dates.items():
        setattr(request, name, value)
    request.save(only=list(dates))


def requester(core: Core, request: models.RightsRequest) -> dict[str, object]:
    """Who asked, in the clear: email, phone, name, and what an agent claimed of them. Empty where the request
    came without."""
    if request.requester_sealed is None:
        return {}
    raw = core.keys.unseal(
        request.tenant_id,
        request.requester_sealed,
        table="rights_requests",
        column="requester_sealed",
        row_id=request.id,
    )
    found: dict[str, object] = json.loads(raw)
    return found


def _insert(
    core: Core,
    tenant_id: str,
    person: Person,
    details: str,
    claims: Mapping[str, object],
    **columns: object,
) -> models.RightsRequest:
    request_id = core.new_id()

    def seal(column: str, text: str) -> bytes:
        return core.keys.seal(
            tenant_id, text.encode(), table="rights_requests", column=column, row_id=request_id
        )

    who = json.dumps({**claims, **merged({}, person)}, ensure_ascii=False)
    row = models.RightsRequest(
        id=request_id,
        tenant_id=tenant_id,
        requester_sealed=seal("requester_sealed", who),
        details_sealed=seal("details_sealed", details) if details else None,
        created_at=core.clock(),
        **{"state": "received", "reference": "", "event_id": None, **columns},
    )
    with core.store.transaction():
        dates = deadlines.columns(row, deadlines.zone_of(tenant_id), core.clock())
        for name, value in dates.items():
            setattr(row, name, value)
        row.save(force_insert=True)
    return row


__all__ = ["Entry", "create", "from_platform", "requester", "start_clock"]
