"""Single sign-on: which provider a data controller's people sign in through, and what to register there."""

from __future__ import annotations

from ....engine.access.roles import Permission, Role
from ....engine.errors import DxflowError, Forbidden, Invalid, NotFound, TransientError
from ....engine.services.people import sso
from ....engine.store import models
from .. import words
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way
from . import people


def screens(shared: Desk) -> dict[str, Screen]:
    """Setting one takes an owner, because it can name anybody here; the rest whoever looks after the data
    controller. As on the command line."""
    manage = Permission.MANAGE_TENANT
    put = Way(put_in_force, Permission.APPOINT_OWNERS)
    return {
        "/people/sso": Screen(shared, get=Way(show, manage), post=put),
        "/people/sso/check": Screen(shared, post=Way(check, manage)),
        "/people/sso/disable": Screen(shared, post=Way(disable, manage)),
    }


def show(visit: Visit) -> Page:
    """The provider, and the addresses to hand out."""
    return _page(visit)


def put_in_force(visit: Visit) -> Page | Redirect:
    """Put a provider in force, once it has answered."""
    form = visit.form
    try:
        sso.set_provider(
            visit.core,
            visit.tenant_id,
            form.get("issuer", "").strip(),
            form.get("client_id", "").strip(),
            form.get("secret", "").strip(),
            form.get("role") or None,
            actor=visit.signed.actor,
            reach=visit.signed.reach,
        )
    except (Invalid, Forbidden, TransientError) as error:
        return _page(visit, error)
    return Redirect(f"{visit.base}/people/sso", note="sso.set")


def check(visit: Visit) -> Page | Redirect:
    """Whether the provider answers as it should at this moment."""
    try:
        sso.check(visit.core, visit.tenant_id)
    except (Invalid, TransientError) as error:
        return _page(visit, error)
    return Redirect(f"{visit.base}/people/sso", note="sso.answers")


def disable(visit: Visit) -> Redirect:
    """Nobody signs in through it any more."""
    sso.disable(visit.core, visit.tenant_id, actor=visit.signed.actor)
    return Redirect(f"{visit.base}/people/sso", note="sso.off")


def _page(visit: Visit, error: DxflowError | None = None) -> Page:
    at_field = isinstance(error, Invalid)
    values = {
        "provider": _provider(visit.tenant_id),
        "addresses": sso.addresses(visit.public_url, visit.tenant_id),
        "roles": [role for role in people.grantable(visit) if role != Role.OWNER],
        "errors": {error.field: words.sentence(f"it {error.detail}")} if isinstance(error, Invalid) else {},
        "refusal": words.sentence(str(error)) if error is not None and not at_field else "",
        "given": visit.form,
    }
    return Page("people/sso_setup.html", values, error.status if error else 200)


def _provider(tenant_id: str) -> models.SsoProvider | None:
    try:
        return sso.show(tenant_id)
    except NotFound:
        return None
