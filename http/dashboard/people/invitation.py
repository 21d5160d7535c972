"""Accepting an invitation: its token is typed in, so that it stands in no address and no log.

Somebody new chooses a password. Somebody who has an account signs in first: a token alone opens no account.
"""

from __future__ import annotations

from typing import Any

import falcon

from ....engine.errors import CallerError, Forbidden, Invalid, NotFound
from ....engine.identity import normalise
from ....engine.services.people import invitations, sessions, users
from ....engine.services.people.invitations import Offer
from ....engine.services.people.sessions import Signed
from ....engine.store import models, scope
from ...gate import Gate, open_to_all
from .. import forms, words
from ..answers import Page, Redirect, send_page, send_redirect
from ..desk import Desk
from ..screens import session_of
from .entrance import let_in
from .open_form import OpenForm


def install(app: falcon.App[Any, Any], gate: Gate, shared: Desk) -> None:
    """Add the address."""
    accepting = OpenForm(shared, _form, _accept)
    gate.add(app, "/dashboard/invitation", accepting, open_to_all("its token is the credential"))


def _accept(desk: Desk, req: falcon.Request, resp: falcon.Response, form: forms.Form) -> None:
    """Shows what is offered, then accepts it."""
    token, signed = form.get("token", ""), session_of(desk, req)
    try:
        offer = invitations.offer(desk.core, token)
        if signed is not None:
            return _as_oneself(desk, resp, form, offer, signed)
        if offer.known or "password" not in form:
            return send_page(desk, resp, _offered(desk, offer, token))
        return _as_somebody_new(desk, req, resp, form, offer)
    except NotFound as error:
        return send_page(desk, resp, _form(desk, words.sentence(str(error)), error.status))


def _as_somebody_new(
    desk: Desk, req: falcon.Request, resp: falcon.Response, form: forms.Form, offer: Offer
) -> None:
    token, given = form.get("token", ""), form["password"]
    try:
        if given != form.get("again", ""):
            raise Invalid("again", "is not the same as the password")
        made = invitations.accept_new(desk.core, token, password=given)
    except Invalid as error:
        return send_page(desk, resp, _offered(desk, offer, token, {error.field: error.detail}))
    with scope.of(made.tenant.id):
        session = sessions.open_for(desk.core, made.user.id, made.tenant.id, "password", desk.client(req))
    return let_in(desk, req, resp, session, f"{desk.base}/", note="invitation.accepted")


def _as_oneself(desk: Desk, resp: falcon.Response, form: forms.Form, offer: Offer, signed: Signed) -> None:
    user = models.User.get_by_id(signed.user_id)
    try:
        signed.require_own_proof()
        if normalise.email(users.email_of(desk.core, user)) != offer.email:
            raise Forbidden("this invitation is for another address than yours; sign out first")
        if form.get("accept") != "yes":
            return send_page(desk, resp, _offered(desk, offer, form.get("token", ""), signed=signed))
        forms.require_token(form, signed.csrf)
        made = invitations.accept_as(desk.core, form.get("token", ""), user)
        token = sessions.switch(desk.core, signed, made.tenant.id)
    except CallerError as error:
        return send_page(desk, resp, _form(desk, words.sentence(str(error)), error.status))
    return send_redirect(desk, resp, Redirect(f"{desk.base}/", note="invitation.accepted", session=token))


def _form(desk: Desk, refusal: str = "", status: int = 200) -> Page:
    """Asks for the token."""
    return Page("people/invitation.html", {"now": desk.core.clock(), "refusal": refusal}, status)


def _offered(
    desk: Desk,
    offer: Offer,
    token: str,
    errors: dict[str, str] | None = None,
    signed: Signed | None = None,
) -> Page:
    values = {
        "now": desk.core.clock(),
        "offer": offer,
        "token": token,
        "errors": errors or {},
        "signed": signed,
    }
    return Page("people/invitation_offer.html", values, 422 if errors else 200)
