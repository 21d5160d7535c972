"""Errors as RFC 9457 problem details. Whatever goes wrong, this is the only shape a caller sees."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

import falcon
import structlog

from ..engine import runner
from ..engine.errors import DxflowError, Invalid
from . import prefix

logger = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"


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
