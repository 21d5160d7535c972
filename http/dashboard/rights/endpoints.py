"""Outgoing webhooks: who is told of what happens, with which secret, and what became of each telling."""

from __future__ import annotations

from collections.abc import Callable

from ....engine import announcing
from ....engine.access.roles import Permission
from ....engine.errors import CallerError, Invalid, Unfit
from ....engine.services.connectors import webhook_endpoints as endpoints
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..forms import identifier
from ..screens import Screen, Visit, Way

_PER_PAGE = 50
_TOPIC = "topic."


def screens(shared: Desk) -> dict[str, Screen]:
    """The endpoints: they are set up by who looks after the data controller, as over the API."""
    manage = Permission.MANAGE_TENANT
    return {
        "/webhooks": Screen(shared, get=Way(listing, manage), post=Way(add, manage)),
        "/webhooks/{endpoint_id}": Screen(shared, get=Way(show, manage)),
        "/webhooks/{endpoint_id}/rotate": Screen(shared, post=Way(rotate, manage)),
        "/webhooks/{endpoint_id}/disable": Screen(shared, post=Way(disable, manage)),
        "/webhooks/{endpoint_id}/test": Screen(shared, post=Way(test, manage)),
    }


def listing(visit: Visit) -> Page:
    """Newest first, disabled ones too; ``?cursor=`` continues."""
    return _listing(visit, {})


def add(visit: Visit) -> Page:
    """Make one; its secret is on the page that follows, and nowhere else."""
    wanted = [name.removeprefix(_TOPIC) for name in visit.form if name.startswith(_TOPIC)]
    url = visit.form.get("url", "").strip()
    try:
        row, secret = endpoints.add(visit.core, visit.tenant_id, url, wanted, visit.signed.actor)
    except (Invalid, Unfit) as error:
        return _listing(visit, {error.field: words.sentence(error.detail)})
    return _secret(row, secret, new=True)


def show(visit: Visit) -> Page:
    """One with what it was told; ``?cursor=`` continues."""
    return _page(visit)


def rotate(visit: Visit) -> Page:
    """Another secret, shown once; the one before signs beside it for a day."""
    try:
        made = endpoints.rotate(visit.core, visit.tenant_id, _get(visit).id, visit.signed.actor)
    except CallerError as error:
        return _page(visit, words.sentence(str(error)))
    return _secret(*made, new=False)


def disable(visit: Visit) -> Page | Redirect:
    """Nothing more goes there."""
    return _did(visit, endpoints.disable, "webhook.disabled")


def test(visit: Visit) -> Page | Redirect:
    """Send it something."""
    return _did(visit, endpoints.test, "webhook.tested")


def _did(visit: Visit, act: Callable[..., object], note: str) -> Page | Redirect:
    row = _get(visit)
    try:
        act(visit.core, visit.tenant_id, row.id, visit.signed.actor)
    except CallerError as error:
        return _page(visit, words.sentence(str(error)))
    return Redirect(f"{visit.base}/webhooks/{row.id}", note=note)


def _secret(row: models.WebhookEndpoint, secret: str, *, new: bool) -> Page:
    return Page("rights/webhook_secret.html", {"endpoint": row, "secret": secret, "new": new})


def _listing(visit: Visit, faults: dict[str, str]) -> Page:
    cursor = visit.query.get("cursor")
    found = endpoints.listing(visit.tenant_id, limit=_PER_PAGE, cursor=cursor)
    values = {
        "endpoints": found.rows,
        "cursor": found.next_cursor,
        "paged": cursor is not None,
        "waiting": endpoints.waiting(visit.tenant_id),
        "topics": announcing.TOPICS,
        "topic": _TOPIC,
        "faults": faults,
        "given": visit.form if faults else {},
        "tab": "webhooks",
        "may_manage": True,
    }
    return Page("rights/webhooks.html", values, 422 if faults else 200)


def _page(visit: Visit, refusal: str = "") -> Page:
    row, cursor = _get(visit), visit.query.get("cursor")
    told = endpoints.tellings(visit.tenant_id, row.id, limit=_PER_PAGE, cursor=cursor)
    values = {
        "endpoint": row,
        "tellings": told.rows,
        "cursor": told.next_cursor,
        "paged": cursor is not None,
        "refusal": refusal,
    }
    return Page("rights/webhook.html", values, 409 if refusal else 200)


def _get(visit: Visit) -> models.WebhookEndpoint:
    return endpoints.get(visit.tenant_id, identifier(visit.path["endpoint_id"], "webhook endpoint"))
