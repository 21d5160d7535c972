"""The block that a start prints: headings, and lines of a name and a value.

Values are what people copy (addresses, keys), so no line is ever wrapped or framed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import NamedTuple

import rich.console
from rich.text import Text


class Section(NamedTuple):
    """Lines under a heading; a line without a name continues the one above."""

    heading: str
    lines: Sequence[tuple[str, str]]


def show(title: str, sections: Sequence[Section]) -> None:
    """Print the block on stdout, in colour where it is a terminal."""
    console = rich.console.Console(file=sys.stdout, highlight=False, markup=False)
    width = max(len(name) for section in sections for name, _ in section.lines)
    _print(console, Text(""))
    _print(console, Text.assemble(("  ◆ ", "cyan"), (title, "bold")))
    for section in sections:
        _print(console, Text(""))
        if section.heading:
            _print(console, Text(f"  {section.heading}", style="bold cyan"))
        for name, value in section.lines:
            _print(console, Text.assemble((f"    {name:<{width}}  ", "dim"), value))
    _print(console, Text(""))
    sys.stdout.flush()


def _print(console: rich.console.Console, line: Text) -> None:
    line.rstrip()
    console.print(line, soft_wrap=True)
