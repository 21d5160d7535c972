"""Signing in and out, and choosing a password."""

from __future__ import annotations

from dataclasses import dataclass, replace

import falcon

from ...engine.errors import Invalid, NotAuthentic
from ...engine.services import sessions, users
from ...engine.store import models
from . import forms, words
from .answers import Page, Redirect, guarded, send_page, send_redirect
from .desk import Desk
from .screens import Visit, signed_in


@dataclass(frozen=True, slots=True)
class SignIn:
    """``/dashboard/sign-in``: the one form that needs no session."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The form; who is signed in already goes on."""
        here = replace(self, desk=self.desk.at(req))
        guarded(here.desk, req, resp, lambda: here._form(req, resp))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Check, open a session, go on."""
        here = replace(self, desk=self.desk.at(req))
        guarded(here.desk, req, resp, lambda: here._enter(req, resp))

    def _form(self, req: falcon.Request, resp: falcon.Response) -> None:
        following = forms.safe_next(self.desk, req.get_param("next"))
        if signed_in(self.desk, req) is not None:
            return send_redirect(self.desk, resp, Redirect(following))
        code = req.cookies.get(self.desk.note_cookie, "")
        if code:
            self.desk.drop_cookie(resp, self.desk.note_cookie)
        return send_page(self.desk, resp, self._page(following, note=words.NOTES.get(code)))

    def _enter(self, req: falcon.Request, resp: falcon.Response) -> None:
        forms.require_own_origin(self.desk, req)
        form, core = forms.read(req), self.desk.core
        following = forms.safe_next(self.desk, form.get("next"))
        try:
            token = sessions.sign_in(core, form.get("email", ""), form.get("password", ""))
        except (
            NotAuthentic
        ):  # 403: a 401 would have to name a scheme that browsers ask for in a box of their own
            page = self._page(following, email=form.get("email", ""), refused=True, status=403)
            return send_page(self.desk, resp, page)
        previous = signed_in(self.desk, req)
        if previous is not None:
            sessions.sign_out(core, previous)
        seconds = int(sessions.LIFETIME.total_seconds())
        self.desk.set_cookie(resp, self.desk.session_cookie, token, seconds)
        return send_redirect(self.desk, resp, Redirect(following))

    def _page(
        self,
        following: str,
        *,
        email: str = "",
        refused: bool = False,
        note: str | None = None,
        status: int = 200,
    ) -> Page:
        values = {
            "now": self.desk.core.clock(),
            "next": following,
            "email": email,
            "refused": refused,
            "note": note,
        }
        return Page("sign_in.html", values, status)


def sign_out(visit: Visit) -> Page | Redirect:
    """End the session. Who has no password yet is asked first: their one-time password is used up."""
    if not visit.signed.has_password and visit.form.get("sure") != "yes":
        return Page("sign_out.html", {})
    sessions.sign_out(visit.core, visit.signed)
    return Redirect(f"{visit.base}/sign-in", note="signed.out", leave=True)


def password(visit: Visit) -> Page:
    """The form to choose a password."""
    return _password_page(visit)


def choose_password(visit: Visit) -> Page | Redirect:
    """Put the chosen password in force; other sessions end."""
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
        )
    except Invalid as error:
        return _password_page(visit, error)
    return Redirect(f"{visit.base}/", note="password.chosen")


def _password_page(visit: Visit, error: Invalid | None = None) -> Page:
    user = models.User.get_by_id(visit.signed.user_id)
    errors = {error.field: error.detail} if error else {}
    values = {"email": users.email_of(visit.core, user), "errors": errors}
    return Page("password.html", values, 422 if error else 200)
