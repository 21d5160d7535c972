"""JSON as RFC 8259 has it, for callers who have to be taken at their word: what two readers could read in two
ways is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def loads(raw: bytes) -> Any:
    """One document in UTF-8: no NaN, no name twice in an object.

    Raises ValueError (UnicodeDecodeError, JSONDecodeError, or one whose text quotes at most a constant), and
    RecursionError for one that is nested too deeply. JSONDecodeError carries the whole document: raise what you
    make of it ``from None``.
    """
    return json.loads(raw.decode("utf-8"), object_pairs_hook=_unique, parse_constant=_no_constant)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice in one object")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
