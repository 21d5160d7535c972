"""The rights management queue: what is open by due date, what is overdue, what was closed; all of it, or what
has this type, regime, state or source, or is due before a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from peewee import SQL

from .. import moments
from ..errors import Invalid
from ..machine import first_state
from ..rights import deadlines
from ..rights.types import RequestState
from ..store import models

VIEWS = ("open", "pending", "in_progress", "overdue", "closed", "completed")
"""Of the open ones ``pending`` are those that nobody has begun with, ``in_progress`` all others, ``overdue``
those that should have been answered and aren't; of the closed ones ``completed`` were answered to their end."""
CLOSED_VIEWS = ("closed", "completed")
_NO_DATE = "9999-12-31"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of a view is asked for; what is empty asks for nothing. ``due_before`` is a day, which doesn't count
    itself. Raises Invalid for what is no day."""

    type: str = ""
    regime: str = ""
    state: str = ""
    source: str = ""
    due_before: str = ""

    def __post_init__(self) -> None:
        try:
            if self.due_before:
                date.fromisoformat(self.due_before)
        except ValueError:
            raise Invalid("due_before", "must be a day such as 2026-11-30") from None


EVERYTHING = Wanted()


def today(tenant_id: str, now: datetime) -> str:
    """The present day at the data controller, as ``YYYY-MM-DD``."""
    return now.astimezone(ZoneInfo(deadlines.zone_of(tenant_id))).date().isoformat()


def listing(
    tenant_id: str,
    view: str,
    day: str,
    *,
    wanted: Wanted = EVERYTHING,
    limit: int = 50,
    after: tuple[str, str] | None = None,
) -> list[models.RightsRequest]:
    """A view's rows: open ones with the first due on top, closed ones newest first. ``after`` is the mark of
    the last row seen (``mark``). Raises Invalid for an unknown view."""
    if view not in VIEWS:
        raise Invalid("view", f"{view[:40]!r}; allowed are {', '.join(VIEWS)}")
    request = models.RightsRequest
    query = _only(request.select().where(request.tenant_id == tenant_id), wanted)
    if view in CLOSED_VIEWS:
        query = query.where(request.closed_at.is_null(False))
        if view == "completed":
            query = query.where(request.state == RequestState.COMPLETED)
        return list(_closed_after(query, after).limit(limit))
    query = query.where(request.closed_at.is_null())
    if view == "overdue":
        query = query.where(request.due < day, request.state != RequestState.RESPONSE_SENT)
    elif view != "open":
        begun = request.state != first_state()
        query = query.where(begun if view == "in_progress" else ~begun)
    return list(_open_after(query, after).limit(limit))


def mark(row: models.RightsRequest, view: str) -> tuple[str, str]:
    """The place of a row in its view."""
    if view in CLOSED_VIEWS and row.closed_at:
        return moments.to_text(row.closed_at), str(row.id)
    return str(row.due or _NO_DATE), str(row.id)


def _only(query: Any, wanted: Wanted) -> Any:
    request = models.RightsRequest
    for column in ("type", "regime", "state", "source"):
        value = getattr(wanted, column)
        query = query.where(getattr(request, column) == value) if value else query
    return query.where(request.due < wanted.due_before) if wanted.due_before else query


def _open_after(query: Any, after: tuple[str, str] | None) -> Any:
    """Those without a date, which plain SQL just wrote, come last. In the very words of the index that has them
    in this order: with a parameter in it SQLite would sort all of them."""
    request, due = models.RightsRequest, SQL(f"COALESCE(due, '{_NO_DATE}')")
    if after is not None:
        day, last = after
        query = query.where((due > day) | ((due == day) & (request.id > last)))
    return query.order_by(due, request.id)


def _closed_after(query: Any, after: tuple[str, str] | None) -> Any:
    request = models.RightsRequest
    if after is not None:
        at, last = _moment(after[0]), after[1]
        query = query.where((request.closed_at < at) | ((request.closed_at == at) & (request.id < last)))
    return query.order_by(request.closed_at.desc(), request.id.desc())


def _moment(text: str) -> datetime:
    try:
        return moments.from_text(text)
    except ValueError:
        raise Invalid("after", "isn't the mark of a row") from None
