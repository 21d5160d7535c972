"""SCIM's endpoints (RFC 7644 section 3.2): all resources of a type, a search among them, one of them.

What is different of users and of groups stands in ``Endpoint``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol

import falcon
from scim2_models import Context, Resource, ResponseParameters, SearchRequest

from ...engine.provisioning import shapes
from ...engine.provisioning.directory import Directory, Held, Row, Wanted
from ...engine.provisioning.searching import Listed
from . import answers
from .resources import Place, Scim, dumped, search_of, show, shown_of, wanted_of

Shown = ResponseParameters[Any]


class Acts(Protocol[Row]):
    """What can be done with the rows of a type; each raises what its module says (``engine/provisioning``)."""

    def create(self, directory: Directory, body: object, /) -> Held[Row]:
        """A new one."""

    def get(self, directory: Directory, row_id: str, /) -> Row:
        """As it is."""

    def replace(self, directory: Directory, row_id: str, body: object, wanted: Wanted, /) -> Held[Row]:
        """All of it anew."""

    def patch(self, directory: Directory, row_id: str, body: object, wanted: Wanted, /) -> Held[Row]:
        """Some of it."""

    def remove(self, directory: Directory, row_id: str, wanted: Wanted, /) -> None:
        """Gone."""


@dataclass(frozen=True, slots=True)
class Endpoint(Generic[Row]):
    """``name`` is that of its resource type; ``searched`` and ``shown`` are the shapes of what is asked for.
    ``find`` lists rows, ``view`` makes a resource of one."""

    name: str
    acts: Acts[Row]
    searched: type[SearchRequest[Any]]
    shown: type[Shown]
    find: Callable[[Directory, SearchRequest[Any]], Listed[Row]]
    view: Callable[[Directory, Held[Row], Shown], Resource[Any]]


class _Rows(Scim, Generic[Row]):
    def __init__(self, place: Place, endpoint: Endpoint[Row]) -> None:
        super().__init__(place)
        self._endpoint: Endpoint[Row] = endpoint

    def _list(self, req: falcon.Request, resp: falcon.Response, asked: SearchRequest[Any]) -> None:
        found = self._endpoint.find(self._directory(req), asked)
        listed = [dumped(one, asked) for one in found.resources]
        answers.say(resp, answers.listed(listed, found.total, found.start))

    def _show(self, directory: Directory, resp: falcon.Response, held: Held[Row], shown: Shown) -> None:
        show(resp, self._endpoint.view(directory, held, shown), shown, held.row.version)


class All(_Rows[Row]):
    """All of them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200: a ListResponse."""
        self._list(req, resp, search_of(req, self._endpoint.searched))

    on_head = on_get

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """201: the new one, with its address."""
        directory, shown = self._directory(req), shown_of(req, self._endpoint.shown)
        held = self._endpoint.acts.create(directory, self._body(req))
        self._show(directory, resp, held, shown)
        resp.status = falcon.HTTP_201
        resp.location = directory.place(self._endpoint.name, held.row.id)


class Search(_Rows[Row]):
    """``.search``: a list whose filter is no part of an address (section 3.4.3)."""

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """200: a ListResponse."""
        asked = shapes.read(self._endpoint.searched, self._body(req), Context.SEARCH_REQUEST)
        self._list(req, resp, asked)


class One(_Rows[Row]):
    """One of them."""

    def on_get(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200, or 304 for a version that the caller has."""
        directory, shown = self._directory(req), shown_of(req, self._endpoint.shown)
        row = self._endpoint.acts.get(directory, row_id)
        if wanted_of(req).has(row.version):
            resp.status = falcon.HTTP_304
            return
        self._show(directory, resp, Held(row), shown)

    on_head = on_get

    def on_put(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200: as it is now."""
        directory, shown = self._directory(req), shown_of(req, self._endpoint.shown)
        held = self._endpoint.acts.replace(directory, row_id, self._body(req), wanted_of(req))
        self._show(directory, resp, held, shown)

    def on_patch(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """200: as it is now."""
        directory, shown = self._directory(req), shown_of(req, self._endpoint.shown)
        held = self._endpoint.acts.patch(directory, row_id, self._body(req), wanted_of(req))
        self._show(directory, resp, held, shown)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, row_id: str) -> None:
        """204."""
        self._endpoint.acts.remove(self._directory(req), row_id, wanted_of(req))
        resp.status = falcon.HTTP_204
