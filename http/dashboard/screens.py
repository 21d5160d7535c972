"""The frame around every page: who is asking, is the form theirs, and an HTML answer whatever goes wrong.

A page is a function from a ``Visit`` to a ``Page`` or a ``Redirect``. It never touches request or response, so
that headers, cookies, sessions and errors are handled in this one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NoReturn

import falcon

from ...engine.core import Core
from ...engine.services import sessions
from ...engine.services.roles import Permission
from ...engine.services.sessions import Signed
from . import forms, numbers, words
from .answers import Page, Redirect, guarded, send_page, send_redirect
from .desk import Desk


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in person asks for a page. ``path`` holds the parts of the address that vary."""

    core: Core
    signed: Signed
    now: datetime
    base: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: forms.Form = field(default_factory=dict)
    back: str = ""

    @property
    def tenant_id(self) -> str:
        """The data controller whose pages these are."""
        return self.signed.tenant_id

    def may_act(self) -> bool:
        """Whether to offer what changes something."""
        return self.signed.may(Permission.ACT)


PageFunction = Callable[[Visit], Page | Redirect]


@dataclass(frozen=True, slots=True)
class Screen:
    """One address for people who are signed in."""

    desk: Desk
    get: PageFunction | None = None
    post: PageFunction | None = None

    def on_get(self, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        """Show the page."""
        here = self._at(req)
        guarded(here.desk, req, resp, lambda: here._show(req, resp, path))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        """Do what the form asks for."""
        here = self._at(req)
        guarded(here.desk, req, resp, lambda: here._act(req, resp, path))

    def on_other(self, req: falcon.Request, resp: falcon.Response, **_: str) -> None:
        """PUT, PATCH and DELETE have no page."""
        guarded(self.desk.at(req), req, resp, self._refuse)

    on_put = on_patch = on_delete = on_other

    def _at(self, req: falcon.Request) -> Screen:
        """This screen with the desk that this request's browser sees."""
        return replace(self, desk=self.desk.at(req))

    def _show(self, req: falcon.Request, resp: falcon.Response, path: Mapping[str, str]) -> None:
        page, signed = self.get or self._refuse(), signed_in(self.desk, req)
        if signed is None:
            return send_redirect(self.desk, resp, Redirect(sign_in_path(self.desk, self._outside(req))))
        return self._answer(req, resp, page, self._visit(req, signed, path))

    def _act(self, req: falcon.Request, resp: falcon.Response, path: Mapping[str, str]) -> None:
        page = self.post or self._refuse()
        forms.require_own_origin(self.desk, req)
        form, signed = forms.read(req), signed_in(self.desk, req)
        if signed is None:
            return send_redirect(self.desk, resp, Redirect(sign_in_path(self.desk, form.get("back"))))
        forms.require_token(form, signed.csrf)
        return self._answer(req, resp, page, self._visit(req, signed, path, form))

    def _answer(self, req: falcon.Request, resp: falcon.Response, page: PageFunction, visit: Visit) -> None:
        answer = page(visit)
        if isinstance(answer, Redirect):
            send_redirect(self.desk, resp, answer)
        else:
            send_page(
                self.desk, resp, Page(answer.template, self._framed(req, resp, visit, answer), answer.status)
            )

    def _framed(
        self, req: falcon.Request, resp: falcon.Response, visit: Visit, page: Page
    ) -> Mapping[str, object]:
        """The page's values with those of the frame around it; takes the note of what was just done."""
        code = req.cookies.get(self.desk.note_cookie, "")
        if code:
            self.desk.drop_cookie(resp, self.desk.note_cookie)
        frame: dict[str, Any] = {
            "now": visit.now,
            "signed": visit.signed,
            "may_act": visit.may_act(),
            "badges": numbers.badges(visit.tenant_id),
            "note": words.NOTES.get(code),
            "here": self._outside(req),
        }
        return {**frame, **page.values}

    def _visit(
        self, req: falcon.Request, signed: Signed, path: Mapping[str, str], form: forms.Form | None = None
    ) -> Visit:
        core = self.desk.core
        given = form or {}
        return Visit(
            core=core,
            signed=signed,
            now=core.clock(),
            base=self.desk.base,
            path=path,
            query={
                name: value if isinstance(value, str) else value[-1] for name, value in req.params.items()
            },
            form=given,
            back=forms.safe_next(self.desk, given.get("back")),
        )

    def _outside(self, req: falcon.Request) -> str:
        """The address as a browser sees it: behind a proxy it may begin with a prefix of its own."""
        query = f"?{req.query_string}" if req.query_string else ""
        return f"{self.desk.base.removesuffix('/dashboard')}{req.path}{query}"

    def _refuse(self) -> NoReturn:
        allowed = [name for name, page in (("GET", self.get), ("POST", self.post)) if page is not None]
        raise falcon.HTTPMethodNotAllowed(allowed)


def signed_in(desk: Desk, req: falcon.Request) -> Signed | None:
    """The person behind the session cookie, if there is one."""
    token = req.cookies.get(desk.session_cookie)
    return sessions.find(desk.core, token) if token else None


def sign_in_path(desk: Desk, wanted: str | None) -> str:
    """The sign-in page, and where to go afterwards."""
    path = forms.safe_next(desk, wanted)
    query = "" if path == f"{desk.base}/" else f"?next={falcon.uri.encode_value(path)}"
    return f"{desk.base}/sign-in{query}"
