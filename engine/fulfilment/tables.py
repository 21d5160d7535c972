"""The document's lists as CSV (RFC 4180), for people with a spreadsheet.

UTF-8 with a byte order mark: without it Excel reads umlauts as something else, and others skip it. A cell that
a spreadsheet would take for a formula gets an apostrophe before it (OWASP, "CSV Injection"); the exact value is
in ``data.json``.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

BOM = "\ufeff"
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""By what a formula begins; the full-width forms are taken for the same by spreadsheets in Asia."""
_SEPARATORS = (",", ";", "'", '"', " ")
"""What may stand before it and be cut off at import."""


def lists(data: Mapping[str, Any]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Every list of the document that has rows of its own, by name; also when it is empty."""
    for name, value in data.items():
        if isinstance(value, list):
            yield name, value
    information = data.get("information")
    if information:
        yield "purposes", information["purposes"]


def table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> bytes:
    """One list, its columns named as its members are."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([safe(_cell(row[name])) for name in columns])
    return (BOM + out.getvalue()).encode("utf-8", "replace")


def safe(text: str) -> str:
    """The text, or with an apostrophe before it, so that no spreadsheet runs it."""
    bare = text.lstrip("".join(_SEPARATORS))
    return f"'{text}" if text.startswith(_FORMULA) or bare.startswith(_FORMULA) else text


def _cell(value: Any) -> str:
    """Lists of texts joined, what is nested as JSON, nothing as an empty cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
