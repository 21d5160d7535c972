"""What agents are answered: an Exercise Status, a token, or an error in the protocol's shape (section 3.06)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus

import falcon
import structlog

from ...engine import runner
from ...engine.errors import DxflowError, TooManyAttempts
from ...engine.rights.drp_claims import Fatal

logger = structlog.get_logger(__name__)

_OURS = "something went wrong inside dxflow; its log says what"


def send(resp: falcon.Response, document: Mapping[str, object]) -> None:
    """200 with a JSON document, which no cache keeps."""
    resp.content_type = falcon.MEDIA_JSON
    resp.set_header("Cache-Control", "no-store")
    resp.text = json.dumps(document)


def face(req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
    """How errors below ``/drp`` look: ``{"code", "message", "fatal"}``. Nothing in them quotes a message."""
    status, message = _told(req, error)
    resp.status = f"{status} {HTTPStatus(status).phrase}"
    if isinstance(error, falcon.HTTPError) and isinstance(error.headers, dict):
        resp.set_headers(error.headers)
    if isinstance(error, TooManyAttempts):
        resp.set_header("Retry-After", str(error.seconds))
    if status == HTTPStatus.UNAUTHORIZED:
        said = ', error="invalid_token"' if req.auth else ""  # RFC 6750 section 3.1
        resp.set_header("WWW-Authenticate", f'Bearer realm="drp"{said}')
    document: dict[str, object] = {"code": str(status), "message": message}
    if isinstance(error, Fatal):
        document["fatal"] = True
    resp.content_type, resp.text = falcon.MEDIA_JSON, json.dumps(document)


def _told(req: falcon.Request, error: Exception) -> tuple[int, str]:
    if isinstance(error, DxflowError):
        if error.status >= 500:
            logger.warning("request_failed", path=req.path, **runner.where(error))
        return error.status, _OURS if error.status == HTTPStatus.INTERNAL_SERVER_ERROR else str(error)
    if isinstance(error, falcon.HTTPError):
        status = int(str(error.status)[:3])
        return status, error.description or HTTPStatus(status).phrase
    logger.error("defect", path=req.path, **runner.where(error))
    return HTTPStatus.INTERNAL_SERVER_ERROR, _OURS
