"""``/scim/v2/Users``. An answer that shows somebody is in the log: as a change, or as a reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from scim2_models import Resource, SearchRequest

from ...engine.provisioning import kinds, searching, shapes, users, views
from ...engine.provisioning.directory import Directory, Held
from ...engine.provisioning.searching import Listed
from ...engine.services import acts
from ...engine.store import models
from .rows import Endpoint, Shown

PAGE = "scim.users"


def _find(directory: Directory, asked: SearchRequest[Any]) -> Listed[models.ScimUser]:
    found = searching.find(directory, kinds.users(), asked)
    _write_down(directory, found.rows)
    return found


def _view(directory: Directory, held: Held[models.ScimUser], _: Shown) -> Resource[Any]:
    if not held.changed:
        _write_down(directory, [held.row])
    return views.users(directory, [held.row])[0]


def _write_down(directory: Directory, rows: Sequence[models.ScimUser]) -> None:
    if not rows:
        return
    known = users.subjects_of(directory.tenant_id, rows)
    whom = [known.get(row.id) for row in rows]
    acts.people_read(directory.core, directory.tenant_id, directory.actor, PAGE, whom)


USERS = Endpoint("User", users, shapes.UserSearch, shapes.UserShown, _find, _view)
