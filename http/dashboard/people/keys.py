"""API keys: one's own, and for whoever looks after the data controller all of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ....engine.access.roles import Permission, Scope
from ....engine.errors import Forbidden, Invalid
from ....engine.services.people import credentials
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way

_PER_PAGE = 50

LIFETIMES: Mapping[str, int | None] = {"30": 30, "90": 90, "365": 365, "never": None}
"""How long a key may hold, in days, as the form names it."""


def screens(shared: Desk) -> dict[str, Screen]:
    """The keys of programs."""
    own = Permission.OWN_KEYS
    return {
        "/keys": Screen(shared, get=Way(listing, own), post=Way(create, own)),
        "/keys/{key_id}/revoke": Screen(shared, post=Way(revoke, own)),
    }


def listing(visit: Visit) -> Page:
    """Newest first; ``?cursor=`` continues."""
    return _page(visit)


def create(visit: Visit) -> Page:
    """Make a key; it is on the page that follows, and nowhere else."""
    form = visit.form
    scopes = [scope.value for scope in Scope if form.get(f"scope-{scope}")]
    try:
        if form.get("lifetime") not in LIFETIMES:
            raise Invalid("lifetime", f"must be one of {', '.join(LIFETIMES)}")
        if form.get("whose") == "tenant" and not visit.may(Permission.MANAGE_TENANT):
            raise Forbidden("a key that is nobody's takes somebody who looks after the data controller")
        days = LIFETIMES[form["lifetime"]]
        row, secret = credentials.create_key(
            visit.core,
            visit.tenant_id,
            form.get("name", ""),
            scopes,
            visit.signed.actor,
            user_id=None if form.get("whose") == "tenant" else visit.signed.user_id,
            expires_at=None if days is None else visit.now + timedelta(days=days),
            reach=visit.signed.reach,
        )
    except (Invalid, Forbidden) as error:
        return _page(visit, refusal=words.sentence(str(error)), status=error.status)
    return Page("people/key_made.html", {"key": row, "secret": secret})


def revoke(visit: Visit) -> Redirect:
    """At once and for good."""
    owner = _owner(visit)
    credentials.revoke(visit.core, visit.tenant_id, visit.path["key_id"], visit.signed.actor, user_id=owner)
    return Redirect(f"{visit.base}/keys", note="key.revoked")


def _owner(visit: Visit) -> str | None:
    """Whose keys this person sees: their own, or everybody's."""
    return None if visit.may(Permission.MANAGE_TENANT) else visit.signed.user_id


def _page(visit: Visit, *, refusal: str = "", status: int = 200) -> Page:
    owner = _owner(visit)
    cursor = visit.query.get("cursor")
    page = credentials.listing(visit.tenant_id, owner, limit=_PER_PAGE, cursor=cursor)
    values = {
        "keys": [(key, _state(visit, key.revoked_at is not None, key.expires_at)) for key in page.rows],
        "cursor": page.next_cursor,
        "paged": cursor is not None,
        "scopes": list(Scope),
        "lifetimes": LIFETIMES,
        "for_tenant": owner is None,
        "refusal": refusal,
        "given": visit.form,
    }
    return Page("people/keys.html", values, status)


def _state(visit: Visit, revoked: bool, expires_at: datetime | None) -> str:
    if revoked:
        return "revoked"
    return "over" if expires_at is not None and expires_at <= visit.now else "in force"
