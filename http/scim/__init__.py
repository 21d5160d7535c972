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
from .groups import GROUPS
from .resources import Place
from .root import RootSearch
from .rows import All, One, Search
from .users import USERS

BASE = "/scim/v2"


def install(app: falcon.App[Any, Any], gate: Gate, core: Core, settings: HttpSettings) -> None:
    """Add every path. The tenant is the key's alone."""
    place = Place(core, settings.max_body_bytes, settings.public_url.rstrip("/") + BASE)
    rule = with_key(Permission.PROVISION)
    for path, resource in (
        ("/Users", All(place, USERS)),
        ("/Users/.search", Search(place, USERS)),
        ("/Users/{row_id}", One(place, USERS)),
        ("/Groups", All(place, GROUPS)),
        ("/Groups/.search", Search(place, GROUPS)),
        ("/Groups/{row_id}", One(place, GROUPS)),
        ("/.search", RootSearch()),
        ("/ServiceProviderConfig", Config(place)),
        ("/ResourceTypes", ResourceTypes(place)),
        ("/ResourceTypes/{name}", NamedResourceType(place)),
        ("/Schemas", Schemas(place)),
        ("/Schemas/{name}", NamedSchema(place)),
    ):
        gate.add(app, BASE + path, resource, rule)


__all__ = ["BASE", "face", "install"]
