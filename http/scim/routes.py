"""The resources behind SCIM's addresses."""

from __future__ import annotations

from ...engine.core import Core
from .discovery import Config, NamedResourceType, NamedSchema, ResourceTypes, Schemas
from .groups import GROUPS
from .resources import Place
from .root import RootSearch
from .rows import All, One, Search
from .users import USERS


def resources(core: Core, max_body_bytes: int, address: str) -> dict[str, object]:
    """Each by its path below ``address``, which is where SCIM is found from outside."""
    place = Place(core, max_body_bytes, address)
    return {
        "/Users": All(place, USERS),
        "/Users/.search": Search(place, USERS),
        "/Users/{row_id}": One(place, USERS),
        "/Groups": All(place, GROUPS),
        "/Groups/.search": Search(place, GROUPS),
        "/Groups/{row_id}": One(place, GROUPS),
        "/.search": RootSearch(),
        "/ServiceProviderConfig": Config(place),
        "/ResourceTypes": ResourceTypes(place),
        "/ResourceTypes/{name}": NamedResourceType(place),
        "/Schemas": Schemas(place),
        "/Schemas/{name}": NamedSchema(place),
    }
