"""What the dashboard and the form are made of alike: templates, static files from memory, a set of tokens.

Everything in a template is escaped, and a name that is missing there is an error, not a gap.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import falcon
import jinja2

from ..engine.errors import NotFound

_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
_TOKENS = Path(__file__).with_name("tokens.css")
_FOREVER = "public, max-age=31536000, immutable"


def environment(folder: Path) -> jinja2.Environment:
    """The templates of a folder."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file, in memory. ``version`` changes with its content and is part of its address."""

    content: bytes
    content_type: str
    version: str


def read_assets(folder: Path) -> dict[str, Asset]:
    """Every file of a folder, by its name; a style sheet begins with the tokens, and may set them anew."""
    return {path.name: _read(path) for path in sorted(folder.iterdir())}


def _read(path: Path) -> Asset:
    content = (_TOKENS.read_bytes() if path.suffix == ".css" else b"") + path.read_bytes()
    return Asset(content, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:12])


@dataclass(frozen=True, slots=True)
class Assets:
    """``…/static/{name}``: kept by browsers until the content changes. ``put_headers`` adds what every answer
    has."""

    assets: Mapping[str, Asset]
    put_headers: Callable[[falcon.Response], None]

    def on_get(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """The file; under its present version it may be kept for good."""
        asset = self.assets.get(name)
        if asset is None:
            raise NotFound("there is no such file")
        self.put_headers(resp)
        current = req.get_param("v") == asset.version
        resp.set_header("Cache-Control", _FOREVER if current else "no-cache")
        resp.content_type, resp.data = asset.content_type, asset.content

    on_head = on_get
