"""The form's pages: templates with a language, and the few things they may call."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from ..frontend import environment, read_assets
from . import texts

_HERE = Path(__file__).parent


class Renderer:
    """Renders pages."""

    def __init__(self) -> None:
        """Reads the static files and all languages; templates are read when first used."""
        self.assets = read_assets(_HERE / "static")
        self.texts = texts.read()
        self._environment = environment(_HERE / "templates")
        self._environment.globals.update(texts=self.texts)

    def render(self, template: str, base: str, language: str, values: Mapping[str, object]) -> str:
        """One page; ``base`` is what all paths of the form begin with."""
        style = f"{base}/static/form.css?v={self.assets['form.css'].version}"
        words = self.texts[language]
        return self._environment.get_template(template).render(base=base, style=style, say=words, **values)


@functools.cache
def renderer() -> Renderer:
    """The one of this process: whatever application asks, a template is compiled once."""
    return Renderer()
