"""Lists in pages: newest first, continued by a cursor that names the last row seen.

A cursor is a place, not a count: rows that arrive or go while somebody pages neither repeat nor hide others.
It is opaque to callers and good for the list it came from alone; it grants nothing, because every list is
confined to its tenant by the query itself.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from .. import moments
from ..errors import Invalid
from ..identity import did

LARGEST = 200
"""The most rows a page may have."""
_LAST_NUMBER = 2**63 - 1

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """``next_cursor`` is None on the last page."""

    rows: list[T]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class Place:
    """A row's place in a list ordered by time, then id."""

    at: datetime
    row_id: str

    @property
    def spelled(self) -> str:
        """The time as the database keeps it; plain SQL may have stored microseconds on PostgreSQL."""
        if self.at.microsecond % 1000 == 0:
            return moments.to_text(self.at)
        return self.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def by_time(query: Any, at: Any, row_id: Any, *, limit: int, cursor: str | None) -> Page[Any]:
    """A page of ``query``, ordered by the column ``at``, then ``row_id``; its list is named by ``at``'s table.

    Raises Invalid for a cursor of another list.
    """
    kind = at.model._meta.table_name
    after = None if cursor is None else read_place(kind, cursor)
    rows = list(older(query, at, row_id, after).limit(limit + 1))
    return cut(kind, rows, limit, lambda row: Place(getattr(row, at.name), getattr(row, row_id.name)))


def older(query: Any, at: Any, row_id: Any, after: Place | None) -> Any:
    """``query`` newest first, from the row after that place on."""
    ordered = query.order_by(at.desc(), row_id.desc())
    if after is None:
        return ordered
    # The first condition is implied by the second; it is the one an index on the time can use.
    return ordered.where(at <= after.spelled, (at < after.spelled) | (row_id < after.row_id))


def cut(kind: str, rows: list[T], limit: int, place: Callable[[T], Place]) -> Page[T]:
    """The first ``limit`` of ``rows``, with the cursor of the last one when there are more."""
    if len(rows) <= limit:
        return Page(rows, None)
    last = place(rows[limit - 1])
    return Page(rows[:limit], _encode(kind, last.spelled, last.row_id))


def by_number(
    kind: str,
    fetch: Callable[[int, int | None], list[T]],
    number: Callable[[T], int],
    *,
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """A page of rows that count upwards: ``fetch(how many, below which number)`` gives them newest first."""
    rows = fetch(limit + 1, None if cursor is None else _read_number(kind, cursor))
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], _encode(kind, number(rows[limit - 1])))


def read_place(kind: str, cursor: str) -> Place:
    """The place a cursor of this list names. Raises Invalid."""
    match _decode(kind, cursor):
        case [str(at), str(row_id)]:
            try:
                return Place(moments.from_text(at), did.canonical(row_id))
            except (ValueError, OverflowError, Invalid):
                raise _refused() from None
    raise _refused()


def _read_number(kind: str, cursor: str) -> int:
    match _decode(kind, cursor):
        case [int(number)] if 0 <= number <= _LAST_NUMBER:
            return number
    raise _refused()


def _encode(kind: str, *parts: str | int) -> str:
    raw = json.dumps([kind, *parts], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _decode(kind: str, cursor: str) -> list[object]:
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        content = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, RecursionError):
        raise _refused() from None
    if not isinstance(content, list) or content[:1] != [kind]:
        raise _refused()
    return content[1:]


def _refused() -> Invalid:
    return Invalid("cursor", "not a cursor of this list; take next_cursor of the page before as it is")
