"""A rights request enters the queue: recorded with its legal clock, whatever door it came through."""

from __future__ import annotations

import json
from datetime import datetime

from ..core import Core
from ..errors import Invalid
from ..identity.profiles import merged
from ..platforms.base import Person, RequestSignal
from ..store import models
from . import clock
from .types import RequestType, country_for, regime_for


def create(
    core: Core,
    tenant_id: str,
    type: str,
    person: Person,
    *,
    jurisdiction: str | None = None,
    received_at: datetime | None = None,
    details: str = "",
    source: str = "api",
) -> models.RightsRequest:
    """Record a request. Raises Invalid for an unknown type or jurisdiction, a person without any identifier,
    or a receipt in the future. A requester who is known is joined to their data subject; nobody is created:
    whoever asks may not be who they say."""
    tenant = models.DataController.get_by_id(tenant_id)
    where = jurisdiction or tenant.jurisdiction
    regime = regime_for(where, type)
    if person.nameless and not person.name:
        raise Invalid("subject", "needs at least one of email, phone, name")
    received = received_at or core.clock()
    if received > core.clock():
        raise Invalid("received_at", "lies in the future")
    subject = core.subjects.find(tenant_id, person, tenant.region)
    return _insert(
        core,
        tenant_id,
        person,
        details,
        subject_id=subject.id if subject else None,
        type=str(RequestType(type)),
        regime=regime,
        jurisdiction=where.strip().upper(),
        source=source,
        received_at=received,
    )


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
        subject_id=event.subject_id,
        type=str(RequestType(signal.type)),
        regime=signal.regime or regime_for(tenant.jurisdiction, signal.type),
        jurisdiction=tenant.jurisdiction,
        source=event.source,
        reference=signal.reference,
        event_id=event.id,
        received_at=event.received_at,
    )


def start_clock(core: Core, request: models.RightsRequest) -> None:
    """Compute the dates of a request that came without them (plain SQL). Raises Invalid."""
    del core
    dates = _dates(request.regime, request.received_at, request.jurisdiction)
    for name, value in dates.items():
        setattr(request, name, value)
    request.save(only=list(dates))


def requester(core: Core, request: models.RightsRequest) -> dict[str, object]:
    """Who asked, in the clear: email, phone, name. Empty where the request came without."""
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
    core: Core, tenant_id: str, person: Person, details: str, **columns: object
) -> models.RightsRequest:
    request_id = core.new_id()

    def seal(column: str, text: str) -> bytes:
        return core.keys.seal(
            tenant_id, text.encode(), table="rights_requests", column=column, row_id=request_id
        )

    row = {"reference": "", "event_id": None, **columns}
    with core.store.transaction():
        return models.RightsRequest.create(
            id=request_id,
            tenant_id=tenant_id,
            state="received",
            requester_sealed=seal("requester_sealed", json.dumps(merged({}, person), ensure_ascii=False)),
            details_sealed=seal("details_sealed", details) if details else None,
            created_at=core.clock(),
            force_insert=True,
            **row,
            **_dates(str(row["regime"]), _moment(row["received_at"]), str(row["jurisdiction"])),
        )


def _moment(value: object) -> datetime:
    if not isinstance(value, datetime):
        raise Invalid("received_at", "must be a time")
    return value


def _dates(regime: str, received: datetime, jurisdiction: str) -> dict[str, object]:
    # A platform names its own regime; only that of the tenant's law may look at the tenant's holidays.
    own = regime_for(jurisdiction, RequestType.ACCESS) == regime
    result = clock.compute(regime, received, country=country_for(jurisdiction) if own else None)
    return {
        "acknowledge_by": result.acknowledge_by.isoformat() if result.acknowledge_by else None,
        "due": result.due.isoformat(),
        "clock": result.as_json()["steps"],
    }


__all__ = ["create", "from_platform", "requester", "start_clock"]
