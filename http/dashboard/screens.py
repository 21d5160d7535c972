"""The frame around every page: is the form its sender's own, and an HTML answer whatever goes wrong.

A page is a function from a ``Visit`` to a ``Page`` or a ``Redirect``. It never touches request or response, so
that headers, cookies and errors are handled in this one place; who may come in, the gate decides before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import falcon

from ...engine.access.roles import Permission
from ...engine.core import Core
from ...engine.errors import CallerError, NotAuthentic
from ...engine.services.people import sessions
from ...engine.services.people.devices import NOWHERE, Client
from ...engine.services.people.sessions import Signed
from ...engine.services.traffic import pausing
from ..gate import Known, signed_in
from ..problems import Face
from . import forms, notes, numbers
from .answers import Page, Redirect, send_error, send_page, send_redirect
from .desk import Desk


@dataclass(frozen=True, slots=True)
class Visit:
    """A signed-in person asks for a page. ``path`` holds the parts of the address that vary."""

    core: Core
    signed: Signed
    now: datetime
    base: str
    public_url: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    client: Client = NOWHERE
    form: forms.Form = field(default_factory=dict)
    back: str = ""

    @property
    def tenant_id(self) -> str:
        """The data controller whose pages these are."""
        return self.signed.tenant_id

    def may(self, permission: Permission) -> bool:
        """Whether to offer what takes this permission."""
        return self.signed.may(permission)


PageFunction = Callable[[Visit], Page | Redirect]
Responder = Callable[..., None]


@dataclass(frozen=True, slots=True)
class Way:
    """A page, and the permission that opens it."""

    page: PageFunction
    permission: Permission


class Screen:
    """One address for people who are signed in: ``get`` shows a page, ``post`` does what a form asks for."""

    on_get: Responder
    on_head: Responder
    on_post: Responder

    def __init__(self, desk: Desk, *, get: Way | None = None, post: Way | None = None) -> None:
        self._desk = desk
        self.rules = {
            method: signed_in(way.permission) for method, way in (("GET", get), ("POST", post)) if way
        }
        if get is not None:
            self.on_get = self.on_head = partial(self._show, get.page)
        if post is not None:
            self.on_post = partial(self._act, post.page)

    def _show(self, page: PageFunction, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        desk = self._desk.at(req)
        self._answer(desk, req, resp, page, self._visit(desk, req, path, {}))

    def _act(self, page: PageFunction, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        desk, signed = self._desk.at(req), req.context.caller
        forms.require_own_origin(desk, req)
        form = forms.read(req)
        forms.require_token(form, signed.csrf)
        self._answer(desk, req, resp, page, self._visit(desk, req, path, form))

    def _answer(
        self, desk: Desk, req: falcon.Request, resp: falcon.Response, page: PageFunction, visit: Visit
    ) -> None:
        answer = page(visit)
        if isinstance(answer, Redirect):
            send_redirect(desk, resp, answer)
        else:
            values = self._framed(desk, req, resp, visit, answer)
            send_page(desk, resp, Page(answer.template, values, answer.status))

    def _framed(
        self, desk: Desk, req: falcon.Request, resp: falcon.Response, visit: Visit, page: Page
    ) -> Mapping[str, object]:
        """The page's values with those of the frame around it; takes the note of what was just done."""
        code = req.cookies.get(desk.note_cookie, "")
        if code:
            desk.drop_cookie(resp, desk.note_cookie)
        frame: dict[str, Any] = {
            "now": visit.now,
            "signed": visit.signed,
            "may": visit.may,
            "may_act": visit.may(Permission.ACT),
            "badges": numbers.badges(visit.tenant_id, visit.now),
            "paused_at": pausing.since(visit.tenant_id),
            "note": notes.NOTES.get(code),
            "here": _outside(desk, req),
        }
        return {**frame, **page.values}

    def _visit(self, desk: Desk, req: falcon.Request, path: Mapping[str, str], form: forms.Form) -> Visit:
        return Visit(
            core=desk.core,
            signed=req.context.caller,
            now=desk.core.clock(),
            base=desk.base,
            public_url=desk.public_url,
            path=path,
            query={
                name: value if isinstance(value, str) else value[-1] for name, value in req.params.items()
            },
            client=desk.client(req),
            form=form,
            back=forms.safe_next(desk, form.get("back")),
        )


def session_of(desk: Desk, req: falcon.Request) -> Signed | None:
    """The person behind the session cookie, if there is one."""
    token = req.cookies.get(desk.session_cookie)
    return sessions.find(desk.core, token) if token else None


def session_door(desk: Desk) -> Known:
    """The gate's door for people who signed in."""

    def known(req: falcon.Request) -> Signed:
        with desk.core.store.reachable():
            signed = session_of(desk, req)
        if signed is None:
            raise SignInNeeded("sign in first")
        return signed

    return known


class SignInNeeded(NotAuthentic):
    """Raised when a page is asked for by somebody who isn't signed in (any more)."""


def face(desk: Desk) -> Face:
    """How errors below ``/dashboard`` look."""

    def show(req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
        here = desk.at(req)
        if isinstance(error, SignInNeeded):
            wanted = _outside(here, req) if req.method in ("GET", "HEAD") else _back(req)
            send_redirect(here, resp, Redirect(sign_in_path(here, wanted)))
        else:
            send_error(here, req, resp, error)

    return show


def _back(req: falcon.Request) -> str | None:
    """Where the form of somebody whose session is over was to lead back to."""
    try:
        return forms.read(req).get("back")
    except CallerError:
        return None


def _outside(desk: Desk, req: falcon.Request) -> str:
    """The address as a browser sees it: behind a proxy it may begin with a prefix of its own."""
    query = f"?{req.query_string}" if req.query_string else ""
    return f"{desk.base.removesuffix('/dashboard')}{req.path}{query}"


def sign_in_path(desk: Desk, wanted: str | None) -> str:
    """The sign-in page, and where to go afterwards."""
    path = forms.safe_next(desk, wanted)
    query = "" if path == f"{desk.base}/" else f"?next={falcon.uri.encode_value(path)}"
    return f"{desk.base}/sign-in{query}"
