"""The dates of a request as they stand now: its clock with waits, extension and proof of identity, and when
somebody has to be warned.

Pure but for ``zone_of`` and ``waits_of``, which read. A warning belongs to a share of the time from receipt to
the end of the last day: 50, 80 and 95 percent, and 100 from the first moment of the day after.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from ..store import models, quick
from . import clock
from .holds import Hold
from .regimes import REGIMES
from .types import RequestState, RequestType, country_for, regime_for

SHARES = (50, 80, 95, 100)
"""Percent of the time after which the privacy team is told."""
OVERDUE = SHARES[-1]

_ANSWERED = frozenset({RequestState.RESPONSE_SENT, *RequestState.over()})
"""States in which no answer is owed any more."""
_NOT_ASKED = ("none", "platform", "agent")
"""What proves an identity that the person wasn't asked to prove: it moves no clock."""


def zone_of(tenant_id: str) -> str:
    """The IANA time zone that a data controller's days are counted in."""
    desk = quick.get(models.RightsDesk, tenant_id=tenant_id)
    return "UTC" if desk is None else str(desk.zone)


def waits_of(request_id: str) -> list[models.RequestHold]:
    """The waits for the person that a request went through, the first one first."""
    hold = models.RequestHold
    return list(hold.select().where(hold.request_id == request_id).order_by(hold.began_at, hold.id))


def columns(
    request: models.RightsRequest, zone: str, now: datetime, waits: Sequence[models.RequestHold] = ()
) -> dict[str, Any]:
    """``acknowledge_by``, ``due``, ``clock``, ``warn_at`` and ``warned`` as they are now. Raises Invalid."""
    result = computed(request, zone, now, waits)
    kept = {
        "acknowledge_by": result.acknowledge_by.isoformat() if result.acknowledge_by else None,
        "due": result.due.isoformat(),
        "clock": result.as_json()["steps"],
    }
    if request.state in _ANSWERED:
        return {**kept, "warn_at": None, "warned": request.warned or 0}
    if _stands_still(request, waits):  # the date moves with every day of waiting: look again tomorrow
        tomorrow = _begin(_day(now, zone) + timedelta(days=1), zone)
        return {**kept, "warn_at": tomorrow, "warned": request.warned or 0}
    warn_at, warned = warning(request.received_at, result.due, zone, now, request.warned or 0)
    return {**kept, "warn_at": warn_at, "warned": warned}


def computed(
    request: models.RightsRequest,
    zone: str,
    now: datetime,
    waits: Sequence[models.RequestHold] = (),
    *,
    extended: bool | None = None,
) -> clock.ClockResult:
    """The clock itself; ``extended`` overrides whether the request's extension was taken."""
    # A platform names its own regime; only that of the tenant's law may look at the tenant's holidays.
    own = regime_for(request.jurisdiction, RequestType.ACCESS) == request.regime
    asked = request.verified_at is not None and request.verified_by not in _NOT_ASKED
    return clock.compute(
        request.regime,
        request.received_at,
        country=country_for(request.jurisdiction) if own else None,
        verified=request.verified_at if asked else None,
        extended=bool(request.extended_at) if extended is None else extended,
        holds=[_hold(wait, request, zone, now) for wait in waits],
        zone=zone,
    )


def warning(
    received: datetime, due: date, zone: str, now: datetime, warned: int
) -> tuple[datetime | None, int]:
    """``(warn_at, warned)``: when the next warning is due, and the share that counts as told.

    Shares that the present moment lies before are forgotten again (an extension gives time back). One that was
    reached and not told is due now; of several that were reached at once only the highest is told.
    """
    moments = moments_of(received, due, zone)
    reached = max((share for share, at in moments if at <= now), default=0)
    told = min(warned, reached)
    if reached > told:
        return now, told
    return next((at for share, at in moments if share > told), None), told


def moments_of(received: datetime, due: date, zone: str) -> list[tuple[int, datetime]]:
    """When each share of the time is reached."""
    end = _begin(due + timedelta(days=1), zone)
    return [(share, received + (end - received) * (share / OVERDUE)) for share in SHARES]


def _stands_still(request: models.RightsRequest, waits: Sequence[models.RequestHold]) -> bool:
    """Whether the regime's clock stops for a wait that isn't over."""
    return REGIMES[request.regime].stops_on_hold and any(wait.ended_at is None for wait in waits)


def _hold(wait: models.RequestHold, request: models.RightsRequest, zone: str, now: datetime) -> Hold:
    first = max(_day(wait.began_at, zone), _day(request.received_at, zone))
    return first, max(first, _day(wait.ended_at or now, zone))


def _day(moment: datetime, zone: str) -> date:
    return moment.astimezone(ZoneInfo(zone)).date()


def _begin(day: date, zone: str) -> datetime:
    """The first moment of a day, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
