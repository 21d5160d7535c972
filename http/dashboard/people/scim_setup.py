"""SCIM: how a data controller's directory is connected, and what it did here so far."""

from __future__ import annotations

from datetime import timedelta

from ....engine.access.roles import Permission, Role, Scope
from ....engine.errors import Forbidden, Invalid
from ....engine.services.people import credentials, scim_state
from ...scim import BASE
from .. import words
from ..answers import Page
from ..desk import Desk
from ..screens import Screen, Visit, Way
from .keys import LIFETIMES


def screens(shared: Desk) -> dict[str, Screen]:
    """Who works here, as a directory says."""
    manage = Permission.MANAGE_TENANT
    return {"/people/scim": Screen(shared, get=Way(show, manage), post=Way(make_key, manage))}


def show(visit: Visit) -> Page:
    """The address, the keys, the groups."""
    return _page(visit)


def make_key(visit: Visit) -> Page:
    """A key of the data controller that can do nothing else; it is on the page that follows alone."""
    form = visit.form
    try:
        if form.get("lifetime") not in LIFETIMES:
            raise Invalid("lifetime", f"must be one of {', '.join(LIFETIMES)}")
        days = LIFETIMES[form["lifetime"]]
        row, secret = credentials.create_key(
            visit.core,
            visit.tenant_id,
            form.get("name", ""),
            [Scope.SCIM.value],
            visit.signed.actor,
            expires_at=None if days is None else visit.now + timedelta(days=days),
            reach=visit.signed.reach,
        )
    except (Invalid, Forbidden) as error:
        return _page(visit, error)
    return Page("people/scim_key.html", {"key": row, "secret": secret, "address": visit.public_url + BASE})


def _page(visit: Visit, error: Invalid | Forbidden | None = None) -> Page:
    values = {
        "address": visit.public_url + BASE,
        "state": scim_state.state(visit.tenant_id, visit.now),
        "most": scim_state.MOST,
        "lifetimes": LIFETIMES,
        "roles": [role for role in Role if role != Role.OWNER],
        "refusal": words.sentence(str(error)) if error else "",
        "given": visit.form,
    }
    return Page("people/scim_setup.html", values, error.status if error else 200)
