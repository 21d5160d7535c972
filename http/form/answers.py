"""How the form answers: pages under strict headers, in the reader's language, whatever goes wrong."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from http import HTTPStatus

import falcon
import structlog

from ...engine import runner
from ...engine.core import Core
from ...engine.desk.portal import Portal
from ...engine.errors import DxflowError, TooManyAttempts
from ...engine.rights.languages import LANGUAGES, preferred
from .. import prefix
from ..problems import Face
from .rendering import Renderer

logger = structlog.get_logger(__name__)

BASE = "/request"
_POLICY = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
_KINDS = {404: "missing", 429: "busy"}
_UNREADABLE = (400, 413, 422)
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Desk:
    """What all pages share; for each request in the language of its reader. ``framed_by`` are the origins that
    may show this answer in a frame."""

    core: Core
    renderer: Renderer
    public_url: str
    base: str = BASE
    language: str = LANGUAGES[0]
    embedded: bool = False
    framed_by: tuple[str, ...] = ()

    def at(
        self, req: falcon.Request, portal: Portal | None = None, form: Mapping[str, str] | None = None
    ) -> Desk:
        """The desk as this reader sees it: their language among those offered, the prefix, the frame."""
        offered = portal.languages if portal else LANGUAGES
        wanted = (form or {}).get("lang") or req.get_param("lang") or ""
        language = (
            wanted if wanted in offered else preferred(req.get_header("Accept-Language") or "", offered)
        )
        embedded = ((form or {}).get("embed") or req.get_param("embed")) == "1"
        framed_by = origins(portal.embed_origins) if portal and embedded else ()
        return replace(
            self,
            base=f"{prefix.of(req)}{BASE}",
            language=language,
            embedded=embedded,
            framed_by=framed_by,
        )

    def say(self, text: str, /, **values: object) -> str:
        """A text in the reader's language."""
        return self.renderer.texts[self.language](text, **values)


def origins(named: Sequence[str]) -> tuple[str, ...]:
    """Those that are origins; anything else could end the directive, or mean more than was wanted."""
    return tuple(one for one in named if _ORIGIN.fullmatch(one))


def send_page(
    desk: Desk, resp: falcon.Response, template: str, values: Mapping[str, object], status: int = 200
) -> None:
    """Render, and only then fill the response."""
    given = {"portal": None, "offered": (), "path": "", "embedded": desk.embedded, **values}
    text = desk.renderer.render(template, desk.base, desk.language, given)
    send_headers(desk, resp)
    resp.status = f"{status} {HTTPStatus(status).phrase}"
    resp.content_type = "text/html; charset=utf-8"
    resp.set_header("Content-Language", desk.language)
    resp.set_header("Vary", "Accept-Language")
    resp.text = text


def send_headers(desk: Desk, resp: falcon.Response) -> None:
    """No script, no cookie, nothing from elsewhere; in a frame only where the data controller's desk says."""
    ancestors = " ".join(desk.framed_by) or "'none'"
    resp.set_header("Content-Security-Policy", f"{_POLICY}frame-ancestors {ancestors}")
    resp.set_header("X-Content-Type-Options", "nosniff")
    resp.set_header("Referrer-Policy", "no-referrer")
    resp.set_header("Cross-Origin-Opener-Policy", "same-origin")
    # A page that asks for COEP shows frames only with this header (Fetch, cross-origin resource policy check).
    resp.set_header("Cross-Origin-Resource-Policy", "cross-origin" if desk.framed_by else "same-origin")
    resp.set_header("Cache-Control", "no-store")


def face(desk: Desk) -> Face:
    """How errors below ``/request`` look: a page that says nothing of what is inside."""

    def show(req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
        here = desk.at(req)
        status, kind = _kind(req, error)
        text = "unreadable.text" if status in _UNREADABLE else f"{kind}.text"
        minutes = 0
        if isinstance(error, TooManyAttempts):
            minutes = math.ceil(error.seconds / 60)
            resp.set_header("Retry-After", str(error.seconds))
        values = {"title": here.say(f"{kind}.title"), "text": here.say(text, minutes=minutes)}
        if isinstance(error, falcon.HTTPError) and isinstance(error.headers, dict):
            resp.set_headers(error.headers)
        send_page(here, resp, "notice.html", values, status)

    return show


def _kind(req: falcon.Request, error: Exception) -> tuple[int, str]:
    """Status, and the texts that go with it."""
    status = 500
    if isinstance(error, DxflowError):
        status = error.status
    elif isinstance(error, falcon.HTTPError):
        status = int(str(error.status)[:3])
    if status >= 500:
        logger.error("form_failed", route=req.uri_template, **runner.where(error))
    return status, _KINDS.get(status, "broken")
