"""Data subjects: find one, see what is known of them without being told who they are, and what may be done."""

from __future__ import annotations

from collections.abc import Mapping

from ....engine.access.roles import Permission
from ....engine.errors import CallerError, Invalid, NotFound
from ....engine.merging import conflicts
from ....engine.platforms.base import Person
from ....engine.rights import limits
from ....engine.services import acts
from ....engine.services.subjects import subjects
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from . import subject_acts, subject_page

_PER_PAGE = 50
_MOST = 10_000
KINDS: Mapping[str, str] = {
    "email": "E-mail address",
    "phone": "Telephone number",
    "external_id": "Id at a platform",
}
"""By what somebody is found, as the form calls it."""


def screens(shared: Desk) -> dict[str, Screen]:
    """The list with its search, one data subject, and what may be done with it."""
    look, reads, handles = Permission.LOOK, Permission.READ_PEOPLE, Permission.HANDLE_REQUESTS
    acts_of = {
        "hold": Way(subject_acts.place_hold, Permission.ERASE),
        "lift": Way(subject_acts.lift_hold, Permission.ERASE),
        "request": Way(subject_acts.enter_request, Permission.RECORD),
        "unmerge": Way(subject_acts.unmerge, handles),
    }
    return {
        "/subjects": Screen(shared, get=Way(listing, look), post=Way(find, reads)),
        "/subjects/{subject_id}": Screen(shared, get=Way(show, look), post=Way(reveal, reads)),
        **{f"/subjects/{{subject_id}}/{name}": Screen(shared, post=way) for name, way in acts_of.items()},
    }


def listing(visit: Visit) -> Page | Redirect:
    """``?named=`` leads to the data subject of a DID or id, ``?cursor=`` continues the list."""
    named = visit.query.get("named", "").replace("\0", "").strip()
    if not named:
        return _listing(visit)
    try:
        return _to(visit, subjects.named(visit.tenant_id, named))
    except NotFound:
        return _listing(visit, missed="DID or id")


def find(visit: Visit) -> Page | Redirect:
    """By an identifier, which travels in the form and in no address. That somebody was found is written down:
    whoever looks an address up learns that its owner is on file."""
    kind, value = visit.form.get("kind", ""), visit.form.get("value", "").strip()
    try:
        found = look_up(visit, kind, value)
    except Invalid as error:
        return _listing(visit, refusal=words.sentence(error.detail), status=error.status)
    except NotFound:
        return _listing(visit, missed=KINDS[kind])
    except CallerError as error:
        return _listing(visit, refusal=words.sentence(str(error)), status=error.status)
    return _to(visit, found)


def look_up(visit: Visit, kind: str, value: str) -> models.DataSubject:
    """Whom an identifier belongs to, once that is written down. Raises NotFound, Invalid, Conflict."""
    if kind not in KINDS:
        raise Invalid("kind", "choose what to look for")
    if not value:
        raise Invalid("value", "type in what to look for")
    core, tenant_id = visit.core, visit.tenant_id
    if kind == "external_id":
        found = subjects.find_external(core, tenant_id, value)
    else:
        person = Person(email=value) if kind == "email" else Person(phone=value)
        found = subjects.find(core, tenant_id, person)
    acts.people_read(core, tenant_id, visit.signed.actor, "data_subject_lookup", [found.id])
    return found


def show(visit: Visit) -> Page:
    """One data subject; who it is stays covered. ``?kind=`` filters the timeline, ``?cursor=`` continues it."""
    return subject_page.page(visit, subject_page.get(visit))


def reveal(visit: Visit) -> Page:
    """The same page with the profile in the clear: an audit entry before it is shown."""
    subject = subject_page.get(visit)
    found = subjects.overview(visit.core, subject, visit.signed.actor)
    return subject_page.page(visit, subject, revealed=found.profile)


def _listing(visit: Visit, *, missed: str = "", refusal: str = "", status: int = 200) -> Page:
    cursor = visit.query.get("cursor")
    rows = subjects.listing(visit.tenant_id, limit=_PER_PAGE, cursor=cursor)
    ids = [row.id for row in rows.rows]
    values = {
        "subjects": rows.rows,
        "links": subjects.link_kinds(visit.tenant_id, ids),
        "limited": limits.of([row.id for row in rows.rows if row.limited]),
        "total": subjects.count(visit.tenant_id, most=_MOST),
        "most": _MOST,
        "conflicts": conflicts.waiting(visit.tenant_id),
        "cursor": rows.next_cursor,
        "paged": cursor is not None,
        "kinds": KINDS,
        "chosen": visit.form.get("kind", ""),
        "missed": missed,
        "refusal": refusal,
        "may_look_up": visit.may(Permission.READ_PEOPLE),
    }
    return Page("subjects/subjects.html", values, status)


def _to(visit: Visit, subject: models.DataSubject) -> Redirect:
    return Redirect(f"{visit.base}/subjects/{subject.id}")
