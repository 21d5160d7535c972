"""Who was erased and is kept out: marks without a name, looked up by what somebody is known by, and lifted."""

from __future__ import annotations

from ....engine.access.roles import Permission
from ....engine.errors import CallerError, Invalid
from ....engine.platforms.base import Person
from ....engine.services.pages import Page as Part
from ....engine.services.rights import suppressions
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..forms import identifier
from ..screens import Screen, Visit, Way

_PER_PAGE = 50


def screens(shared: Desk) -> dict[str, Screen]:
    """The marks. Looking somebody up says whether they were erased here, so it takes who may see people."""
    look, read, erase = Permission.LOOK, Permission.READ_PEOPLE, Permission.ERASE
    return {
        "/suppressions": Screen(shared, get=Way(listing, look), post=Way(look_up, read)),
        "/suppressions/lift": Screen(shared, post=Way(lift, erase)),
    }


def listing(visit: Visit) -> Page:
    """Newest first, lifted ones too; ``?cursor=`` continues."""
    return _page(visit)


def look_up(visit: Visit) -> Page:
    """Whether somebody is kept out, by an e-mail address or a telephone number; that it was asked is logged."""
    typed = {name: visit.form.get(name, "").strip()[:320] for name in ("email", "phone")}
    person = Person(typed["email"] or None, typed["phone"] or None)
    try:
        found = suppressions.of_person(visit.core, visit.tenant_id, visit.signed.actor, person)
    except Invalid as error:
        return _page(visit, fault=words.sentence(error.detail))
    return _page(visit, found=found)


def lift(visit: Visit) -> Page | Redirect:
    """Let somebody in again who came back on their own, with the reason why that is believed."""
    mark, reason = identifier(visit.form.get("suppression", ""), "mark"), visit.form.get("reason", "")
    try:
        suppressions.lift(visit.core, visit.tenant_id, visit.signed.actor, reason, suppression_id=mark)
    except CallerError as error:
        return _page(visit, refusal=words.sentence(str(error)))
    return Redirect(f"{visit.base}/suppressions", note="suppression.lifted")


def _page(
    visit: Visit,
    *,
    found: list[models.Suppression] | None = None,
    fault: str = "",
    refusal: str = "",
) -> Page:
    cursor = visit.query.get("cursor")
    part: Part[models.Suppression] = suppressions.listing(visit.tenant_id, limit=_PER_PAGE, cursor=cursor)
    values = {
        "marks": part.rows if found is None else found,
        "looked_up": found is not None,
        "cursor": part.next_cursor if found is None else None,
        "paged": cursor is not None,
        "fault": fault,
        "refusal": refusal,
        "may_read": visit.may(Permission.READ_PEOPLE),
        "may_lift": visit.may(Permission.ERASE),
        "tab": "suppressions",
        "may_manage": visit.may(Permission.MANAGE_TENANT),
    }
    return Page("rights/suppressions.html", values, 422 if fault or refusal else 200)
