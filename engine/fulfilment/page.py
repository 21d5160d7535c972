"""``index.html``: the document for people. It is whole in itself, has no script, and prints.

Every value is escaped, and a policy in the page lets it load nothing: what stands in it came from outside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from . import words
from .tables import lists

Words = Mapping[str, str]

_STYLE = """
:root { color-scheme: light dark; --ink: #1c2127; --soft: #5d6873; --line: #d8dde3; --paper: #fff;
  --tint: #f4f6f8; --accent: #0b5cad; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #9aa5b1; --line: #38414b; --paper: #14181d;
    --tint: #1d232a; --accent: #7db7f5; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 64rem; padding: 2rem 1.25rem 4rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .5rem; text-wrap: balance; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p { margin: .25rem 0 .75rem; max-width: 46rem; }
.soft { color: var(--soft); }
a { color: var(--accent); }
nav ul { columns: 2 16rem; padding-left: 1.1rem; margin: 1rem 0 0; }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .5rem .75rem; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
th { background: var(--tint); font-weight: 600; white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
td { overflow-wrap: anywhere; min-width: 6.5rem; font-variant-numeric: tabular-nums; }
td.short { white-space: nowrap; }
.card { margin-bottom: 1rem; }
.card th { width: 14rem; }
.card tr:last-child th { border-bottom: 0; }
.count { color: var(--soft); font-weight: 400; font-size: .95rem; }
@media print { body { max-width: none; padding: 0; font-size: 9.5pt; } nav { display: none; }
  .wide { overflow: visible; border: 0; } h2 { break-after: avoid; } tr { break-inside: avoid; }
  thead { display: table-header-group; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_FIRST = ("profiles", "identifiers", "purposes", "consents", "processing_activities")
_HEADS = {"sources": "source"}
"""Columns whose list has a section of the same name, and are called by another word."""
_SHORT = ("since", "occurred_at", "recorded_at", "received_at", "began_at", "due")


def page(data: Mapping[str, Any], columns: Mapping[str, Sequence[str]]) -> bytes:
    """The page, in the document's language."""
    say = words.of(data["language"])
    title = say[f"title_{data['kind']}"].format(controller=data["controller"]["name"])
    sections = dict(_sections(data, columns, say))
    contents = "".join(f'<li><a href="#{name}">{escape(say[name])}</a></li>' for name in sections)
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="soft">{escape(_made(data, say))}</p>',
        f'<p class="soft">{escape(say["files"])}</p>',
        f"<nav><ul>{contents}</ul></nav>",
        *sections.values(),
    ]
    return _whole(data["language"], title, "\n".join(body)).encode("utf-8", "replace")


def _whole(language: str, title: str, body: str) -> str:
    head = (
        f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex"><meta name="referrer" content="no-referrer">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style>"
    )
    return f'<!doctype html>\n<html lang="{language}"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _made(data: Mapping[str, Any], say: Words) -> str:
    return say["made"].format(
        made=_value(data["made_at"], "made_at", say), received=data["request"]["received_at"][:10]
    )


def _sections(
    data: Mapping[str, Any], columns: Mapping[str, Sequence[str]], say: Words
) -> list[tuple[str, str]]:
    """Lists in the order in which people ask, then what the law has them told."""
    tables = dict(lists(data))
    order = [name for name in _FIRST if name in tables] + [name for name in tables if name not in _FIRST]
    found = [
        (name, _section(name, _drawn(name, columns[name], tables[name], say), say, len(tables[name])))
        for name in order
    ]
    information = data.get("information") or {}
    for name in ("categories", "sources", "retention", "automated_decisions", "rights", "authority"):
        if name in information:
            found.append((name, _section(name, _prose(information[name], say), say)))
    address = data["controller"]["privacy_url"]
    return [*found, ("privacy_url", _section("privacy_url", _prose(address, say), say))] if address else found


def _section(name: str, inner: str, say: Words, count: int | None = None) -> str:
    counted = "" if count is None else f' <span class="count">({count})</span>'
    return f'<section id="{name}"><h2>{escape(say[name])}{counted}</h2>\n{inner}</section>'


def _prose(value: str | Sequence[str], say: Words) -> str:
    if isinstance(value, str):
        return f"<p>{escape(value)}</p>"
    items = "".join(f"<li>{escape(_spoken(one))}</li>" for one in value)
    return f"<ul>{items}</ul>" if items else f"<p>{escape(say['none'])}</p>"


def _drawn(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], say: Words) -> str:
    return _cards(columns, rows, say) if name == "profiles" else _table(columns, rows, say)


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], say: Words) -> str:
    """A row for each; of identifiers without meaning to people, only ``data.json`` and the tables tell."""
    if not rows:
        return f"<p>{escape(say['none'])}</p>"
    shown = [name for name in columns if name != "did"]
    head = "".join(f'<th scope="col">{escape(say[_HEADS.get(name, name)])}</th>' for name in shown)
    body = "\n".join(f"<tr>{''.join(_cell(row[name], name, say) for name in shown)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _cards(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], say: Words) -> str:
    """Each row by itself, its members below each other."""
    return "\n".join(
        '<div class="wide card"><table><tbody>'
        + "".join(
            f'<tr><th scope="row">{escape(say[name])}</th>{_cell(row[name], name, say)}</tr>'
            for name in columns
        )
        + "</tbody></table></div>"
        for row in rows
    )


def _cell(value: Any, name: str, say: Words) -> str:
    short = ' class="short"' if name in _SHORT else ""
    return f'<td{short} dir="auto">{escape(_value(value, name, say))}</td>'


def _value(value: Any, name: str, say: Words) -> str:
    """A value in words: times to the minute, lists joined, codes without underscores."""
    if value is None or value == [] or value == "":
        return "–"
    if isinstance(value, bool):
        return say["yes"] if value else say["no"]
    if name == "registration":
        proof = value["proof"]
        return f"{proof['log_index']:,}" if proof else _spoken(value["state"])
    if name == "external_ids":
        return ", ".join(f"{one['scope']}: {one['id']}" for one in value)
    if isinstance(value, list):
        return ", ".join(_spoken(one) for one in value)
    if name.endswith("_at") or name == "since":
        return f"{value[:10]} {value[11:16]} UTC"
    return value if name in ("value", "words", "email", "name", "phone", "did", "topic") else _spoken(value)


def _spoken(code: str) -> str:
    return code.replace("_", " ")
