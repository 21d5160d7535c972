"""Whether a body names a person: by an e-mail address, a telephone number, or an id of theirs.

A body goes when it names the person, so both mistakes cost: overlooked, it keeps them; taken for theirs when
it isn't, it takes away what is about somebody else. Addresses and numbers are found wherever they stand,
however they are typed. Ids of ten characters and more are unlike anything else; shorter ones stand in every
second body, and count only where a customer's id stands.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

import phonenumbers

_UNLIKE_ANYTHING = 10
"""Characters of an id that needs no name beside it."""
_SHORTEST_NUMBER = 6
_OF_CUSTOMERS = frozenset(
    {"customer_id", "customerid", "user_id", "userid", "customer", "customer.id", "user.id", "billing.id"}
)
_BETWEEN = r"[^\w\n]{0,3}"
_FIELDS = 10_000
_DEEPEST = 64


@dataclass(frozen=True)
class Identifiers:
    """What to look for. ``phones`` are E.164 where they could be read, else as somebody wrote them; ``ids`` are
    pairs of scope and id."""

    emails: frozenset[str]
    phones: frozenset[str]
    ids: frozenset[tuple[str, str]]

    def named_in(self, body: bytes, source: str, topic: str = "") -> bool:
        """Whether a body (JSON or a form) of this source and topic names the person."""
        members = list(_members(body))
        text = _folded("\n".join(value for _, value in members))
        if any(pattern.search(text) for pattern in self._anywhere):
            return True
        ids = {value for scope, value in self.ids if source in scope.split(":")}
        return bool(ids) and any(
            _last(value) in ids and (len(_last(value)) >= _UNLIKE_ANYTHING or _is_customers(name, topic))
            for name, value in members
        )

    @cached_property
    def _anywhere(self) -> list[re.Pattern[str]]:
        spellings = {spelled for email in self.emails for spelled in _spellings(email)}
        addresses = [rf"(?<![\w.+-]){re.escape(one)}(?!\.?[\w-])" for one in sorted(spellings)]
        return [re.compile(one) for one in [*addresses, *map(_dialled, sorted(self.phones))] if one]


def _members(body: bytes) -> Iterator[tuple[str, str]]:
    """(name, value) of everything a body says; the name in lower case, behind that of what it stands in."""
    text = body.decode("utf-8", "replace")
    try:
        yield from _within("", json.loads(text))
    except (ValueError, RecursionError):
        yield "", text
        yield from _of_form(text)


def _of_form(text: str) -> Iterator[tuple[str, str]]:
    try:
        pairs = parse_qsl(text, max_num_fields=_FIELDS, errors="replace")
    except ValueError:
        return
    for name, value in pairs:
        yield name.lower().replace("[", ".").replace("]", ""), value
        if value[:1] in ("{", "["):
            yield from _members(value.encode("utf-8", "replace"))


def _within(name: str, value: object, depth: int = 0) -> Iterator[tuple[str, str]]:
    if depth > _DEEPEST:
        yield name, json.dumps(value, ensure_ascii=False)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield "", str(key)
            yield from _within(f"{name.rpartition('.')[2]}.{key}".lower().strip("."), inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            yield from _within(name, inner, depth + 1)
    elif isinstance(value, str | int) and not isinstance(value, bool):
        yield name, str(value)


def _is_customers(name: str, topic: str) -> bool:
    of_topic = name == "id" and topic.lower().startswith("customer")
    return of_topic or name in _OF_CUSTOMERS or name.rpartition(".")[2] in _OF_CUSTOMERS


def _last(value: str) -> str:
    """``gid://shopify/Customer/42`` and ``42`` are the same id."""
    return value.strip().rpartition("/")[2]


def _spellings(email: str) -> Iterable[str]:
    """As it is, and with its domain as DNS spells it (IDNA)."""
    folded = _folded(email.strip())
    local, at, domain = folded.rpartition("@")
    try:
        return {folded, f"{local}{at}{domain.encode('idna').decode()}"} if at else ()
    except UnicodeError:
        return {folded}


def _dialled(phone: str) -> str:
    """A pattern of a number however it is dialled and spaced; empty for one too short to be found."""
    try:
        parsed = phonenumbers.parse(phone)
        code, digits = str(parsed.country_code), phonenumbers.national_significant_number(parsed)
    except phonenumbers.NumberParseException:
        code, digits = "", re.sub(r"\D", "", phone)
    if len(digits) < _SHORTEST_NUMBER:
        return ""
    abroad = rf"(?:\+|00|011)?{_BETWEEN}{_BETWEEN.join(code)}{_BETWEEN}0?{_BETWEEN}|" if code else ""
    return rf"(?<!\d)(?:{abroad}0)?{_BETWEEN}{_BETWEEN.join(digits)}(?!\d)"


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
