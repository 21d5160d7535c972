"""How the dashboard answers: pages, redirects, and problems as pages, all under one strict set of headers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import falcon
import structlog

from ...engine import runner
from ...engine.errors import Busy, DxflowError, TooManyAttempts
from ...engine.services.people import sessions
from . import words
from .desk import Desk

logger = structlog.get_logger(__name__)

NOTE_SECONDS = 60

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": under it browsers send "Origin: null" with forms, and theirs is like any other's.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_TITLES: Mapping[int, str] = {
    400: "This request can't be read",
    403: "Not allowed",
    404: "There is no such page",
    405: "This address can't do that",
    409: "Not as things stand",
    413: "Too much at once",
    422: "Something in the form is wrong",
    503: "Something dxflow needs isn't answering",
}
BUSY = "Not just now"
"""The title of the page that a caller gets who has to wait for others."""
_DEFECT = "Something went wrong inside dxflow. Nothing was changed; its log says where it happened."
_ADVICE: Mapping[int, str] = {
    404: "It may have been moved or mistyped, or it belongs to another data controller.",
    409: "Somebody or something else may have been faster. Look at it again, then decide.",
    503: "What was accepted is safe. Try again in a moment; if it stays so, look at /readyz.",
}


@dataclass(frozen=True, slots=True)
class Page:
    """A template and its values."""

    template: str
    values: Mapping[str, object]
    status: int = 200


@dataclass(frozen=True, slots=True)
class Redirect:
    """Go there; ``note`` is a code of ``notes.NOTES`` for the page that follows, ``leave`` ends the session's
    cookie, ``session`` is the token of a new one."""

    to: str
    note: str = ""
    leave: bool = False
    session: str = ""


def send_page(desk: Desk, resp: falcon.Response, page: Page) -> None:
    """Render, and only then fill the response."""
    text = desk.render(page.template, page.values)
    resp.set_headers(HEADERS)
    resp.status = f"{page.status} {HTTPStatus(page.status).phrase}"
    resp.content_type = "text/html; charset=utf-8"
    resp.text = text


def send_redirect(desk: Desk, resp: falcon.Response, redirect: Redirect) -> None:
    """303: whatever the method was, the next one is GET."""
    resp.set_headers(HEADERS)
    if redirect.note:
        desk.set_cookie(resp, desk.note_cookie, redirect.note, NOTE_SECONDS)
    if redirect.leave:
        desk.drop_cookie(resp, desk.session_cookie)
    if redirect.session:
        seconds = int(sessions.LIFETIME.total_seconds())
        desk.set_cookie(resp, desk.session_cookie, redirect.session, seconds)
    resp.status = falcon.HTTP_303
    resp.set_header("Location", redirect.to)


def send_error(desk: Desk, req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
    """Whatever was raised becomes a page."""
    if isinstance(error, TooManyAttempts):
        values = {"now": desk.core.clock(), "until": error.until}
        send_page(desk, resp, Page("blocked.html", values, error.status))
        resp.set_header("Retry-After", str(error.seconds))
    elif isinstance(error, Busy):
        send_problem(desk, resp, error.status, str(error), title=BUSY, advice="")
        resp.set_header("Retry-After", str(error.seconds))
    elif isinstance(error, DxflowError):
        if error.status >= 500:
            logger.warning("page_failed", path=_route(req), **runner.where(error))
        send_problem(desk, resp, error.status, "" if error.status == 500 else str(error))
    elif isinstance(error, falcon.HTTPError):
        if isinstance(error.headers, dict):
            resp.set_headers(error.headers)
        send_problem(desk, resp, int(str(error.status)[:3]), error.description or "")
    else:  # a defect: the reader gets a page, the log where it was
        logger.error("page_defect", path=_route(req), **runner.where(error))
        send_problem(desk, resp, 500, "")


def _route(req: falcon.Request) -> str:
    """What was asked for, for the process log: an address may hold the token of a link."""
    return str(req.uri_template or "no page")


def send_problem(
    desk: Desk,
    resp: falcon.Response,
    status: int,
    detail: str,
    *,
    title: str | None = None,
    advice: str | None = None,
) -> None:
    """A problem in plain words, its technical name folded away; with the status's own title and advice, unless
    others are given."""
    values = {
        "now": desk.core.clock(),
        "title": title or _TITLES.get(status, "That didn't work"),
        "detail": words.sentence(detail) or (_DEFECT if status >= 500 else ""),
        "advice": _ADVICE.get(status, "") if advice is None else advice,
        "status": status,
        "phrase": HTTPStatus(status).phrase,
    }
    send_page(desk, resp, Page("problem.html", values, status))
