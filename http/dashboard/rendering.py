"""Templates, and the few things they may call. Everything is escaped; a missing name is an error, not a gap."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import jinja2
from markupsafe import Markup

from ...config.console import ago
from ...engine import moments
from . import words

_HERE = Path(__file__).parent
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One static file, in memory. ``version`` changes with its content and is part of its address."""

    content: bytes
    content_type: str
    version: str


class Renderer:
    """Renders pages."""

    def __init__(self) -> None:
        """Reads the static files; templates are read when first used."""
        self.assets = read_assets(_HERE / "static")
        self._environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(_HERE / "templates"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(
            asset=self._asset,
            when=_when,
            day=_day,
            date=_date,
            words=words,
        )

    def render(self, template: str, values: Mapping[str, object]) -> str:
        """One page. ``values`` must hold ``base``, with which all its paths begin, and ``now``, the moment
        against which times are put in words."""
        return self._environment.get_template(template).render(**values)

    @jinja2.pass_context
    def _asset(self, context: jinja2.runtime.Context, name: str) -> str:
        """The address of a static file in its present version."""
        return f"{context['base']}/static/{name}?v={self.assets[name].version}"


@jinja2.pass_context
def _when(context: jinja2.runtime.Context, moment: datetime) -> Markup:
    """A moment in words, its exact time in the title."""
    universal = moment.astimezone(UTC)
    exact = f"{words.written(universal.date())}, {universal:%H:%M:%S} UTC"
    tag = Markup('<time datetime="{}" title="{}" data-ago>{}</time>')
    return tag.format(moments.to_text(moment), exact, ago(moment, context["now"]))


@jinja2.pass_context
def _day(context: jinja2.runtime.Context, text: str) -> Markup:
    """A due day (``YYYY-MM-DD``) in words, the date itself in the title."""
    due, now = date.fromisoformat(text), context["now"]
    tag = Markup('<time datetime="{}" title="{}">{}</time>')
    return tag.format(text, words.written(due), words.until(due, now.astimezone(UTC).date()))


def _date(text: str) -> Markup:
    """A day (``YYYY-MM-DD``) in full."""
    return Markup('<time datetime="{}">{}</time>').format(text, words.written(date.fromisoformat(text)))


def read_assets(folder: Path) -> dict[str, Asset]:
    """Every file of a folder, by its name."""
    return {path.name: _read(path) for path in sorted(folder.iterdir())}


def _read(path: Path) -> Asset:
    content = path.read_bytes()
    return Asset(content, _TYPES[path.suffix], hashlib.sha256(content).hexdigest()[:12])
