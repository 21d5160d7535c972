"""Errors as RFC 9457 problem details. Whatever goes wrong, this is the only shape a program sees.

Pages for people and SCIM have faces of their own, by the path that was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any

import falcon
import structlog

from ..engine import runner
from ..engine.core import Core
from ..engine.errors import Busy, DxflowError, Invalid, TooManyAttempts
from . import prefix

logger = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"

Face = Callable[[falcon.Request, falcon.Response, Exception], None]
"""Makes an error an answer: a DxflowError, Falcon's own, or a defect."""


class Faces:
    """Every error of an application, from whichever layer, and who answers it."""

    def __init__(self, core: Core, faces: Mapping[str, Face]) -> None:
        """``faces`` by what their paths begin with."""
        self._core = core
        self._faces = faces

    def install(self, app: falcon.App[Any, Any]) -> None:
        """Answer for everything."""
        for kind in (Exception, falcon.HTTPError, DxflowError):
            app.add_error_handler(kind, self._answer)

    def _answer(
        self, req: falcon.Request, resp: falcon.Response, error: Exception, params: Mapping[str, object]
    ) -> None:
        del params
        try:
            with self._core.store.reachable():  # a lost database is no defect
                raise error
        except Exception as seen:  # noqa: BLE001  # all of them end here
            face = next((face for start, face in self._faces.items() if req.path.startswith(start)), plain)
            face(req, resp, seen)


def plain(req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
    """As problem details."""
    if isinstance(error, DxflowError):
        on_own(req, resp, error, {})
    elif isinstance(error, falcon.HTTPError):
        on_http(req, resp, error, {})
    else:
        on_any(req, resp, error, {})


def answer(
    resp: falcon.Response, status: int, kind: str, detail: str, instance: str, **extra: object
) -> None:
    """Fill a response with a problem. ``detail`` is for people; it never quotes a secret or a person."""
    resp.status = f"{status} {HTTPStatus(status).phrase}"
    resp.content_type = MEDIA_TYPE
    resp.text = json.dumps(
        {
            "type": f"urn:dxflow:problem:{kind}",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "detail": detail,
            "instance": instance,
            **extra,
        }
    )


def on_own(
    req: falcon.Request, resp: falcon.Response, error: DxflowError, params: Mapping[str, object]
) -> None:
    """dxflow's own errors carry their status and are safe to show."""
    del params
    if error.status >= 500:
        logger.warning("request_failed", path=req.path, **runner.where(error))
    extra: dict[str, object] = {}
    if isinstance(error, Invalid):
        extra["errors"] = [{"field": error.field, "detail": error.detail}]
    detail = str(error) if error.status != 500 else "something went wrong inside dxflow; its log says what"
    answer(resp, error.status, error.kind, detail, prefix.path(req), **extra)
    if error.status == 401:
        resp.set_header("WWW-Authenticate", "Bearer")
    if isinstance(error, TooManyAttempts | Busy):
        resp.set_header("Retry-After", str(error.seconds))


def on_http(
    req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError, params: Mapping[str, object]
) -> None:
    """Falcon's own: unknown paths, wrong methods, bodies that are too large."""
    del params
    status = int(str(error.status).split(" ", 1)[0])
    kind = HTTPStatus(status).phrase.lower().replace(" ", "-")
    resp.set_headers(error.headers or {})
    answer(
        resp, status, kind, error.description or error.title or HTTPStatus(status).phrase, prefix.path(req)
    )


def on_any(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: Mapping[str, object]
) -> None:
    """A defect: 500 without a word of what was in it (a platform then tries again)."""
    del params
    logger.error("defect", path=req.path, **runner.where(error))
    answer(resp, 500, "internal", "something went wrong inside dxflow; its log says what", prefix.path(req))
