"""The sweep that warns of clocks: at 50, 80 and 95 percent of the time, and when a request is overdue.

An index finds the requests whose warning is due: a sweep costs one query, however many are open. What comes due
at once is told in pages, each with one transaction, one signature in the log and one mail.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import attrgetter

from .. import announcing
from ..core import Core
from ..errors import CallerError
from ..ledger.log import Leaf
from ..notices import requests_due
from ..rights import deadlines, team
from ..store import models, quick, scope

PAGE = 500

KIND = "rights_request.warned"


@scope.everyone("every data controller's clocks run")
def sweep(core: Core) -> int:
    """Tell what is due to be told; of how many requests. For a periodic caller; several at once do no harm."""
    told, now, seen = 0, core.clock(), set[str]()
    while page := _due(now):
        if seen.issuperset(row.id for row in page):  # somebody changes these faster than they can be told of
            break
        seen |= {row.id for row in page}
        for tenant_id, rows in groupby(page, key=attrgetter("tenant_id")):
            with scope.of(tenant_id):
                told += _tell(core, tenant_id, list(rows), now)
    return told


def _due(now: datetime) -> list[models.RightsRequest]:
    row = models.RightsRequest
    columns = (row.id, row.tenant_id, row.type, row.due, row.received_at, row.warned, row.version)
    query = row.select(*columns).where(row.warn_at <= now).order_by(row.tenant_id, row.warn_at).limit(PAGE)
    return list(query)


def _tell(core: Core, tenant_id: str, rows: Sequence[models.RightsRequest], now: datetime) -> int:
    zone = deadlines.zone_of(tenant_id)
    waits = _waits(rows)
    with core.store.transaction():
        moved = [row for row in rows if _advance(row, zone, now, waits.get(row.id, []))]
        reached = [row for row in moved if row.warned]
        if reached:
            _write_down(core, tenant_id, reached, now)
    core.bell.set()
    return len(reached)


def _advance(
    row: models.RightsRequest, zone: str, now: datetime, waits: Sequence[models.RequestHold]
) -> bool:
    """Set the row's dates and its next warning; whether a share was reached that wasn't told. A row that
    somebody changed meanwhile is left to the next page; one whose clock can't be read, to the next day."""
    before = row.warned
    try:
        dates: dict[str, object] = {}
        if any(wait.ended_at is None for wait in waits):  # nothing else moves a date by itself
            dates = deadlines.columns(models.RightsRequest.get_by_id(row.id), zone, now, waits)
        if not dates or dates["warn_at"] == now:
            dates |= _told(row, str(dates.get("due", row.due)), zone, now)
    except (CallerError, ValueError):  # plain SQL wrote what there isn't
        quick.update(models.RightsRequest, {"id": row.id}, {"warn_at": now + timedelta(days=1)})
        return False
    stood = {"id": row.id, "version": row.version, "warned": before}
    changed = quick.update(models.RightsRequest, stood, dates)
    _with(row, dates)
    return bool(changed) and row.warned > before


def _told(row: models.RightsRequest, due: str, zone: str, now: datetime) -> dict[str, object]:
    """The share that is reached counts as told, and the next one is ahead."""
    shares = deadlines.moments_of(row.received_at, date.fromisoformat(due), zone)
    reached = max((share for share, at in shares if at <= now), default=0)
    return {"warned": reached, "warn_at": next((at for _, at in shares if at > now), None)}


def _with(row: models.RightsRequest, values: Mapping[str, object]) -> models.RightsRequest:
    for name, value in values.items():
        setattr(row, name, value)
    return row


def _waits(rows: Sequence[models.RightsRequest]) -> dict[str, list[models.RequestHold]]:
    hold = models.RequestHold
    found: dict[str, list[models.RequestHold]] = {}
    ids = [row.id for row in rows]
    for one in hold.select().where(hold.request_id.in_(ids)).order_by(hold.began_at, hold.id):
        found.setdefault(one.request_id, []).append(one)
    return found


def _write_down(core: Core, tenant_id: str, rows: Sequence[models.RightsRequest], now: datetime) -> None:
    bodies = [{"request": row.id, "type": row.type, "percent": row.warned, "due": row.due} for row in rows]
    core.log.append(tenant_id, [Leaf(KIND, {"actor": "system", **body}) for body in bodies])
    quick.insert_all(models.Notification, [requests_due(core, row, now) for row in rows])
    if announcing.somebody_listens(tenant_id):
        for topic, told in _by_topic(bodies):
            announcing.announce(core, tenant_id, topic, told)
    team.tell_of_clocks(core, tenant_id, rows)


def _by_topic(bodies: Sequence[Mapping[str, object]]) -> Iterator[tuple[str, Mapping[str, object]]]:
    for body in bodies:
        overdue = body["percent"] == deadlines.OVERDUE
        yield ("rights_request.overdue" if overdue else "rights_request.due_soon"), body
