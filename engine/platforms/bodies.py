"""Reading what came off the wire: JSON within limits, and small typed looks into it.

Parsing raises Malformed and nothing else. The looks (``text``, ``mapping`` …) never raise: a value of another
type is the same as none, because platforms leave out or null whatever an app may not see. Times are the
exception: one that is there but can't be read raises PermanentError, since ordering depends on it.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NoReturn

from ..errors import Malformed, PermanentError
from ..moments import from_text
from .base import Person

MAX_DEPTH = 64
"""Levels of nesting; real bodies have under ten."""

_ESCAPED_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_NOT_PRINTABLE = re.compile(r"[^\x20-\x7e]+")
_ADDRESS_KEYS = (
    *("address1", "address2", "city", "zip", "company"),  # Shopify
    *("line1", "line2", "postal_code"),  # Stripe
    *("address_1", "address_2", "postcode"),  # WooCommerce
    *("addr1", "addr2"),  # Mailchimp
)


def parse_json(body: bytes) -> object:
    """One JSON document in UTF-8 (RFC 8259). Raises Malformed for anything else, NaN included."""
    try:
        document = json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        # `from None`: JSONDecodeError carries the whole body, and tracebacks end in logs.
        raise Malformed("the body is not one JSON document in UTF-8") from None
    _check_depth(document)
    if _ESCAPED_SURROGATE.search(body):
        _check_surrogates(document)
    return document


def parse_object(body: bytes) -> dict[str, object]:
    """Like ``parse_json``, for bodies that have to be a JSON object."""
    document = parse_json(body)
    if not isinstance(document, dict):
        raise Malformed("the body is JSON but not an object")
    return document


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _finite(literal: str) -> float:
    number = float(literal)
    if not math.isfinite(number):
        raise ValueError("a number beyond the range of a double")
    return number


def _check_depth(document: object) -> None:
    """The same limit wherever the body is read: the parser's own depends on the caller's stack."""
    level, depth = [document], 0
    while level:
        depth += 1
        if depth > MAX_DEPTH:
            raise Malformed(f"the body is nested deeper than {MAX_DEPTH} levels")
        level = [child for node in level for child in _children(node)]


def _children(node: object) -> list[object]:
    """The containers directly inside a container."""
    inside = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return [child for child in inside if isinstance(child, (dict, list))]


def _check_surrogates(document: object) -> None:
    """Half a surrogate pair is valid JSON grammar but no Unicode text: no database would store it."""
    try:
        json.dumps(document, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed("the body holds half a surrogate pair") from None


def body_hash(body: bytes) -> bytes:
    """SHA-256 of the untouched body: what identifies a delivery where the platform gives no id."""
    return hashlib.sha256(body).digest()


def text(value: object) -> str | None:
    """A string with something in it, trimmed and without NULs (PostgreSQL stores none); else None."""
    if not isinstance(value, str):
        return None
    return value.replace("\x00", "").strip() or None


def identifier(value: object) -> str | None:
    """A platform's id as text: a positive integer or a non-empty string. 0 is nobody (WooCommerce guests)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if value > 0 else None
    return text(value)


def mapping(value: object) -> dict[str, object]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def sequence(value: object) -> list[object]:
    """The value if it is an array, else an empty one."""
    return value if isinstance(value, list) else []


def full_name(row: Mapping[str, object], first: str = "first_name", last: str = "last_name") -> str | None:
    """First and last name joined, whichever are there."""
    return " ".join(part for part in (text(row.get(first)), text(row.get(last))) if part) or None


def has_address(*places: object) -> bool:
    """Whether any of these objects holds a part of a postal address."""
    return any(text(mapping(place).get(key)) for place in places for key in _ADDRESS_KEYS)


def categories(person: Person | None = None, **present: object) -> tuple[str, ...]:
    """Sorted names of the categories of personal data that are there, never the values."""
    found = {name for name, value in present.items() if value}
    if person is not None:
        found |= {name for name in ("email", "phone", "name") if getattr(person, name)}
    return tuple(sorted(found))


def printable(values: Mapping[str, object], limit: int = 200) -> dict[str, str]:
    """Strings and ids fit for ``meta``: printable ASCII, at most ``limit`` characters, none of them empty."""
    cleaned = {key: _NOT_PRINTABLE.sub("", identifier(value) or "")[:limit] for key, value in values.items()}
    return {key: value for key, value in cleaned.items() if value}


def time_of(value: object, *, naive_is_utc: bool = False) -> datetime | None:
    """An RFC 3339 time as aware UTC; None where the platform gives none.

    ``naive_is_utc`` is for WooCommerce's ``*_gmt`` and Mailchimp's ``fired_at``, which are UTC and don't say
    so. Raises PermanentError for a value that is there and no time: unknown order means failure.
    """
    given = text(value)
    if given is None and not value:
        return None
    try:
        moment = datetime.fromisoformat(given or "") if naive_is_utc else from_text(given or "")
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise PermanentError("a time in the body is not one that can be read") from None


def unix_time_of(value: object) -> datetime | None:
    """Whole seconds since 1970 as aware UTC; None for none. Raises PermanentError like ``time_of``."""
    if value is None:
        return None
    try:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError("not an integer")
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise PermanentError("a time in the body is not whole seconds since 1970") from None
