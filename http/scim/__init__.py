"""SCIM 2.0 (RFC 7643, RFC 7644) for a data controller's directory: what ``http/app.py`` adds.

Its models take most of a second to import, and most installations have no directory: the resources behind these
addresses are made for the first request of one.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import falcon

from ...engine.access.roles import Permission
from ...engine.core import Core
from ..gate import Gate, with_key
from ..outside import HttpSettings
from .answers import face

BASE = "/scim/v2"
_LOOK = ("get", "head")
METHODS: dict[str, Sequence[str]] = {
    "/Users": (*_LOOK, "post"),
    "/Users/.search": ("post",),
    "/Users/{row_id}": (*_LOOK, "put", "patch", "delete"),
    "/Groups": (*_LOOK, "post"),
    "/Groups/.search": ("post",),
    "/Groups/{row_id}": (*_LOOK, "put", "patch", "delete"),
    "/.search": ("post",),
    "/ServiceProviderConfig": _LOOK,
    "/ResourceTypes": _LOOK,
    "/ResourceTypes/{name}": _LOOK,
    "/Schemas": _LOOK,
    "/Schemas/{name}": _LOOK,
}
"""What each resource of ``routes`` answers."""

Resources = Callable[[], Mapping[str, object]]


def install(app: falcon.App[Any, Any], gate: Gate, core: Core, settings: HttpSettings) -> None:
    """Add every path. The tenant is the key's alone."""
    address = settings.public_url.rstrip("/") + BASE

    @functools.cache
    def made() -> Mapping[str, object]:
        from . import routes  # now, and not with every start

        return routes.resources(core, settings.max_body_bytes, address)

    rule = with_key(Permission.PROVISION)
    for path, methods in METHODS.items():
        gate.add(app, BASE + path, _Later(made, path, methods), rule)


class _Later:
    """Stands for a resource until somebody asks for it."""

    def __init__(self, made: Resources, path: str, methods: Sequence[str]) -> None:
        self._made, self._path = made, path
        for method in methods:
            setattr(self, f"on_{method}", functools.partial(self._answer, f"on_{method}"))

    def _answer(self, responder: str, req: falcon.Request, resp: falcon.Response, /, **params: str) -> None:
        getattr(self._made()[self._path], responder)(req, resp, **params)


__all__ = ["BASE", "METHODS", "face", "install"]
