"""Entering a request by hand: one that came by letter, by telephone or at the counter."""

from __future__ import annotations

from ....engine.access.roles import Permission
from ....engine.desk import by_hand, settings
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way


def screens(shared: Desk) -> dict[str, Screen]:
    """The form."""
    record = Permission.RECORD
    return {"/requests/new": Screen(shared, get=Way(form, record), post=Way(enter, record))}


def form(visit: Visit) -> Page:
    """An empty form, with a name of its own."""
    return _page(visit, visit.core.new_id(), {})


def enter(visit: Visit) -> Page | Redirect:
    """Record it, and go to its page; the same form once more leads to the same request."""
    once = visit.form.get("once", "")[:64]
    made = by_hand.enter(visit.core, visit.tenant_id, visit.signed.actor, visit.form, once)
    if made.request is None:
        faults = {one.field: words.sentence(one.detail) for one in made.faults}
        return _page(visit, once, faults)
    note = "request.entered" if made.new else "request.known"
    return Redirect(f"{visit.base}/requests/{made.request.id}", note=note)


def _page(visit: Visit, once: str, faults: dict[str, str]) -> Page:
    desk = settings.of(visit.tenant_id)
    values = {
        "once": once,
        "faults": faults,
        "other_faults": [text for name, text in faults.items() if name not in by_hand.FIELDS],
        "given": visit.form,
        "jurisdiction": models.DataController.get_by_id(visit.tenant_id).jurisdiction,
        "zone": desk.zone,
        "languages": desk.languages,
    }
    return Page("rights/request_new.html", values, 422 if faults else 200)
