"""One act for many requests: first what it takes and whom it concerns, then what became of each and why not.

Nothing is done by the first form: what goes to fifty people is looked at once more.
"""

from __future__ import annotations

from collections.abc import Sequence

from ....engine.access.roles import Permission
from ....engine.desk import bulk, queue
from ....engine.errors import Invalid
from ....engine.identity import did
from ....engine.store import models, quick
from .. import numbers, words
from ..answers import Page
from ..desk import Desk
from ..screens import Screen, Visit, Way
from . import request_offers
from .request_offers import Offer

PICK = "pick."
"""Fields that name a request begin so; a box to tick has no name twice."""


def screens(shared: Desk) -> dict[str, Screen]:
    """What is done with many at once."""
    return {"/requests/bulk": Screen(shared, post=Way(act, Permission.HANDLE_REQUESTS))}


def act(visit: Visit) -> Page:
    """Ask what is to be said, and once it was, do it."""
    offer = request_offers.named(visit.form.get("act", ""))
    rows = _picked(visit)
    if offer is None or offer.act not in request_offers.BULK:
        return _page(visit, None, rows, "Choose what is to be done with them.")
    if not rows:
        return _page(visit, offer, rows, "None is marked: tick the requests that it is about.")
    if "sure" not in visit.form:
        return _page(visit, offer, rows)
    try:
        said = request_offers.said(offer, visit.form)
    except request_offers.Blank as error:
        return _page(visit, offer, rows, str(error))
    return _done(visit, offer, rows, said)


def _done(visit: Visit, offer: Offer, rows: Sequence[models.RightsRequest], said: Sequence[str]) -> Page:
    ids = [str(row.id) for row in rows]
    tried = bulk.perform(visit.core, visit.tenant_id, ids, visit.signed.actor, offer.do, said)
    now = quick.by_ids(models.RightsRequest, ids, tenant_id=visit.tenant_id)
    values = {
        "offer": offer,
        "results": [(now[one.request_id], words.sentence(one.fault)) for one in tried],
        "done": sum(not one.fault for one in tried),
        "closed": numbers.CLOSED,
    }
    return Page("rights/requests_done.html", values)


def _page(visit: Visit, offer: Offer | None, rows: Sequence[models.RightsRequest], refusal: str = "") -> Page:
    fits = {row.id: offer is not None and _offered(row, offer) for row in rows}
    values = {
        "offer": offer,
        "requests": rows,
        "fits": fits,
        "fitting": sum(fits.values()),
        "refusal": refusal,
        "pick": PICK,
        "given": visit.form,
        "closed": numbers.CLOSED,
        "today": queue.today(visit.tenant_id, visit.now),
    }
    return Page("rights/requests_bulk.html", values, 422 if refusal else 200)


def _offered(row: models.RightsRequest, offer: Offer) -> bool:
    return offer.act in {one.act for one in request_offers.offers(row)}


def _picked(visit: Visit) -> list[models.RightsRequest]:
    """The requests that were ticked, the first due on top; what isn't there, or is another's, is left out."""
    ids = list[str]()
    for name in visit.form:
        if name.startswith(PICK) and len(ids) < bulk.MOST:
            try:
                ids.append(did.canonical(name.removeprefix(PICK)))
            except Invalid:
                continue
    rows = quick.by_ids(models.RightsRequest, ids, tenant_id=visit.tenant_id).values()
    return sorted(rows, key=lambda row: (row.due or "9999", str(row.id)))
