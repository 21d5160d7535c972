"""What recipients still have to be told: all of it, one with whom it is about, asking again and closing."""

from __future__ import annotations

from ....engine.access.roles import Permission
from ....engine.errors import CallerError, Invalid
from ....engine.recipients.base import Target
from ....engine.services.rights import obligations
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..forms import identifier
from ..screens import Screen, Visit, Way

_PER_PAGE = 50
VIEWS = {
    "open": ("pending", "waiting", "manual", "failed"),
    "person": ("manual", "failed"),
    "under_way": ("pending", "waiting"),
}
"""What each list shows, by state: all, what takes a person, what goes on by itself."""


def screens(shared: Desk) -> dict[str, Screen]:
    """The list, one obligation, and what may be done with it: as over the API."""
    look, read = Permission.LOOK, Permission.READ_PEOPLE
    return {
        "/obligations": Screen(shared, get=Way(listing, look)),
        "/obligations/{obligation_id}": Screen(shared, get=Way(show, look), post=Way(reveal, read)),
        "/obligations/{obligation_id}/retry": Screen(shared, post=Way(retry, Permission.ACT)),
        "/obligations/{obligation_id}/close": Screen(shared, post=Way(close, Permission.ERASE)),
    }


def listing(visit: Visit) -> Page:
    """``?view=`` one of ``VIEWS``, the oldest first; ``?cursor=`` continues."""
    view = visit.query.get("view", "open")
    if view not in VIEWS:
        raise Invalid("view", f"{view[:40]!r}; allowed are {', '.join(VIEWS)}")
    cursor = visit.query.get("cursor")
    found = obligations.open_ones(visit.tenant_id, states=VIEWS[view], limit=_PER_PAGE, cursor=cursor)
    counted = obligations.counts(visit.tenant_id)
    values = {
        "view": view,
        "counts": {name: sum(counted[state] for state in states) for name, states in VIEWS.items()},
        "obligations": found.rows,
        "cursor": found.next_cursor,
        "paged": cursor is not None,
    }
    return Page("rights/obligations.html", values)


def show(visit: Visit) -> Page:
    """One; whom it is about stays covered."""
    return _page(visit, _get(visit))


def reveal(visit: Visit) -> Page:
    """The same page with as whom the person is known there: an audit entry before it is shown."""
    row = _get(visit)
    return _page(visit, row, known=obligations.whom(visit.core, row, visit.signed.actor))


def retry(visit: Visit) -> Page | Redirect:
    """Have the recipient asked again."""
    row = _get(visit)
    try:
        obligations.retry(visit.core, visit.tenant_id, row.id, visit.signed.actor)
    except CallerError as error:
        return _page(visit, _get(visit), refusal=words.sentence(str(error)))
    return _back(visit, row, "obligation.retried")


def close(visit: Visit) -> Page | Redirect:
    """A person did it, or decides that nothing is to be done; without a reason the form comes back."""
    row, form = _get(visit), visit.form
    reason, remains = form.get("reason", ""), form.get("remains", "").strip() or None
    try:
        obligations.close(visit.core, visit.tenant_id, row.id, visit.signed.actor, reason, remains)
    except Invalid as error:
        return _page(visit, row, faults={error.field: words.sentence(error.detail)})
    except CallerError as error:
        return _page(visit, _get(visit), refusal=words.sentence(str(error)))
    return _back(visit, row, "obligation.closed")


def _back(visit: Visit, row: models.Obligation, note: str) -> Redirect:
    """To the request that it is of, where there is one: that is what goes on now."""
    where = f"requests/{row.request_id}" if row.request_id else "obligations"
    return Redirect(f"{visit.base}/{where}", note=note)


def _page(
    visit: Visit,
    row: models.Obligation,
    *,
    known: Target | None = None,
    refusal: str = "",
    faults: dict[str, str] | None = None,
) -> Page:
    values = {
        "owed": row,
        "connector": models.Connector.get_or_none(id=row.connector_id, tenant_id=visit.tenant_id),
        "known": known,
        "refusal": refusal,
        "faults": faults or {},
        "given": visit.form,
        "may_reveal": visit.may(Permission.READ_PEOPLE),
        "may_close": visit.may(Permission.ERASE),
        "open": row.state in VIEWS["open"],
    }
    return Page("rights/obligation.html", values, 422 if refusal or faults else 200)


def _get(visit: Visit) -> models.Obligation:
    return obligations.get(visit.tenant_id, identifier(visit.path["obligation_id"], "obligation"))
