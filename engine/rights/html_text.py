"""HTML of an e-mail as plain text: what a reader sees, line by line."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_HIDDEN = frozenset({"script", "style", "head", "title", "template", "svg", "noscript"})
_IN_HEAD = frozenset({"title", "style", "script", "meta", "link", "base", "template", "noscript"})
"""What may stand in a head; anything else ends one that nobody closed (HTML Standard, 13.1.2.4)."""
_CELLS = frozenset({"td", "th"})
_LINES = re.compile(
    r"address|article|blockquote|br|d[dlt]|div|footer|form|h[1-6r]|header|li|main|[ou]l|p|pre|section|table|tr"
)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._begun(tag)
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag in _CELLS:
            self.parts.append(" ")
        elif _LINES.fullmatch(tag):
            self.parts.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        self._begun(tag)
        if _LINES.fullmatch(tag):
            self.parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            while self._hidden.pop() != tag:
                pass  # what stood inside and was never closed ends with it
        elif _LINES.fullmatch(tag):
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if data.strip():
            self._begun("")
        if not self._hidden:
            self.parts.append(re.sub(r"\s+", " ", data))

    def _begun(self, tag: str) -> None:
        """Something that stands in no head ends an open one."""
        if self._hidden[-1:] == ["head"] and tag not in _IN_HEAD:
            self._hidden.pop()


def from_html(text: str) -> str:
    """The words of a page. Nothing is fetched, and no markup survives."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    lines = (re.sub(r"[ \t\xa0]+", " ", line).strip() for line in "".join(reader.parts).split("\n"))
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()
