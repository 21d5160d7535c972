"""Whoever reads the log: somebody who is signed in, or an auditor who came by a link. The pages are the same.

A page of the log is a function of a ``Reader``. ``member`` makes it a page of the dashboard, ``AuditorScreen``
one of the auditor's; they differ in the frame around it, and in that an auditor never sees more than the log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import falcon

from ....engine.access.roles import Permission
from ....engine.core import Core
from ....engine.errors import NotFound
from ....engine.services.audit.auditor_links import Auditor
from ....engine.services.people.sessions import Signed
from ...gate import by_link
from .. import forms
from ..answers import Page, Redirect, send_page, send_redirect
from ..desk import Desk
from ..screens import PageFunction, Visit

_DIGITS = 15
"""Of the largest index that a browser counts exactly, and far beyond any log."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Asks for a page of the log. ``place`` is where its pages begin, ``inside`` whether they are signed in."""

    core: Core
    who: Signed | Auditor
    now: datetime
    base: str
    place: str
    inside: bool
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: forms.Form

    @property
    def tenant_id(self) -> str:
        """Whose log it is."""
        return self.who.tenant_id

    def may(self, permission: Permission) -> bool:
        """Whether to offer what takes this permission."""
        return self.who.may(permission)


ReaderPage = Callable[[Reader], Page | Redirect]


def member(page: ReaderPage) -> PageFunction:
    """A page of the log as one of the dashboard."""

    def show(visit: Visit) -> Page | Redirect:
        reader = Reader(
            core=visit.core,
            who=visit.signed,
            now=visit.now,
            base=visit.base,
            place=f"{visit.base}/audit",
            inside=True,
            path=visit.path,
            query=visit.query,
            form=visit.form,
        )
        return _framed(reader, page(reader), "app.html")

    return show


class AuditorScreen:
    """A page of the log for those who came by a link."""

    def __init__(self, desk: Desk, *, get: ReaderPage, post: ReaderPage | None = None) -> None:
        self._desk = desk
        self.rules = {"GET": by_link(Permission.LOOK)}
        self.on_get = self.on_head = partial(self._show, get)
        if post is not None:
            self.rules["POST"] = by_link(Permission.LOOK)
            self.on_post = partial(self._act, post)

    def _show(self, page: ReaderPage, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        self._answer(self._desk.at(req), req, resp, page, path, {})

    def _act(self, page: ReaderPage, req: falcon.Request, resp: falcon.Response, **path: str) -> None:
        desk = self._desk.at(req)
        forms.require_own_origin(desk, req)
        form = forms.read(req)
        forms.require_token(form, req.context.caller.csrf)
        self._answer(desk, req, resp, page, path, form)

    def _answer(
        self,
        desk: Desk,
        req: falcon.Request,
        resp: falcon.Response,
        page: ReaderPage,
        path: Mapping[str, str],
        form: forms.Form,
    ) -> None:
        reader = Reader(
            core=desk.core,
            who=req.context.caller,
            now=desk.core.clock(),
            base=desk.base,
            place=f"{desk.base}/auditor",
            inside=False,
            path=path,
            query={name: one if isinstance(one, str) else one[-1] for name, one in req.params.items()},
            form=form,
        )
        answer = _framed(reader, page(reader), "audit/auditor.html")
        if isinstance(answer, Redirect):
            send_redirect(desk, resp, answer)
        else:
            values = {"now": reader.now, "signed": reader.who, **answer.values}
            send_page(desk, resp, Page(answer.template, values, answer.status))


def index_of(text: str | None) -> int | None:
    """A whole number as an address or a form gives it; None for anything else."""
    good = text and text.isascii() and text.isdigit() and len(text) <= _DIGITS
    return int(text) if text and good else None


def index_in(path: Mapping[str, str]) -> int:
    """The entry that an address names. Raises NotFound."""
    index = index_of(path["index"])
    if index is None:
        raise NotFound("the log has no such entry")
    return index


def _framed(reader: Reader, answer: Page | Redirect, frame: str) -> Page | Redirect:
    if isinstance(answer, Redirect):
        return answer
    values = {"frame": frame, "place": reader.place, "inside": reader.inside, **answer.values}
    return Page(answer.template, values, answer.status)
