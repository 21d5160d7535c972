"""A person asks for something: start the legal clock, tell the privacy team. record → notify → done"""

from __future__ import annotations

from .. import notices
from ..core import Core
from ..rights import intake
from ..store import models
from .base import Outcome, Prepared, Step


def record(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Compute the clock for requests that came without one (plain SQL); a later change is only logged."""
    request = models.RightsRequest.get_or_none(id=event.entity_id, tenant_id=event.tenant_id)
    if request is None:
        return Outcome("gone", {"change": event.topic})
    if not event.topic.endswith(".INSERT"):
        return Outcome("unchanged", {"request": request.id, "state": request.state, "change": event.topic})
    if request.due is None:
        intake.start_clock(core, request)
    leaf = {"request": request.id, "type": request.type, "regime": request.regime, "due": request.due}
    return Outcome("recorded", leaf, {"subject_id": request.subject_id})


def notify(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Put a notice on the privacy team's desk."""
    request = models.RightsRequest.get_or_none(id=event.entity_id, tenant_id=event.tenant_id)
    if request is None:
        return Outcome("gone")
    notices.request_received(core, request)
    return Outcome("notified", {"request": request.id})


STEPS = {"record": Step(record), "notify": Step(notify)}
