"""Templates, and the few things they may call."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path

import jinja2
from markupsafe import Markup

from ...config.console import ago
from ...engine import moments
from ..frontend import environment, read_assets
from . import words

_HERE = Path(__file__).parent


class Renderer:
    """Renders pages."""

    def __init__(self) -> None:
        """Reads the static files; templates are read when first used."""
        self.assets = read_assets(_HERE / "static")
        self._environment = environment(_HERE / "templates")
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


@functools.cache
def renderer() -> Renderer:
    """The one of this process: whatever application asks, a template is compiled once."""
    return Renderer()


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
