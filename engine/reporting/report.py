"""What every report is: a few facts and one table, the same in each of its formats."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import page

Cell = str | int | float | bool | None | Sequence[str] | Mapping[str, int]
FORMATS = ("json", "csv", "html")
MEDIA_TYPES = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "html": "text/html; charset=utf-8",
}
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Report:
    """``columns`` maps the keys of ``rows`` to headings; ``first`` and ``last`` are days, None for no limit.
    ``notes`` say how it was counted, and by which law."""

    kind: str
    title: str
    controller: Mapping[str, str]
    zone: str
    first: str | None
    last: str | None
    made_at: str
    columns: Mapping[str, str]
    rows: Sequence[Mapping[str, Cell]]
    facts: Mapping[str, Cell] = field(default_factory=dict)
    notes: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        """``{"kind", "title", "controller", "zone", "from", "to", "made_at", "facts", "columns", "rows",
        "notes"}``."""
        return {
            "kind": self.kind,
            "title": self.title,
            "controller": dict(self.controller),
            "zone": self.zone,
            "from": self.first,
            "to": self.last,
            "made_at": self.made_at,
            "facts": dict(self.facts),
            "columns": dict(self.columns),
            "rows": [dict(row) for row in self.rows],
            "notes": list(self.notes),
        }

    def as_csv(self) -> str:
        """The table (RFC 4180). A cell that a spreadsheet would run as a formula begins with an apostrophe."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(self.columns.values())
        for row in self.rows:
            writer.writerow([harmless(text_of(row.get(key))) for key in self.columns])
        return out.getvalue()

    def as_html(self) -> str:
        """A page that needs nothing but itself, to be printed or kept."""
        period = f"{self.first or 'the beginning'} to {self.last or 'today'}"
        facts = {
            "Data controller": self.controller["name"],
            "Known as": self.controller["did"],
            "Period": f"{period}, days in {self.zone}",
            "Made": f"{self.made_at[:16].replace('T', ' ')} UTC",
            **{key: text_of(value) for key, value in self.facts.items()},
        }
        rows = [[text_of(row.get(key)) for key in self.columns] for row in self.rows]
        numbers = [
            all(type(row.get(key)) in (int, float, type(None)) for row in self.rows) for key in self.columns
        ]
        return page.html(self.title, facts, list(self.columns.values()), rows, numbers, self.notes)

    def text(self, form: str) -> str:
        """The whole report as CSV or HTML."""
        return self.as_csv() if form == "csv" else self.as_html()

    @property
    def name(self) -> str:
        """What its file is called, without an ending."""
        period = "_".join(day for day in (self.first, self.last) if day)
        return f"{self.kind}_{period}" if period else self.kind


def text_of(value: Cell) -> str:
    """A cell in words."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case Mapping():
            return "; ".join(f"{name}: {count}" for name, count in value.items())
        case str() | int() | float():
            return str(value)
        case _:
            return ", ".join(value)


def harmless(text: str) -> str:
    """``text``, so that no spreadsheet runs it (OWASP, CSV Injection)."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
