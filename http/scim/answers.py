"""Answers in SCIM's own media type; errors as RFC 7644 section 3.12 has them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import falcon

from ...engine.errors import Invalid, Malformed, Refused, Taken
from .. import problems

MEDIA_TYPE = "application/scim+json"
LIST = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"


def say(resp: falcon.Response, content: Mapping[str, Any]) -> None:
    """Fill a response."""
    resp.content_type = MEDIA_TYPE
    resp.set_header("Cache-Control", "no-store")
    resp.text = json.dumps(content, ensure_ascii=False)


def listed(
    resources: Sequence[Mapping[str, Any]], total: int | None = None, start: int = 1
) -> dict[str, object]:
    """A ListResponse (section 3.4.2)."""
    return {
        "schemas": [LIST],
        "totalResults": len(resources) if total is None else total,
        "startIndex": start,
        "itemsPerPage": len(resources),
        "Resources": resources,
    }


def face(req: falcon.Request, resp: falcon.Response, error: Exception) -> None:
    """Any error, in SCIM's words; what it is and whether it is logged, ``problems`` decides."""
    problems.plain(req, resp, error)
    told = json.loads(resp.text or "{}")
    status, detail = int(told["status"]), str(told["detail"])
    if isinstance(error, Invalid | Malformed):
        status = HTTPStatus.BAD_REQUEST
    resp.status = f"{status} {HTTPStatus(status).phrase}"
    content = {"schemas": [ERROR], "status": str(int(status)), "detail": detail}
    word = _word(error)
    say(resp, content | ({"scimType": word} if word else {}))


def _word(error: Exception) -> str | None:
    match error:
        case Refused():
            return error.scim_type
        case Taken():
            return "uniqueness"
        case Malformed():
            return "invalidSyntax"
        case Invalid():
            return "invalidValue"
    return None
