"""The rights management queue: who must be answered by when, narrowed down, and found by an id or reference."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from urllib.parse import urlencode

from ....engine.access.roles import Permission
from ....engine.desk import finding, queue
from ....engine.errors import Invalid
from ....engine.rights.types import RequestState
from .. import numbers, words
from ..answers import Page, Redirect
from ..desk import Desk
from ..forms import identifier
from ..screens import Screen, Visit, Way
from . import request_offers, request_words

PER_PAGE = 50
_TABS = ("open", "overdue", "closed")
_FILTERS = ("type", "regime", "state", "source", "due_before")


def screens(shared: Desk) -> dict[str, Screen]:
    """The queue."""
    look = Permission.LOOK
    return {
        "/requests": Screen(shared, get=Way(listing, look)),
        "/requests/find": Screen(shared, post=Way(find, look)),
    }


def listing(visit: Visit) -> Page:
    """``?view=`` one of ``queue.VIEWS``, by due date; ``?type=``, ``regime``, ``state``, ``source``,
    ``due_before`` narrow it down; ``?after=`` the last row's mark."""
    view, chosen = visit.query.get("view", queue.VIEWS[0]), _chosen(visit.query)
    today, fault = queue.today(visit.tenant_id, visit.now), ""
    try:
        wanted = queue.Wanted(**chosen)
    except Invalid as error:
        fault, wanted = words.sentence(error.detail), queue.EVERYTHING
    after = _after(visit)
    rows = queue.listing(visit.tenant_id, view, today, wanted=wanted, limit=PER_PAGE + 1, after=after)
    more = "_".join(queue.mark(rows[PER_PAGE - 1], view)) if len(rows) > PER_PAGE else None
    values = {
        "view": view,
        "tabs": {name: _address(visit, name, chosen) for name in _TABS},
        "chosen": asdict(queue.EVERYTHING) | chosen,
        "filtered": bool(chosen),
        "states": [(str(state), words.plain(state)) for state in RequestState],
        "sources": [(name, words.source(name)) for name in request_words.SOURCES],
        "fault": fault,
        "counts": numbers.requests(visit.tenant_id, visit.now),
        "requests": rows[:PER_PAGE],
        "next": _address(visit, view, chosen, after=more) if more else None,
        "first": _address(visit, view, chosen) if after else None,
        "closed": numbers.CLOSED,
        "today": today,
        "bulk": _bulk(visit, view),
        "may_enter": visit.may(Permission.RECORD),
    }
    return Page("rights/requests.html", values, 422 if fault else 200)


def find(visit: Visit) -> Page | Redirect:
    """The request that an id or reference names. It is sent, not asked for by address: what people paste into
    such a field may be somebody's."""
    text = visit.form.get("reference", "").strip()
    found = finding.find(visit.core, visit.tenant_id, text)
    if len(found) == 1:
        return Redirect(f"{visit.base}/requests/{found[0].id}")
    values = {
        "requests": found,
        "reference": text,
        "shortest": finding.SHORTEST,
        "closed": numbers.CLOSED,
        "today": queue.today(visit.tenant_id, visit.now),
    }
    return Page("rights/requests_found.html", values, 200 if found else 404)


def _bulk(visit: Visit, view: str) -> list[request_offers.Offer]:
    """What this person may do with many of these at once; nothing is done with what is over."""
    if view in queue.CLOSED_VIEWS or not visit.may(Permission.HANDLE_REQUESTS):
        return []
    return [offer for offer in request_offers.OFFERS if offer.act in request_offers.BULK]


def _chosen(query: Mapping[str, str]) -> dict[str, str]:
    """The filters that are set."""
    return {name: query[name].strip()[:60] for name in _FILTERS if query.get(name, "").strip()}


def _address(visit: Visit, view: str, chosen: Mapping[str, str], **more: str) -> str:
    shown = {} if view == queue.VIEWS[0] else {"view": view}
    query = urlencode({**shown, **chosen, **more})
    return f"{visit.base}/requests{'?' if query else ''}{query}"


def _after(visit: Visit) -> tuple[str, str] | None:
    key, _, last = visit.query.get("after", "").partition("_")
    if not key or not last:
        return None
    try:
        date.fromisoformat(key[:10])
    except ValueError:
        return None
    return key, identifier(last, "place in the queue")
