"""The rights management queue: who must be answered by when, and one request with its clock explained."""

from __future__ import annotations

from datetime import date

from peewee import fn

from ...engine.errors import Invalid, NotFound
from ...engine.identity import did
from ...engine.rights import intake
from ...engine.services import acts, requests
from ...engine.services.roles import Permission, require
from ...engine.store import models
from . import numbers
from .answers import Page
from .screens import Visit

VIEWS = ("open", "overdue", "closed")
_PER_PAGE = 50
_NO_DATE = "9999-12-31"


def listing(visit: Visit) -> Page:
    """``?view=`` open, overdue or closed, by due date; ``?after=`` the last row's mark."""
    view = visit.query.get("view", VIEWS[0])
    if view not in VIEWS:
        raise Invalid("view", f"{view[:40]!r}; allowed are {', '.join(VIEWS)}")
    rows = _rows(visit, view)
    values = {
        "view": view,
        "counts": numbers.requests(visit.tenant_id, visit.now),
        "requests": rows[:_PER_PAGE],
        "after": _mark(rows[_PER_PAGE - 1]) if len(rows) > _PER_PAGE else None,
        "paged": "after" in visit.query,
        "closed": numbers.CLOSED,
        "today": visit.now.date().isoformat(),
    }
    return Page("requests.html", values)


def show(visit: Visit) -> Page:
    """One request; who asked stays covered."""
    return _page(visit, _get(visit), None)


def reveal(visit: Visit) -> Page:
    """The same page with who asked and what they wrote, in the clear: an audit entry before it is shown."""
    require(visit.signed.role, Permission.READ_PEOPLE)
    request = _get(visit)
    acts.people_read(
        visit.core,
        visit.tenant_id,
        visit.signed.actor,
        "rights_request",
        [request.subject_id],
        request=request.id,
    )
    person = {name: value for name, value in intake.requester(visit.core, request).items() if value}
    details = requests.details_of(visit.core, request)
    return _page(visit, request, {**person, "details": details} if details else person)


def _page(visit: Visit, request: models.RightsRequest, revealed: dict[str, object] | None) -> Page:
    subject = models.DataSubject.get_or_none(id=request.subject_id, tenant_id=visit.tenant_id)
    values = {
        "request": request,
        "subject": subject,
        "closed": request.state in numbers.CLOSED,
        "today": visit.now.date().isoformat(),
        "overdue": request.due is not None and request.due < visit.now.date().isoformat(),
        "left": (date.fromisoformat(request.due) - visit.now.date()).days if request.due else None,
        "due_soon": numbers.DUE_SOON.days,
        "may_reveal": visit.signed.may(Permission.READ_PEOPLE),
        "covered": request.requester_sealed is not None or request.details_sealed is not None,
        "revealed": revealed,
    }
    return Page("request.html", values)


def _rows(visit: Visit, view: str) -> list[models.RightsRequest]:
    request = models.RightsRequest
    due = fn.COALESCE(request.due, _NO_DATE)
    query = request.select().where(request.tenant_id == visit.tenant_id).order_by(due, request.id)
    if view == "closed":
        query = query.where(request.state.in_(numbers.CLOSED))
    else:
        query = query.where(request.state.not_in(numbers.CLOSED))
    if view == "overdue":
        query = query.where(request.due < visit.now.date().isoformat())
    day, _, last = visit.query.get("after", "").partition("_")
    if day and last:
        query = query.where((due > day) | ((due == day) & (request.id > _identifier(last))))
    return list(query.limit(_PER_PAGE + 1))


def _mark(row: models.RightsRequest) -> str:
    return f"{row.due or _NO_DATE}_{row.id}"


def _get(visit: Visit) -> models.RightsRequest:
    return requests.get(visit.tenant_id, _identifier(visit.path["request_id"]))


def _identifier(text: str) -> str:
    try:
        return did.canonical(text)
    except Invalid:
        raise NotFound("no such rights request") from None
