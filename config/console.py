"""What the command line shows: data as a table or as one JSON document, one line for a failure, progress.

Data goes to stdout and everything else to stderr, so that ``--json`` can be piped. Texts come from outside
(a webhook's error, a tenant's name): control characters and markup in them are never obeyed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal, NoReturn

import rich.console
import rich.table
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.text import Text

from . import screen

_UNITS = (("year", 31_536_000), ("month", 2_592_000), ("day", 86_400), ("hour", 3_600), ("minute", 60))
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_UNWRAPPED = 10_000  # columns; a pipe or a file has no width at which an id may be cut

Row = Mapping[str, Any]


class Console:
    """Writes to this process's stdout and stderr, as they are when it is made."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """``now`` is the clock against which times are put in words."""
        self._now = now
        width = None if sys.stdout.isatty() else _UNWRAPPED
        self._out = rich.console.Console(file=sys.stdout, width=width, highlight=False, markup=False)
        self._err = rich.console.Console(file=sys.stderr, highlight=False, markup=False)

    def show(self, data: Row | Sequence[Row], *, as_json: bool, columns: Mapping[str, str]) -> None:
        """Print one row or many. ``columns`` maps the keys to show to their headings; JSON has every key."""
        if as_json:
            self.write(json.dumps(data, ensure_ascii=False, default=_json_value))
        elif isinstance(data, Mapping):
            self._print(self._sheet(data, columns))
        else:
            self._print(self.table(data, columns))

    def write(self, text: str) -> None:
        """Print what is a document of its own, as it is: for a file, a pipe, or to be copied."""
        sys.stdout.write(text if text.endswith("\n") else f"{text}\n")
        sys.stdout.flush()  # whoever reads a command that goes on reads it now

    def _print(self, shown: rich.console.RenderableType) -> None:
        """In a pipe or a file no line is filled up with spaces to the length of the longest."""
        if self.is_terminal:
            self._out.print(shown)
            return
        with self._out.capture() as captured:
            self._out.print(shown)
        self.write("\n".join(line.rstrip() for line in captured.get().split("\n")))

    def say(self, text: str) -> None:
        """Print a line for people on stderr."""
        self._err.print(_CONTROL.sub("", text), soft_wrap=True)

    def fail(self, reason: str) -> NoReturn:
        """Print the reason as one line on stderr and exit with 1."""
        self._err.print(f"dxflow: {' '.join(_CONTROL.sub('', reason).split())}", soft_wrap=True, style="red")
        raise SystemExit(1)

    @property
    def is_terminal(self) -> bool:
        """Whether a person looks at stdout."""
        return sys.stdout.isatty()

    @property
    def size(self) -> rich.console.ConsoleDimensions:
        """Columns and lines of the terminal, as it is now."""
        return self._out.size

    def watch(self, draw: Callable[[], rich.console.RenderableType], interval_s: float) -> None:
        """Redraw the whole terminal again and again, until somebody asks to end."""
        screen.show(self._out, draw, interval_s)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[], None]]:
        """A bar on stderr while the block runs; call what it yields after each of ``total`` pieces."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=self._err, disable=not sys.stderr.isatty()) as bar:
            task = bar.add_task(title, total=total)
            yield lambda: bar.advance(task)

    def table(
        self, rows: Sequence[Row], columns: Mapping[str, str], *, one_line: bool = False
    ) -> rich.table.Table:
        """Rows under their headings; numbers stand on the right. With ``one_line`` the first column gives way
        where there is too little room, instead of all of them going on in a second line."""
        table = rich.table.Table(box=None, pad_edge=False, header_style="bold")
        for number, (key, heading) in enumerate(columns.items()):
            justify: Literal["left", "right"] = "right" if _are_numbers(rows, key) else "left"
            table.add_column(heading, overflow="fold", justify=justify, no_wrap=one_line and number > 0)
        for row in rows:
            cells = [self._cell(row.get(key)) for key in columns]
            if one_line:
                cells[0].no_wrap, cells[0].overflow = True, "ellipsis"
            table.add_row(*cells)
        return table

    def _sheet(self, row: Row, columns: Mapping[str, str]) -> rich.table.Table:
        sheet = rich.table.Table(box=None, pad_edge=False, show_header=False)
        sheet.add_column(style="bold")
        sheet.add_column(overflow="fold")
        for key, heading in columns.items():
            sheet.add_row(heading, self._cell(row.get(key)))
        return sheet

    def _cell(self, value: Any) -> Text:
        match value:
            case None:
                text = "-"
            case bool():
                text = "yes" if value else "no"
            case datetime():
                text = ago(value, self._now())
            case list() | tuple():
                text = ", ".join(str(item) for item in value)
            case float():
                text = f"{value:,.1f}"
            case int():
                text = f"{value:,}"
            case _:
                text = str(value)
        return Text(_CONTROL.sub("", text), style="dim" if value is None or value == 0 else "")


def lasting(seconds: float) -> str:
    """A length of time in words: ``< 1 second``, ``3 minutes``, ``2 days``."""
    for unit, length in (*_UNITS, ("second", 1)):
        count = int(seconds // length)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "< 1 second"


def _are_numbers(rows: Sequence[Row], key: str) -> bool:
    kinds = {type(row.get(key)) for row in rows}
    return kinds <= {int, float, type(None)} and kinds != {type(None)}


def ago(moment: datetime, now: datetime) -> str:
    """A moment in words: ``just now``, ``3 minutes ago``, ``in 2 days``. Both moments are aware."""
    seconds = (now - moment).total_seconds()
    for unit, length in _UNITS:
        count = int(abs(seconds) // length)
        if count:
            words = f"{count} {unit}{'' if count == 1 else 's'}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now" if seconds >= 0 else "in a moment"


def _json_value(value: Any) -> str:
    """Moments as the API writes them; what else JSON doesn't know is an error of ours, not a guess."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"
    raise TypeError(f"{type(value).__name__} has no JSON form here")
