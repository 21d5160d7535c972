"""One's own account: who one is, where one belongs, the password, and the sessions that are open."""

from __future__ import annotations

from ....engine.access import members
from ....engine.access.roles import Permission
from ....engine.errors import Invalid
from ....engine.services.people import second_factor, sessions, users
from ....engine.store import models
from ..answers import Page, Redirect
from ..desk import Desk
from ..screens import Screen, Visit, Way


def screens(shared: Desk) -> dict[str, Screen]:
    """Everybody's own account."""
    own = Permission.OWN_ACCOUNT
    return {
        "/account": Screen(shared, get=Way(show, own)),
        "/account/switch": Screen(shared, post=Way(switch, own)),
        "/account/end-session": Screen(shared, post=Way(end_session, own)),
        "/account/end-others": Screen(shared, post=Way(end_others, own)),
        "/password": Screen(shared, get=Way(password, own), post=Way(choose_password, own)),
        "/sign-out": Screen(shared, post=Way(sign_out, own)),
    }


def show(visit: Visit) -> Page:
    """The account as its owner sees it; to whom a data controller's provider let in, only what is there."""
    signed, user_id = visit.signed, visit.signed.user_id
    own = signed.method != sessions.OIDC
    values = {
        "email": users.email_of(visit.core, models.User.get_by_id(user_id)),
        "own": own,
        "factor": second_factor.state(user_id),
        "places": members.places(user_id) if own else [],
        "sessions": sessions.listing(visit.core, user_id, None if own else signed.tenant_id),
    }
    return Page("people/account.html", values)


def switch(visit: Visit) -> Redirect:
    """Go on at another data controller."""
    token = sessions.switch(visit.core, visit.signed, visit.form.get("tenant", ""))
    return Redirect(f"{visit.base}/", note="switched", session=token)


def end_session(visit: Visit) -> Redirect:
    """End one session; whoever ends this one is signed out."""
    ended = visit.form.get("session", "")
    sessions.revoke(visit.core, visit.signed, ended)
    if ended == visit.signed.id:
        return Redirect(f"{visit.base}/sign-in", note="signed.out", leave=True)
    return Redirect(f"{visit.base}/account", note="session.ended")


def end_others(visit: Visit) -> Redirect:
    """End every session but this one."""
    sessions.revoke_others(visit.core, visit.signed)
    return Redirect(f"{visit.base}/account", note="sessions.ended")


def sign_out(visit: Visit) -> Page | Redirect:
    """End the session. Who has no password yet is asked first: their one-time password is used up."""
    if visit.signed.lacks_password and visit.form.get("sure") != "yes":
        return Page("people/sign_out.html", {})
    sessions.sign_out(visit.core, visit.signed)
    return Redirect(f"{visit.base}/sign-in", note="signed.out", leave=True)


def password(visit: Visit) -> Page:
    """The form to choose a password."""
    visit.signed.require_own_proof()
    return _password_page(visit)


def choose_password(visit: Visit) -> Page | Redirect:
    """Put the chosen password in force; other sessions end."""
    visit.signed.require_own_proof()
    given = visit.form.get("password", "")
    try:
        if given != visit.form.get("again", ""):
            raise Invalid("again", "is not the same as the new password")
        users.set_password(
            visit.core,
            visit.tenant_id,
            visit.signed.user_id,
            given,
            current=visit.form.get("current"),
            keep=visit.signed.token_hash,
            client=visit.client,
        )
    except Invalid as error:
        return _password_page(visit, error)
    return Redirect(f"{visit.base}/", note="password.chosen")


def _password_page(visit: Visit, error: Invalid | None = None) -> Page:
    user = models.User.get_by_id(visit.signed.user_id)
    errors = {error.field: error.detail} if error else {}
    values = {"email": users.email_of(visit.core, user), "errors": errors}
    return Page("people/password.html", values, 422 if error else 200)
