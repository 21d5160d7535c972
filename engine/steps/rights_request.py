"""A person asks for something: start the legal clock, confirm receipt, tell the privacy team.

record → acknowledge → notify → done
"""

from __future__ import annotations

from .. import announcing, machine, notices
from ..core import Core
from ..errors import PermanentError
from ..rights import following, intake, team
from ..rights.telling import tell
from ..rights.types import RequestState
from ..store import models, quick
from .base import Outcome, Prepared, Step

FROM_PLATFORM = ("shopify",)
"""Who passes a request on answers for the person: they hear from nobody they don't know."""


def record(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Compute the clock for requests that came without one (plain SQL); a later change is only logged."""
    request = _request(event)
    if request is None:
        return Outcome("gone", {"change": event.topic})
    _follow_state(core, request)
    if not event.topic.endswith(".INSERT"):
        following.catch_up(core, request)
        return Outcome("unchanged", {"request": request.id, "state": request.state, "change": event.topic})
    if request.due is None:
        intake.start_clock(core, request)
    leaf = {"request": request.id, "type": request.type, "regime": request.regime, "due": request.due}
    return Outcome("recorded", leaf, {"subject_id": request.subject_id})


def _follow_state(core: Core, request: models.RightsRequest) -> None:
    """Plain SQL may have set a state: when a request ended, and that nobody is warned of it, follows."""
    if request.state not in machine.REQUESTS:
        raise PermanentError(f"no state {request.state[:40]!r}; there are {', '.join(machine.REQUESTS)}")
    over = request.state in RequestState.over()
    if over != (request.closed_at is not None):
        request.closed_at = core.clock() if over else None
        request.save(only=["closed_at"])
        intake.start_clock(core, request)


def acknowledge(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Confirm receipt to the person where they left an address; the time counts from when it was sent."""
    request = _request(event)
    if request is None:
        return Outcome("gone")
    told = {"request": request.id}
    if request.acknowledged_at is not None or request.closed_at is not None:
        return Outcome("unchanged", told)
    if request.source in FROM_PLATFORM:  # the platform's own answer confirmed receipt
        now = core.clock()
        quick.update(models.RightsRequest, {"id": request.id}, {"acknowledged_at": now})
        return Outcome("unchanged", told)
    if tell(core, request, "acknowledged") is None:
        notices.request_unconfirmed(core, request)
        return Outcome("no_address", told)
    return Outcome("told", told)


def notify(core: Core, event: models.Event, _: Prepared) -> Outcome:
    """Put a notice on the privacy team's desk, and tell them by mail and webhook."""
    request = _request(event)
    if request is None:
        return Outcome("gone")
    notices.request_received(core, request)
    team.tell_of_request(core, request)
    body = {"request": request.id, "type": request.type, "state": request.state, "due": request.due}
    announcing.announce(core, request.tenant_id, "rights_request.received", body)
    return Outcome("notified", {"request": request.id})


def _request(event: models.Event) -> models.RightsRequest | None:
    return models.RightsRequest.get_or_none(id=event.entity_id, tenant_id=event.tenant_id)


STEPS = {"record": Step(record), "acknowledge": Step(acknowledge), "notify": Step(notify)}
