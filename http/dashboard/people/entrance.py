"""The way in: password first, then the second factor of whoever has one.

The rule: whoever comes in gets a new token. A cookie that was there before opens what it opened, and never
becomes somebody else's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import falcon

from ....engine.errors import Invalid, NotAuthentic
from ....engine.services.people import devices, second_factor, session_rows, sessions
from ....engine.services.people.second_factor import Pending
from .. import forms, notes
from ..answers import Page, Redirect, send_page, send_redirect
from ..desk import Desk
from ..screens import session_of, sign_in_path


@dataclass(frozen=True, slots=True)
class SignIn:
    """``/dashboard/sign-in``: the one form that needs no session."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The form; who is signed in already goes on."""
        replace(self, desk=self.desk.at(req))._form(req, resp)

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Check, open a session or half of one, go on."""
        replace(self, desk=self.desk.at(req))._enter(req, resp)

    def _form(self, req: falcon.Request, resp: falcon.Response) -> None:
        following = forms.safe_next(self.desk, req.get_param("next"))
        if session_of(self.desk, req) is not None:
            return send_redirect(self.desk, resp, Redirect(following))
        code = req.cookies.get(self.desk.note_cookie, "")
        if code:
            self.desk.drop_cookie(resp, self.desk.note_cookie)
        return send_page(self.desk, resp, self._page(following, note=notes.NOTES.get(code)))

    def _enter(self, req: falcon.Request, resp: falcon.Response) -> None:
        forms.require_own_origin(self.desk, req)
        form, desk = forms.read(req), self.desk
        following, email = forms.safe_next(desk, form.get("next")), form.get("email", "")
        try:
            token = sessions.sign_in(desk.core, email, form.get("password", ""), desk.client(req))
        except (
            NotAuthentic
        ):  # 403: a 401 would have to name a scheme that browsers ask for in a box of their own
            page = self._page(following, email=email, refused=True, status=403)
            return send_page(desk, resp, page)
        if second_factor.pending(desk.core, token) is None:
            return let_in(desk, req, resp, token, following)
        desk.set_cookie(resp, desk.pending_cookie, token, int(session_rows.HALF_OPEN.total_seconds()))
        return send_redirect(desk, resp, Redirect(_second_page(desk, following)))

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
        return Page("people/sign_in.html", values, status)


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """``/dashboard/second-factor``: asks for the code of whoever has shown their password."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The form; nobody's goes back to the sign-in page."""
        desk = self.desk.at(req)
        following = forms.safe_next(desk, req.get_param("next"))
        waiting = _pending(desk, req)
        if waiting is None:
            return send_redirect(desk, resp, Redirect(sign_in_path(desk, following)))
        return send_page(desk, resp, _code_page(desk, waiting, following))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Check the code, open the session, go on."""
        desk = self.desk.at(req)
        forms.require_own_origin(desk, req)
        form = forms.read(req)
        following, waiting = forms.safe_next(desk, form.get("next")), _pending(desk, req)
        if waiting is None:
            return _begin_anew(desk, resp, following)
        forms.require_token(form, waiting.csrf)
        try:
            token = second_factor.enter(desk.core, waiting, form.get("code", ""), desk.client(req))
        except Invalid as error:
            return send_page(desk, resp, _code_page(desk, waiting, following, error.detail))
        except NotAuthentic:
            return _begin_anew(desk, resp, following)
        desk.drop_cookie(resp, desk.pending_cookie)
        return let_in(desk, req, resp, token, following)


def let_in(
    desk: Desk, req: falcon.Request, resp: falcon.Response, token: str, following: str, note: str = ""
) -> None:
    """Hand out the session, end the one before, and know the browser next time."""
    previous, signed = session_of(desk, req), sessions.find(desk.core, token)
    if previous is not None:
        sessions.sign_out(desk.core, previous)
    if signed is not None:
        device = devices.cookie_for(desk.core, signed.user_id, req.cookies.get(desk.device_cookie, ""))
        desk.set_cookie(resp, desk.device_cookie, device, int(devices.LIFETIME.total_seconds()))
    send_redirect(desk, resp, Redirect(following, note=note, session=token))


def _pending(desk: Desk, req: falcon.Request) -> Pending | None:
    token = req.cookies.get(desk.pending_cookie)
    with desk.core.store.reachable():
        return second_factor.pending(desk.core, token) if token else None


def _second_page(desk: Desk, following: str) -> str:
    query = "" if following == f"{desk.base}/" else f"?next={falcon.uri.encode_value(following)}"
    return f"{desk.base}/second-factor{query}"


def _begin_anew(desk: Desk, resp: falcon.Response, following: str) -> None:
    desk.drop_cookie(resp, desk.pending_cookie)
    send_redirect(desk, resp, Redirect(sign_in_path(desk, following), note="second_factor.over"))


def _code_page(desk: Desk, waiting: Pending, following: str, wrong: str = "") -> Page:
    values = {"now": desk.core.clock(), "next": following, "waiting": waiting, "wrong": wrong}
    return Page("people/second_factor.html", values, 403 if wrong else 200)
