"""The first page: is everything well, and if not, which door to take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from ....config.console import lasting
from ....engine.access.roles import Permission
from ....engine.services.connectors import refusals, silence
from ....engine.services.traffic.per_minute import Hour, PerMinute
from ....engine.store import models
from .. import charts, numbers
from ..answers import Page
from ..charts import Chart
from ..desk import Desk
from ..screens import Screen, Visit, Way
from .queues import LATE

_TOLD = 3
"""Silent connectors that are told one by one."""

_SERIES = (
    ("received", "live", "Received", "/events"),
    ("done", "good", "Done", "/events?state=done"),
    ("failed", "bad", "Failed", "/events/failed"),
)


def screens(shared: Desk) -> dict[str, Screen]:
    """The way in."""
    return {"/": Screen(shared, get=Way(partial(_show, PerMinute(shared.core)), Permission.LOOK))}


@dataclass(frozen=True, slots=True)
class Step:
    """One of the first things to do in an empty installation, ticked off as it happens."""

    title: str
    done: bool
    how: str
    command: str = ""
    link: str = ""


@dataclass(frozen=True, slots=True)
class Silent:
    """A connector from which nothing comes any more. ``usual`` is within how long something does, in words."""

    id: str
    name: str
    last_at: datetime
    usual: str


@dataclass(frozen=True, slots=True)
class Refusing:
    """A connector that refused deliveries lately. ``only``: nothing authentic came through it since."""

    id: str
    name: str
    count: int
    last_at: datetime
    only: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """One of the drawings of the last hour, and the door to what it counts."""

    title: str
    total: int
    chart: Chart
    link: str


def _show(per_minute: PerMinute, visit: Visit) -> Page:
    """What needs a person, the last hour and the figures, each a door; first steps until they are done."""
    tenant = models.DataController.get_by_id(visit.tenant_id)
    flow = numbers.flow(visit.tenant_id, visit.now)
    rhythms = silence.rhythm(visit.tenant_id, visit.now)
    delivered = any(one.last_at for one in rhythms.values())
    head = models.AuditHead.get_or_none(tenant_id=visit.tenant_id)
    quiet = [one for one, rhythm in rhythms.items() if rhythm.silent]
    refused = _refused(visit)
    names = _names(visit.tenant_id, [*quiet[:_TOLD], *refused]) if quiet or refused else {}
    steps = _first_steps(visit, tenant.did or tenant.id, bool(rhythms), delivered)
    values = {
        "tenant": tenant,
        "flow": flow,
        "many": numbers.MANY,
        "delivered": delivered,
        "late": flow.oldest is not None and not tenant.paused_at and visit.now - flow.oldest > LATE,
        "requests": numbers.requests(visit.tenant_id, visit.now),
        "log_size": head.size if head else 0,
        "checkpoint_at": head.updated_at if head else None,
        "recent": numbers.recent(visit.tenant_id),
        "steps": [] if all(step.done for step in steps) else steps,
        "silent": _silent(quiet[:_TOLD], rhythms, names),
        "refusing": _refusing(refused, rhythms, names),
        "silent_count": len(quiet),
        "connector_count": len(rhythms),
        "curves": _curves(per_minute.last_hour(visit.tenant_id, visit.now)),
    }
    return Page("watch/overview.html", values)


def _first_steps(visit: Visit, did: str, connected: bool, delivered: bool) -> list[Step]:
    may_connect = visit.may(Permission.MANAGE_CONNECTORS)
    return [
        Step(
            "Choose a password",
            visit.signed.has_password or visit.signed.vouched_for,
            "Your one-time password is used up. Choose one you can sign in with again.",
            link="/password",
        ),
        Step(
            "Connect a platform",
            connected,
            "Each shop or audience delivers to an address of its own, with a secret of its own."
            + ("" if may_connect else " An owner, administrator or developer does that."),
            command="" if may_connect else f"dxflow connector add --platform shopify --tenant {did}",
            link="/connectors/new" if may_connect else "",
        ),
        Step(
            "Receive the first event",
            delivered,
            "Enter the address at the platform and let it send, or send an hour of made-up traffic.",
            command="dxflow demo",
            link="/connectors" if connected else "",
        ),
    ]


def _refused(visit: Visit) -> dict[str, models.RefusedDeliveries]:
    """The newest refusals of this day and the last, by connector, no more than are told one by one."""
    newest = refusals.of_connectors(visit.tenant_id, visit.now - timedelta(days=1))
    some = sorted(newest.items(), key=lambda one: one[1].last_at, reverse=True)
    return dict(some[:_TOLD])


def _names(tenant_id: str, ids: Sequence[str]) -> dict[str, str]:
    """What connectors are called; one statement for all of them. Those that are disabled aren't among them."""
    row = models.Connector
    query = row.select(row.id, row.name).where(
        row.tenant_id == tenant_id, row.id.in_(ids), row.disabled_at.is_null()
    )
    return {one.id: one.name for one in query}


def _silent(ids: Sequence[str], rhythms: dict[str, silence.Rhythm], names: dict[str, str]) -> list[Silent]:
    return [
        Silent(one, names.get(one, one), rhythm.last_at, lasting(rhythm.usual.total_seconds()))
        for one in ids
        if (rhythm := rhythms[one]).last_at is not None and rhythm.usual is not None
    ]


def _refusing(
    refused: dict[str, models.RefusedDeliveries], rhythms: dict[str, silence.Rhythm], names: dict[str, str]
) -> list[Refusing]:
    found = []
    for one, row in refused.items():
        last_at = rhythms[one].last_at if one in rhythms else None
        if one in names:
            only = last_at is None or row.last_at > last_at
            found.append(Refusing(one, names[one], row.count, row.last_at, only))
    return found


def _curves(hour: Hour) -> list[Curve]:
    minutes = [f"{begin.astimezone(UTC):%H:%M} UTC" for begin in hour.begins]
    found = []
    for name, tone, title, link in _SERIES:
        counts = hour.of(name)
        total, most = sum(counts), max(counts)
        summary = f"{title} in the last 60 minutes: {total:,} events, {most:,} at most in one minute"
        found.append(Curve(title, total, charts.bars(summary, minutes, {tone: counts}), link))
    return found
