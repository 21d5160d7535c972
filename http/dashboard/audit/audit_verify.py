"""Checking a kept checkpoint: a browser does it by itself; for one without scripts it is done here, which the
page says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ....engine.services.audit import checkpoint_check
from ....engine.services.audit.checkpoint_check import Checked
from ..answers import Page
from . import audit_words
from .audit_reader import Reader, index_of

_LONGEST = 20_000
"""Characters of a note, which has room for many signatures."""


@dataclass(frozen=True, slots=True)
class Told:
    """A step in words."""

    title: str
    text: str
    held: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What came of it, in words."""

    tone: str
    title: str
    meaning: str
    advice: str


def ask(reader: Reader) -> Page:
    """The form; ``?entry=`` names one that is to be proven."""
    return _page(reader, {"checkpoint": "", "vkey": "", "entry": reader.query.get("entry", "")})


def check(reader: Reader) -> Page:
    """What this server finds by itself."""
    given = {name: reader.form.get(name, "") for name in ("checkpoint", "vkey", "entry")}
    note, index = checkpoint_check.tidy(given["checkpoint"][:_LONGEST]), index_of(given["entry"].strip())
    if not note.strip():
        return _page(reader, given, {"checkpoint": "Paste the checkpoint that you kept."})
    if given["entry"].strip() and index is None:
        return _page(reader, given, {"entry": "An entry is a number, from 0 on."})
    found = checkpoint_check.check(reader.core, reader.tenant_id, note, index, given["vkey"].strip())
    return _page(reader, given, checked=found)


def told(found: Checked) -> tuple[list[Told], Verdict]:
    """A check in words."""
    steps = []
    for step in found.steps:
        title, good, bad = audit_words.STEPS[step.code]
        steps.append(Told(title, audit_words.told(good if step.held else bad, step.said), step.held))
    tone, *texts = audit_words.VERDICTS[found.verdict]
    title, meaning, advice = (audit_words.told(text, found.said) for text in texts)
    return steps, Verdict(tone, title, meaning, advice)


def _page(
    reader: Reader,
    given: dict[str, str],
    errors: dict[str, str] | None = None,
    checked: Checked | None = None,
) -> Page:
    head = reader.core.log.head(reader.tenant_id)
    values: dict[str, Any] = {
        "head": head,
        "vkeys": reader.core.signing.vkeys(head.origin),
        "given": given,
        "errors": errors or {},
        "steps": [],
        "verdict": None,
        "check": audit_words.for_browser(),
    }
    if checked is not None:
        values["steps"], values["verdict"] = told(checked)
    return Page("audit/audit_verify.html", values, 422 if errors else 200)
