"""The way in for auditors: a link, a button, a cookie; and the way out.

The rule: following a link does nothing, since programs that look at mails follow links; pressing the button
does. The token stands behind the # of the link, so that no address has it which anybody logs: a script puts it
into the form, or the visitor pastes it. A link that opens nothing, unknown, taken back or over, is answered by
one and the same page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import falcon

from ....engine.access.roles import Permission
from ....engine.errors import Busy, CallerError, NotAuthentic, NotFound, TooManyAttempts
from ....engine.services.audit import auditor_links
from ....engine.services.audit.auditor_links import Auditor
from ...gate import Gate, Known, by_link, open_to_all
from ...problems import Face
from .. import forms, words
from ..answers import BUSY, Page, Redirect, send_error, send_page, send_redirect
from ..desk import Desk

BASE = "/dashboard/auditor"

_LONGEST = timedelta(hours=12)
"""How long a browser keeps the token; the link opens again for as long as it holds."""


_TITLES = {404: "That isn’t here"}


class LinkNeeded(NotAuthentic):
    """Raised when one of the auditor's pages is asked for without a link that opens it."""


@dataclass(frozen=True, slots=True)
class Entrance:
    """``/dashboard/auditor/link``."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """The button, whoever comes."""
        desk = self.desk.at(req)
        values = {"now": desk.core.clock(), "mark_of_token": auditor_links.MARK}
        send_page(desk, resp, Page("audit/auditor_entrance.html", values))
        resp.set_header("X-Robots-Tag", "noindex")

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Let in whom the token lets in. Raises LinkNeeded, TooManyAttempts."""
        desk = self.desk.at(req)
        forms.require_own_origin(desk, req)
        token = auditor_links.token_in(forms.read(req).get("token", ""))
        try:
            with desk.core.store.reachable():
                auditor = auditor_links.enter(desk.core, token, desk.client(req))
        except NotFound as error:
            raise LinkNeeded(str(error)) from None
        left = auditor.expires_at - desk.core.clock()
        desk.set_cookie(resp, desk.auditor_cookie, token, int(min(left, _LONGEST).total_seconds()))
        send_redirect(desk, resp, Redirect(f"{desk.base}/auditor"))


@dataclass(frozen=True, slots=True)
class Leaving:
    """``/dashboard/auditor/leave``: this browser forgets the link."""

    desk: Desk

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Forgotten. The link opens again."""
        desk = self.desk.at(req)
        forms.require_own_origin(desk, req)
        forms.require_token(forms.read(req), req.context.caller.csrf)
        desk.drop_cookie(resp, desk.auditor_cookie)
        _problem(
            desk, resp, "This browser has forgotten the link", "The link opens again for as long as it holds"
        )


def install(app: falcon.App[Any, Any], gate: Gate, shared: Desk) -> None:
    """Entrance, way out, and a page for every address here that has none."""
    entrance = open_to_all("the token of an auditor's link is the credential")
    gate.add(app, f"{BASE}/link", Entrance(shared), entrance)
    gate.add(app, f"{BASE}/leave", Leaving(shared), by_link(Permission.LOOK))
    app.add_sink(_nowhere, rf"{BASE}(?:/|$)")


def auditor_door(desk: Desk) -> Known:
    """The gate's door for auditors."""

    def known(req: falcon.Request) -> Auditor:
        token = req.cookies.get(desk.auditor_cookie)
        with desk.core.store.reachable():
            auditor = auditor_links.find(desk.core, token) if token else None
        if auditor is None:
            raise LinkNeeded("this link opens nothing")
        return auditor

    return known


def auditor_face(desk: Desk) -> Face:
    """How errors look to auditors: nothing leads to pages that aren't theirs."""

    def show(req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
        here = desk.at(req)
        if isinstance(error, LinkNeeded):
            send_page(here, resp, Page("audit/auditor_gone.html", {"now": here.core.clock()}, 404))
        elif isinstance(error, TooManyAttempts | Busy):
            title = BUSY if isinstance(error, Busy) else "Too many links that open nothing"
            _problem(here, resp, title, str(error), error.status)
            resp.set_header("Retry-After", str(error.seconds))
        elif isinstance(error, CallerError):
            _problem(here, resp, _TITLES.get(error.status, "That didn’t work"), str(error), error.status)
        else:
            send_error(here, req, resp, error)

    return show


def _problem(desk: Desk, resp: falcon.Response, title: str, detail: str, status: int = 200) -> None:
    values = {"now": desk.core.clock(), "title": title, "detail": words.sentence(detail)}
    send_page(desk, resp, Page("audit/auditor_problem.html", values, status))


def _nowhere(req: falcon.Request, resp: falcon.Response, **_: str) -> None:
    del req, resp
    raise NotFound("there is no such page")
