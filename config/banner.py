"""The block that a start prints: headings, and lines of a name and a value.

Values are what people copy (addresses, keys), so no line is ever wrapped or framed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import rich.console
from rich.text import Text

Section = tuple[str, Sequence[tuple[str, str]]]
"""A heading, which may be empty, and under it lines of a name and a value."""


def show(title: str, sections: Sequence[Section]) -> None:
    """Print the block on stdout, in colour where it is a terminal."""
    console = rich.console.Console(file=sys.stdout, highlight=False, markup=False)
    width = max((len(name) for _, lines in sections for name, _ in lines), default=0)
    _print(console, Text(""))
    _print(console, Text.assemble(("  ◆ ", "cyan"), (title, "bold")))
    for heading, lines in sections:
        _print(console, Text(""))
        if heading:
            _print(console, Text(f"  {heading}", style="bold cyan"))
        for name, value in lines:
            _print(console, Text.assemble((f"    {name:<{width}}  ", "dim"), value))
    _print(console, Text(""))
    sys.stdout.flush()


def _print(console: rich.console.Console, line: Text) -> None:
    console.print(line, soft_wrap=True)
