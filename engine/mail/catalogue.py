"""The texts of every message, in six languages: one TOML file each under ``texts/``.

The rule: a caller gives values, never sentences of law. Dates are ``YYYY-MM-DD`` (or dates) and written in the
language's own form; request types, decisions and reasons of a denial are names from the closed lists and
written in its words. A paragraph whose optional value is empty is left out, so nothing is ever left unfilled.
What a language lacks is said in English, and then all of that message is.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from .letter import one_line

ENGLISH = "en"
LANGUAGES = (ENGLISH, "de", "fr", "es", "it", "nl")
"""ISO 639-1."""


@dataclass(frozen=True, slots=True)
class Kind:
    """The values of one kind of message: those it ``needs``, and those that ``may`` be empty. A ``private`` one
    is for its receiver's eyes alone, and shown to nobody here; one about an erasure is sent ``afterwards``
    too. One of an ``account`` is no data controller's work: it goes while theirs is paused."""

    needs: frozenset[str]
    may: frozenset[str] = frozenset()
    private: bool = False
    afterwards: bool = False
    account: bool = False


def _kind(needs: str, may: str = "", **more: bool) -> Kind:
    return Kind(frozenset(needs.split()), frozenset(may.split()), **more)


KINDS: Mapping[str, Kind] = {
    "acknowledged": _kind("controller reference type received", "due"),
    "code": _kind("controller reference type received code link", private=True),
    "release_code": _kind("controller reference type received code link", private=True),
    "extension": _kind("controller reference type due reason complaint"),
    "clarification": _kind("controller reference type question"),
    "denial": _kind("controller reference type reason complaint", "explanation"),
    "package_ready": _kind("controller reference link expires"),
    "fulfilled": _kind("controller reference type decision complaint", "message"),
    "erased": _kind("controller reference gone complaint", "remains receipt", afterwards=True),
    "cancelled": _kind("controller reference type"),
    "ended": _kind("controller reference type", afterwards=True),
    "duplicate": _kind("controller reference type first"),
    "password_reset": _kind("controller link token", private=True, account=True),
    "password_by_provider": _kind("controller link", private=True, account=True),
    "password_changed": _kind("controller link", private=True, account=True),
    "team_received": _kind("controller reference type received desk", "due"),
    "team_warning": _kind("count percent reference type due desk"),
    "team_overdue": _kind("count reference type due desk"),
}
"""Every message there is. ``complaint`` is made here, of the ``regime`` and the ``authority``."""

ACCOUNT = frozenset(kind for kind, one in KINDS.items() if one.account)
_DATES = frozenset({"received", "due", "expires"})
_LISTS = {"type": "types", "decision": "decisions"}
_LISTS_OF = {("denial", "reason"): "denials", ("erased", "gone"): "gone", ("erased", "remains"): "remains"}
_LAWS = {"uk_gdpr": "uk_gdpr", "ccpa": "ccpa", "ccpa_opt_out": "ccpa"}
_NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Written:
    """A message in words; ``language`` is the one it is in."""

    language: str
    subject: str
    text: str


def write(kind: str, language: str, values: Mapping[str, object]) -> Written:
    """A message of this kind with these values; those that it doesn't say are passed over. Raises LookupError
    for a kind that there isn't, and for a value that it needs and wasn't given."""
    if kind not in KINDS:
        raise LookupError(f"no message {kind!r}; there are {', '.join(KINDS)}")
    used = language if kind in words(language) else ENGLISH
    said = {name: _said(kind, name, values, used) for name in KINDS[kind].needs | KINDS[kind].may}
    missing = sorted(name for name in KINDS[kind].needs if not said[name])
    if missing:
        raise LookupError(f"a message {kind!r} needs {', '.join(missing)}")
    template = words(used)[kind]
    paragraphs = template["text"].strip().split("\n\n")
    whole = [one for one in paragraphs if all(said[name] for name in names(one))]
    text = "\n\n".join(_filled(one, said) for one in whole) + "\n"
    return Written(used, one_line(_filled(template["subject"], said)), text)


def names(template: str) -> set[str]:
    """The values that a template says."""
    return set(_NAME.findall(template))


@lru_cache(maxsize=len(LANGUAGES))
def words(language: str) -> Mapping[str, Any]:
    """A language's file; nothing for one that there isn't."""
    if language not in LANGUAGES:
        return {}
    with (Path(__file__).parent / "texts" / f"{language}.toml").open("rb") as file:
        return tomllib.load(file)


def day(value: date, language: str) -> str:
    """``1er décembre 2026``"""
    form = words(language)["dates"]
    number = form["first"] if value.day == 1 else str(value.day)
    said = {"day": number, "month": form["months"][value.month - 1], "year": str(value.year)}
    return _filled(form["form"], said)


def _filled(template: str, said: Mapping[str, str]) -> str:
    """In one pass: braces in a value mean nothing."""
    return _NAME.sub(lambda found: said[found[1]], template)


def _said(kind: str, name: str, values: Mapping[str, object], language: str) -> str:
    if name == "complaint":
        return _complaint(values, language)
    value = values.get(name)
    if value is None or value == "":
        return ""
    if name in _DATES:
        return day(value if isinstance(value, date) else date.fromisoformat(str(value)[:10]), language)
    listed = _LISTS_OF.get((kind, name)) or _LISTS.get(name)
    if listed:  # one that isn't in the list came from plain SQL
        return str(words(language)[listed].get(str(value), str(value).replace("_", " ")))
    return _clean(str(value))


def _complaint(values: Mapping[str, object], language: str) -> str:
    """The right to complain (GDPR Art. 12(4)), as the request's regime words it."""
    law = _LAWS.get(str(values.get("regime") or ""), "gdpr")
    authority = one_line(str(values.get("authority") or ""))
    return _filled(words(language)["complaint"][law], {"authority": f" ({authority})" if authority else ""})


def _clean(text: str) -> str:
    """Line breaks stay; what else isn't printed goes."""
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("".join(one for one in line if one.isprintable()).rstrip() for line in lines).strip()
