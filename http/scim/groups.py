"""``/scim/v2/Groups``."""

from __future__ import annotations

from typing import Any

import falcon
from scim2_models import Context, ResponseParameters, SearchRequest

from ...engine.provisioning import groups, kinds, searching, shapes, views
from ...engine.provisioning.directory import Directory
from ...engine.store import models
from . import answers
from .resources import Scim, dumped, search_of, show, shown_of, wanted_of


class _Groups(Scim):
    def _list(self, req: falcon.Request, resp: falcon.Response, asked: SearchRequest[Any]) -> None:
        looked_at = "member" in f"{asked.filter} {asked.sort_by}".lower()
        kind = kinds.groups(shown=views.names_members(asked), looked_at=looked_at)
        found = searching.find(self._directory(req), kind, asked)
        answers.say(
            resp, answers.listed([dumped(one, asked) for one in found.resources], found.total, found.start)
        )

    def _answer(
        self,
        directory: Directory,
        resp: falcon.Response,
        row: models.ScimGroup,
        shown: ResponseParameters[Any],
    ) -> None:
        made = views.groups(directory, [row], with_members=views.names_members(shown))
        show(resp, made[0], shown, row.version)


class GroupsResource(_Groups):
    """All of them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200: a ListResponse."""
        self._list(req, resp, search_of(req, shapes.GroupSearch))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """201: the new group, with its address."""
        directory, shown = self._directory(req), shown_of(req, shapes.GroupShown)
        held = groups.create(directory, self._body(req))
        self._answer(directory, resp, held.row, shown)
        resp.status = falcon.HTTP_201
        resp.location = directory.place("Group", held.row.id)


class GroupSearch(_Groups):
    """``.search``: a list whose filter is no part of an address (section 3.4.3)."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200: a ListResponse."""
        self._list(req, resp, shapes.read(shapes.GroupSearch, self._body(req), Context.SEARCH_REQUEST))


class GroupResource(_Groups):
    """One of them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200, or 304 for a version that the caller has."""
        directory, shown = self._directory(req), shown_of(req, shapes.GroupShown)
        row = groups.get(directory, row_id)
        if wanted_of(req).has(row.version):
            resp.status = falcon.HTTP_304
            return
        self._answer(directory, resp, row, shown)

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200: the group as it is now."""
        directory, shown = self._directory(req), shown_of(req, shapes.GroupShown)
        held = groups.replace(directory, row_id, self._body(req), wanted_of(req))
        self._answer(directory, resp, held.row, shown)

    def on_patch(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200: the group as it is now."""
        directory, shown = self._directory(req), shown_of(req, shapes.GroupShown)
        held = groups.patch(directory, row_id, self._body(req), wanted_of(req))
        self._answer(directory, resp, held.row, shown)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """204."""
        groups.remove(self._directory(req), row_id, wanted_of(req))
        resp.status = falcon.HTTP_204
