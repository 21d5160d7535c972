"""``/scim/v2/Users``. An answer that shows somebody is in the log: as a change, or as a reading."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import falcon
from scim2_models import Context, ResponseParameters, SearchRequest

from ...engine.provisioning import kinds, searching, shapes, users, views
from ...engine.provisioning.directory import Directory
from ...engine.provisioning.users import Held
from ...engine.services import acts
from ...engine.store import models
from . import answers
from .resources import Scim, dumped, search_of, show, shown_of, wanted_of

PAGE = "scim.users"


class _Users(Scim):
    def _list(self, req: falcon.Request, resp: falcon.Response, asked: SearchRequest[Any]) -> None:
        directory = self._directory(req)
        found = searching.find(directory, kinds.users(), asked)
        _write_down(directory, found.rows)
        answers.say(
            resp, answers.listed([dumped(one, asked) for one in found.resources], found.total, found.start)
        )

    def _answer(
        self, directory: Directory, resp: falcon.Response, held: Held, shown: ResponseParameters[Any]
    ) -> None:
        if not held.changed:
            _write_down(directory, [held.row])
        show(resp, views.users(directory, [held.row])[0], shown, held.row.version)


class UsersResource(_Users):
    """All of them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200: a ListResponse."""
        self._list(req, resp, search_of(req, shapes.UserSearch))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """201: the new user, with its address."""
        directory, shown = self._directory(req), shown_of(req, shapes.UserShown)
        held = users.create(directory, self._body(req))
        self._answer(directory, resp, held, shown)
        resp.status = falcon.HTTP_201
        resp.location = directory.place("User", held.row.id)


class UserSearch(_Users):
    """``.search``: a list whose filter is no part of an address (section 3.4.3)."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200: a ListResponse."""
        self._list(req, resp, shapes.read(shapes.UserSearch, self._body(req), Context.SEARCH_REQUEST))


class UserResource(_Users):
    """One of them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200, or 304 for a version that the caller has."""
        directory, shown = self._directory(req), shown_of(req, shapes.UserShown)
        row = users.get(directory, row_id)
        if wanted_of(req).has(row.version):
            resp.status = falcon.HTTP_304
            return
        self._answer(directory, resp, Held(row), shown)

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200: the user as they are now."""
        directory, shown = self._directory(req), shown_of(req, shapes.UserShown)
        self._answer(
            directory, resp, users.replace(directory, row_id, self._body(req), wanted_of(req)), shown
        )

    def on_patch(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200: the user as they are now."""
        directory, shown = self._directory(req), shown_of(req, shapes.UserShown)
        self._answer(directory, resp, users.patch(directory, row_id, self._body(req), wanted_of(req)), shown)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """204."""
        users.remove(self._directory(req), row_id, wanted_of(req))
        resp.status = falcon.HTTP_204


def _write_down(directory: Directory, rows: Sequence[models.ScimUser]) -> None:
    if not rows:
        return
    known = users.subjects_of(directory.tenant_id, rows)
    whom = [known.get(row.id) for row in rows]
    acts.people_read(directory.core, directory.tenant_id, directory.actor, PAGE, whom)
