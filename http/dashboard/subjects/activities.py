"""Processing activities: what was done with whose data, on which legal basis, and the proof of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import get_args
from urllib.parse import urlencode

from ....engine.access.roles import Permission
from ....engine.services.audit import anchored
from ....engine.services.subjects import activities, activity_days, activity_log, activity_proofs
from ....engine.services.subjects.activity_days import Pair
from ....engine.services.subjects.activity_log import Search
from ....engine.store import models, quick
from .. import charts, words
from ..answers import Page
from ..desk import Desk
from ..forms import identifier
from ..screens import Screen, Visit, Way
from . import timelines

_PER_PAGE = 50
_SHOWN_DAYS = 30
_SECONDS = 0.03
"""How long a page may count days that this process hasn't counted yet."""
_TONES = "abcde"
_OTHER = "f"

Counted = Mapping[date, Counter[Pair] | None]


@dataclass(frozen=True, slots=True)
class Series:
    """One colour of a chart; ``query`` filters the list by it, and is empty for what several share."""

    tone: str
    name: str
    total: int
    query: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars of a month, and what their colours stand for."""

    title: str
    bars: charts.Chart
    series: tuple[Series, ...]


def screens(shared: Desk) -> dict[str, Screen]:
    """The log, and one activity with its proof."""
    look = Permission.LOOK
    return {
        "/activities": Screen(shared, get=Way(listing, look)),
        "/activities/{activity_id}": Screen(shared, get=Way(show, look)),
    }


def listing(visit: Visit) -> Page:
    """``?purpose=``, ``legal_basis``, ``activity_type``, ``source``, ``state``, ``from`` and ``to`` (days)
    narrow it, ``cursor`` continues it."""
    days = activity_days.last(visit.now, _SHOWN_DAYS)
    counted = activity_days.DAYS.counted(visit.tenant_id, days, visit.now, seconds=_SECONDS)
    wanted, fault = _search(visit.query)
    cursor = visit.query.get("cursor")
    found = activity_log.search(visit.tenant_id, wanted, limit=_PER_PAGE, cursor=cursor)
    waiting = activity_log.unregistered(visit.tenant_id)
    values = {
        "activities": found.page.rows,
        "cursor": found.page.next_cursor,
        "searched_to": found.searched_to,
        "paged": cursor is not None,
        "wanted": wanted,
        "fault": fault,
        "filters": _address(visit.query),
        "bases": {name: words.basis(name) for name in get_args(activities.LegalBasis)},
        "purposes": [name for name, _ in _totals(counted, lambda pair: pair[1]).most_common() if name],
        "states": activity_log.STATES,
        "charts": _charts(counted, days),
        "counting": any(one is None for one in counted.values()),
        "total": sum(sum(one.values()) for one in counted.values() if one),
        "waiting": waiting,
        "registered": _registered(visit, counted, days),
        "tone": timelines.registration_tone,
    }
    return Page("subjects/activities.html", values)


def show(visit: Visit) -> Page:
    """One activity; what its leaf says is verified here, and once more in the reader's own browser."""
    activity = activities.get(visit.tenant_id, identifier(visit.path["activity_id"], "processing activity"))
    here = {"tenant_id": visit.tenant_id}
    names = activity.fields if isinstance(activity.fields, list | dict) else []
    values = {
        "activity": activity,
        "did": activities.did_of(visit.core, activity),
        "fields": [str(name) for name in names],
        "subject": quick.get(models.DataSubject, id=activity.subject_id, **here),
        "event": quick.get(models.Event, id=activity.event_id, **here),
        "proven": activity_proofs.of(visit.core, visit.tenant_id, activity),
        "anchor": anchored.of_activities([activity]).get(activity.id),
        "tone": timelines.registration_tone(activity.registration_state),
    }
    return Page("subjects/activity.html", values)


def _search(query: Mapping[str, str]) -> tuple[Search, str]:
    """What the address asks for, and what in it can't be read."""
    first, last = _day(query.get("from", "")), _day(query.get("to", ""))
    unread = (first is None and query.get("from")) or (last is None and query.get("to"))
    state = query.get("state", "")
    wanted = Search(
        purpose=_text(query, "purpose"),
        legal_basis=_text(query, "legal_basis"),
        activity_type=_text(query, "activity_type"),
        source=_text(query, "source"),
        state=state if state in activity_log.STATES else "",
        first=first,
        last=last,
    )
    return wanted, "A day is written as 2026-11-30." if unread else ""


def _text(query: Mapping[str, str], name: str) -> str:
    return query.get(name, "").replace("\0", "").strip()  # PostgreSQL keeps no NUL, so nothing fits it


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year < date.max.year else None  # there is a day after every one that counts


def _address(query: Mapping[str, str]) -> str:
    """The filters of the address, to be continued with a cursor; empty without any."""
    names = ("purpose", "legal_basis", "activity_type", "source", "state", "from", "to")
    return urlencode({name: query[name] for name in names if query.get(name)})


def _charts(counted: Counted, days: Sequence[date]) -> list[Chart]:
    bases = _chart("By legal basis", "legal_basis", counted, days, lambda pair: pair[0], words.basis)
    purposes = _chart("By purpose", "purpose", counted, days, lambda pair: pair[1], words.plain)
    return [bases, purposes]


def _chart(
    title: str,
    field: str,
    counted: Counted,
    days: Sequence[date],
    of: Callable[[Pair], str],
    named: Callable[[str], str],
) -> Chart:
    """The commonest five, each in a colour of its own; what is left is ``other``."""
    totals = _totals(counted, of)
    chosen = dict(zip((name for name, _ in totals.most_common() if name), _TONES, strict=False))
    rows: dict[str, list[int]] = {tone: [0] * len(days) for tone in (*chosen.values(), _OTHER)}
    for at, day in enumerate(days):
        for pair, count in (counted[day] or {}).items():
            rows[chosen.get(of(pair), _OTHER)][at] += count
    series = [
        Series(tone, named(name), totals[name], urlencode({field: name})) for name, tone in chosen.items()
    ]
    if any(rows[_OTHER]):
        series.append(Series(_OTHER, "other", sum(rows[_OTHER]), ""))
    moments = [words.written(day) for day in days]
    summary = f"{title}, day by day: {_summed(series) or 'nothing was recorded'}."
    return Chart(title, charts.bars(summary, moments, rows, height=96), tuple(series))


def _summed(series: Iterable[Series]) -> str:
    return ", ".join(f"{one.name} {one.total:,}" for one in series)


def _totals(counted: Counted, of: Callable[[Pair], str]) -> Counter[str]:
    totals = Counter[str]()
    for counts in counted.values():
        for pair, count in (counts or {}).items():
            totals[of(pair)] += count
    return totals


def _registered(visit: Visit, counted: Counted, days: Sequence[date]) -> int:
    """How many of those days' activities are in the log: all that don't wait and didn't fail."""
    recorded = sum(sum(one.values()) for one in counted.values() if one)
    waiting = activity_log.unregistered(visit.tenant_id, since=activity_log.begin(days[0]))
    return max(recorded - sum(waiting.values()), 0)
