"""Users and groups as lists: by what the database finds them."""

from __future__ import annotations

from functools import partial
from typing import Any

import peewee

from ..errors import Invalid
from ..identity import did
from ..store import models
from . import documents, shapes, views
from .directory import Directory
from .searching import Finder, Kind


def users() -> Kind[models.ScimUser]:
    """The users of a directory."""
    row = models.ScimUser
    finders: dict[str, Finder] = {
        "id": partial(_by_id, row),
        "username": _by_user_name,
        "externalid": _by_external_id,
    }
    return Kind(row, str(shapes.Person.__schema__), views.users, views.users, finders)


def groups(*, shown: bool, looked_at: bool) -> Kind[models.ScimGroup]:
    """The groups of a directory; who is in them is read only where an answer shows or a filter looks at it."""
    row = models.ScimGroup
    finders: dict[str, Finder] = {
        "id": partial(_by_id, row),
        "displayname": lambda _, value: _equal(row.name_key, documents.folded(value)),
        "externalid": lambda _, value: _equal(row.external_id, value),
        "members": _by_member,
        "members.value": _by_member,
    }

    view = partial(views.groups, with_members=shown)
    look = partial(views.groups, with_members=looked_at, all_of_them=True)
    return Kind(row, str(shapes.Group.__schema__), view, look, finders)


def _by_id(row: Any, _: Directory, value: str) -> Any:
    return row.id == value if _is_id(value) else _nobody()


def _by_user_name(directory: Directory, value: str) -> Any:
    name = documents.name_of(directory.tenant_id, {"userName": value})
    return models.ScimUser.user_name_link.in_(directory.core.keys.links_own(documents.USER_NAME, name))


def _by_external_id(directory: Directory, value: str) -> Any:
    name = documents.external_of(directory.tenant_id, {"externalId": value})
    every = directory.core.keys.links_own(documents.EXTERNAL_ID, name) if name else []
    return models.ScimUser.external_id_link.in_(every)


def _by_member(_: Directory, value: str) -> Any:
    member = models.ScimGroupMember
    if not _is_id(value):
        return _nobody()
    return models.ScimGroup.id.in_(member.select(member.group_id).where(member.scim_user_id == value))


def _equal(column: Any, value: str) -> Any:
    return column == value if shapes.is_storable(value) else _nobody()


def _nobody() -> Any:
    return peewee.SQL("1 = 0")


def _is_id(value: str) -> bool:
    """An id in its one spelling: ids are compared with their case (``caseExact``)."""
    try:
        return did.canonical(value) == value
    except Invalid:
        return False
