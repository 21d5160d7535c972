"""What all SCIM resources share: who asks, what they send, and which version they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import falcon
from scim2_models import Context, Resource, ResponseParameters, ScimObject, SearchRequest

from ...engine.core import Core
from ...engine.errors import Malformed
from ...engine.provisioning import directory as directories
from ...engine.provisioning import shapes
from ...engine.provisioning.directory import Directory, Wanted, tag
from ..api.reading import parse
from ..webhooks import read_body
from . import answers

_MEDIA_TYPES = (answers.MEDIA_TYPE, falcon.MEDIA_JSON)
_PARAMETERS = (
    "attributes", "excludedAttributes", "filter", "sortBy", "sortOrder", "startIndex", "count",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Place:
    """``address`` is where SCIM is found from outside."""

    core: Core
    max_body_bytes: int
    address: str


class Scim:
    """Common ground of the resources."""

    def __init__(self, place: Place) -> None:
        self._place = place

    def _directory(self, req: falcon.Request) -> Directory:
        return directories.of(self._place.core, req.context.caller, self._place.address)

    def _body(self, req: falcon.Request) -> object:
        """The JSON body. Raises Malformed, TooLarge, HTTPUnsupportedMediaType."""
        media_type, _ = falcon.mediatypes.parse_header(req.content_type or "")
        if media_type.lower() not in _MEDIA_TYPES:
            raise falcon.HTTPUnsupportedMediaType(description=f"send {answers.MEDIA_TYPE} in UTF-8")
        raw = read_body(req, self._place.max_body_bytes)
        if not raw:
            raise Malformed("a JSON body is needed")
        return parse(raw)


def search_of(req: falcon.Request, model: type[SearchRequest[Any]]) -> SearchRequest[Any]:
    """The query string of a list. Raises Refused."""
    return shapes.read(model, _query(req), Context.SEARCH_REQUEST)


def shown_of(req: falcon.Request, model: type[ResponseParameters[Any]]) -> ResponseParameters[Any]:
    """Which attributes an answer is to show (section 3.9). Raises Refused."""
    asked = {name: value for name, value in _query(req).items() if name.lower().endswith("attributes")}
    return shapes.read(model, asked, Context.SEARCH_REQUEST)


def _query(req: falcon.Request) -> dict[str, str]:
    """Parameters that mean something, whatever the case of their names; others (Entra's ``aadOptscim062020``)
    say nothing to us."""
    known = {name.lower(): name for name in _PARAMETERS}
    given = {known[name.lower()]: value for name, value in req.params.items() if name.lower() in known}
    return {name: ",".join(value) if isinstance(value, list) else value for name, value in given.items()}


def wanted_of(req: falcon.Request) -> Wanted:
    """The versions that the request's conditions name (RFC 9110 section 13)."""
    return Wanted(_tags(req.get_header("If-Match")), _tags(req.get_header("If-None-Match")))


def _tags(header: str | None) -> list[str] | None:
    """A weak tag is compared as the strong one would be: a version of ours is one state of the resource."""
    if header is None:
        return None
    return [one.strip().removeprefix("W/").strip('"') for one in header.split(",")]


def show(
    resp: falcon.Response,
    resource: Resource[Any],
    shown: ResponseParameters[Any],
    version: int,
    context: Context = Context.RESOURCE_QUERY_RESPONSE,
) -> None:
    """Answer with a resource and its version."""
    resp.set_header("ETag", tag(version))
    answers.say(resp, dumped(resource, shown, context))


def dumped(
    resource: ScimObject,
    shown: ResponseParameters[Any],
    context: Context = Context.RESOURCE_QUERY_RESPONSE,
) -> dict[str, Any]:
    """A resource as it is answered."""
    return resource.model_dump(scim_ctx=context, response_parameters=shown)
