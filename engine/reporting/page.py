"""A report as one page of HTML: no script, nothing from elsewhere, fit to be printed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape

_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_WORDS = {"insuf_verification": "insufficient verification"}
_WORD = re.compile(r"\b[a-z]+(_[a-z]+)+\b")

_STYLE = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body { margin: 2.5rem auto; max-width: 96rem; padding: 0 1.5rem; color: #1b1f24; background: #fff;
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 1.25rem; text-wrap: balance; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; margin: 0 0 2rem; }
dt { color: #57606a; }
dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; font-size: .875rem; }
th, td { padding: .45rem .7rem .45rem 0; text-align: left; vertical-align: top;
  border-bottom: 1px solid #d8dee4; }
thead th { border-bottom: 2px solid #1b1f24; font-weight: 600; vertical-align: bottom; }
td { overflow-wrap: break-word; max-width: 22rem; }
.number { text-align: right; padding-left: .7rem; }
td.number, .whole { white-space: nowrap; }
.id { font: .75rem/1.6 ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; }
th.number { min-width: 4.5rem; }
.none { color: #57606a; padding: 1.5rem 0; }
footer { margin-top: 2rem; color: #57606a; font-size: .875rem; max-width: 60rem; }
footer p { margin: .4rem 0; }
@page { size: A4 landscape; margin: 14mm; }
@media print {
  body { margin: 0; max-width: none; padding: 0; font-size: 10px; }
  .scroll { overflow: visible; }
  table { font-size: 9px; }
  thead { display: table-header-group; }
  tr, dl { break-inside: avoid; }
}
"""


def html(
    title: str,
    facts: Mapping[str, str],
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    numbers: Sequence[bool],
    notes: Sequence[str],
) -> str:
    """The page. ``numbers`` says which columns stand on the right."""
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    footer = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n<dl>{listed}</dl>\n{_table(title, headings, rows, numbers)}\n</main>\n"
        f"<footer>{footer}</footer>\n</body>\n</html>\n"
    )


def _cell(text: str, kind: str) -> str:
    """Days aren't broken, ids may be; a word of the list (``access_categories``) is written as people would."""
    if not kind and _DAY.fullmatch(text):
        return f'<td class="whole">{text}</td>'
    if _ID.fullmatch(text):
        return f'<td class="id">{text}</td>'
    return f"<td{kind}>{escape(_WORD.sub(_plain, text))}</td>"


def _plain(found: re.Match[str]) -> str:
    return _WORDS.get(found[0], found[0].replace("_", " "))


def _table(
    title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], numbers: Sequence[bool]
) -> str:
    if not rows:
        return '<p class="none">Nothing in this period.</p>'
    classes = [' class="number"' if number else "" for number in numbers]
    head = "".join(
        f'<th scope="col"{kind}>{escape(one)}</th>' for one, kind in zip(headings, classes, strict=True)
    )
    body = "\n".join(
        "<tr>" + "".join(_cell(cell, kind) for cell, kind in zip(row, classes, strict=True)) + "</tr>"
        for row in rows
    )
    # Focusable, because whoever has no mouse must be able to scroll it (WCAG 2.1.1).
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}"><table>\n'
        f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>"
    )
