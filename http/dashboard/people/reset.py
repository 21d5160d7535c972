"""A forgotten password: asking for a link, and choosing another password by it. Nobody is signed in here.

The token stands in the fragment of the link, which browsers keep to themselves; a small script puts it into its
field. Without scripts it is copied from the mail. So it is in no address that any server or log sees.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import falcon

from ....engine.errors import Invalid, NotFound, TooManyAttempts
from ....engine.services.people import password_resets
from ...gate import Gate, open_to_all
from .. import forms, words
from ..answers import Page, Redirect, send_page, send_redirect
from ..desk import Desk
from .open_form import OpenForm


def install(app: falcon.App[Any, Any], gate: Gate, shared: Desk) -> None:
    """Add both addresses."""
    asked = open_to_all("whoever forgot their password can't sign in; what is mailed goes to its owner alone")
    gate.add(app, "/dashboard/forgot-password", OpenForm(shared, _forgotten, _ask), asked)
    chosen = OpenForm(shared, _form, _choose)
    gate.add(app, "/dashboard/reset-password", chosen, open_to_all("its token is the credential"))


def _ask(desk: Desk, req: falcon.Request, resp: falcon.Response, form: forms.Form) -> None:
    """The same answer whether or not somebody has this address."""
    try:
        if password_resets.can_mail(desk.core):
            password_resets.ask(desk.core, form.get("email", ""), desk.client(req))
    except TooManyAttempts as error:
        send_page(desk, resp, _forgotten(desk, until=error.until))
        return resp.set_header("Retry-After", str(error.seconds))
    return send_page(desk, resp, _forgotten(desk, sent=True))


def _choose(desk: Desk, _: falcon.Request, resp: falcon.Response, form: forms.Form) -> None:
    """Put the password in force; the next thing is to sign in with it."""
    token, given = form.get("token", "").strip(), form.get("password", "")
    try:
        email = password_resets.check(desk.core, token)
        if given != form.get("again", ""):
            return send_page(desk, resp, _form(desk, token, email, _differ()))
        password_resets.use(desk.core, token, given)
    except NotFound as error:
        return send_page(desk, resp, _form(desk, refusal=words.sentence(str(error))))
    except Invalid as error:
        return send_page(desk, resp, _form(desk, token, email, error))
    return send_redirect(desk, resp, Redirect(f"{desk.base}/sign-in", note="password.reset", leave=True))


def _differ() -> Invalid:
    return Invalid("again", "is not the same as the new password")


def _forgotten(desk: Desk, *, sent: bool = False, until: datetime | None = None) -> Page:
    """Asks for the address; where no mail is sent, says who helps."""
    mails = password_resets.can_mail(desk.core)
    values = {"now": desk.core.clock(), "sent": sent and mails, "mails": mails, "until": until}
    return Page("people/forgot_password.html", values, 200 if until is None else 429)


def _form(
    desk: Desk, token: str = "", email: str = "", error: Invalid | None = None, *, refusal: str = ""
) -> Page:
    values = {
        "now": desk.core.clock(),
        "token": token,
        "email": email,
        "errors": {error.field: error.detail} if error else {},
        "refusal": refusal,
    }
    return Page("people/reset_password.html", values, 422 if error else 404 if refusal else 200)
