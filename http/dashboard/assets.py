"""The style sheet, the script and the mark: from memory, kept by browsers until their content changes."""

from __future__ import annotations

from dataclasses import dataclass

import falcon

from ...engine.errors import NotFound
from .answers import HEADERS
from .desk import Desk

_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Assets:
    """``/dashboard/static/{name}``."""

    desk: Desk

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """The file; under its present version it may be kept for good."""
        asset = self.desk.renderer.assets.get(name)
        if asset is None:
            raise NotFound("there is no such file")
        resp.set_headers(HEADERS)
        current = req.get_param("v") == asset.version
        resp.set_header("Cache-Control", _FOREVER if current else "no-cache")
        resp.content_type = asset.content_type
        resp.data = asset.content

    on_head = on_get
