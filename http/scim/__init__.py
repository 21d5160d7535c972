"""SCIM 2.0 (RFC 7643, RFC 7644) for a data controller's directory: what ``http/app.py`` adds."""

from __future__ import annotations

from typing import Any

import falcon

from ...engine.access.roles import Permission
from ...engine.core import Core
from ..gate import Gate, with_key
from ..outside import HttpSettings
from .answers import face
from .discovery import Config, NamedResourceType, NamedSchema, ResourceTypes, Schemas
from .groups import GroupResource, GroupSearch, GroupsResource
from .resources import Place
from .root import RootSearch
from .users import UserResource, UserSearch, UsersResource

BASE = "/scim/v2"


def install(app: falcon.App[Any, Any], gate: Gate, core: Core, settings: HttpSettings) -> None:
    """Add every path. The tenant is the key's alone."""
    place = Place(core, settings.max_body_bytes, settings.public_url.rstrip("/") + BASE)
    rule = with_key(Permission.PROVISION)
    for path, resource in (
        ("/Users", UsersResource(place)),
        ("/Users/.search", UserSearch(place)),
        ("/Users/{row_id}", UserResource(place)),
        ("/Groups", GroupsResource(place)),
        ("/Groups/.search", GroupSearch(place)),
        ("/Groups/{row_id}", GroupResource(place)),
        ("/.search", RootSearch()),
        ("/ServiceProviderConfig", Config(place)),
        ("/ResourceTypes", ResourceTypes(place)),
        ("/ResourceTypes/{name}", NamedResourceType(place)),
        ("/Schemas", Schemas(place)),
        ("/Schemas/{name}", NamedSchema(place)),
    ):
        gate.add(app, BASE + path, resource, rule)


__all__ = ["BASE", "face", "install"]
