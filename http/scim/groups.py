"""``/scim/v2/Groups``."""

from __future__ import annotations

from typing import Any

from scim2_models import Resource, SearchRequest

from ...engine.provisioning import groups, kinds, searching, shapes, views
from ...engine.provisioning.directory import Directory, Held
from ...engine.provisioning.searching import Listed
from ...engine.store import models
from .rows import Endpoint, Shown


def _find(directory: Directory, asked: SearchRequest[Any]) -> Listed[models.ScimGroup]:
    looked_at = "member" in f"{asked.filter} {asked.sort_by}".lower()
    kind = kinds.groups(shown=views.names_members(asked), looked_at=looked_at)
    return searching.find(directory, kind, asked)


def _view(directory: Directory, held: Held[models.ScimGroup], shown: Shown) -> Resource[Any]:
    return views.groups(directory, [held.row], with_members=views.names_members(shown))[0]


GROUPS = Endpoint("Group", groups, shapes.GroupSearch, shapes.GroupShown, _find, _view)
