"""Lists in pages: newest first, continued by a cursor that names the last row seen.

A cursor is a place, not a count: rows that arrive or go while somebody pages neither repeat nor hide others.
It is opaque to callers and good for the list it came from alone; it grants nothing, because every list is
confined to its tenant by the query itself. Its form is fixed: base64url of three bytes that stand for the list
and of the place in so many bytes. So ``pattern`` says exactly what is taken, and whatever fits it is a place.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, Generic, TypeVar

from .. import moments
from ..errors import Invalid

LARGEST = 200
"""The most rows a page may have."""
_LAST_NUMBER = 2**63 - 1  # of both databases' integers
_FIRST_MOMENT = datetime.min.replace(tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LAST_MOMENT = (datetime.max.replace(tzinfo=UTC) - _FIRST_MOMENT) // _MICROSECOND
_UUID_BYTES = 16
_TAG_BYTES = 3

T = TypeVar("T")


class Order(Enum):
    """What a list is ordered by, as the number of bytes of a place in it; a multiple of three, so that every
    text of the right length is base64."""

    NUMBER = 9
    """Rows that count upwards."""
    TIME = 8 + _UUID_BYTES
    """A time, then a UUID."""


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


def newest(tenant_id: str, at: Any, *, limit: int, cursor: str | None, **equal: object) -> Page[Any]:
    """A page of a tenant's rows, newest first by the column ``at`` of their table: of those whose columns equal
    these values, where None asks for nothing. Raises Invalid for a cursor of another list."""
    row = at.model
    query = row.select().where(row.tenant_id == tenant_id)
    for name, value in equal.items():
        query = query if value is None else query.where(getattr(row, name) == value)
    return by_time(query, at, row.id, limit=limit, cursor=cursor)


def older(query: Any, at: Any, row_id: Any, after: Place | None) -> Any:
    """``query`` newest first, from the row after that place on."""
    ordered = query.order_by(at.desc(), row_id.desc())
    return ordered if after is None else ordered.where(before(at, row_id, after))


def before(at: Any, row_id: Any, after: Place) -> Any:
    """What is true of rows that come after that place in a list that is newest first."""
    # The first condition is implied by the second; it is the one an index on the time can use.
    return (at <= after.spelled) & ((at < after.spelled) | (row_id < after.row_id))


def cut(kind: str, rows: list[T], limit: int, place: Callable[[T], Place]) -> Page[T]:
    """The first ``limit`` of ``rows``, with the cursor of the last one when there are more."""
    if len(rows) <= limit:
        return Page(rows, None)
    last = place(rows[limit - 1])
    return Page(rows[:limit], _write_place(kind, last))


def mark(kind: str, place: Place) -> str:
    """The cursor of a list that goes on after this place."""
    return _write_place(kind, place)


def numbered(kind: str, number: int) -> str:
    """The cursor of a list of rows that count upwards, that goes on below this number."""
    return _text(_tag(kind) + number.to_bytes(Order.NUMBER.value))


def by_number(
    kind: str,
    fetch: Callable[[int, int | None], list[T]],
    number: Callable[[T], int],
    *,
    limit: int,
    cursor: str | None,
) -> Page[T]:
    """A page of rows that count upwards: ``fetch(how many, below which number)`` gives them newest first."""
    rows = fetch(limit + 1, None if cursor is None else read_number(kind, cursor))
    if len(rows) <= limit:
        return Page(rows, None)
    return Page(rows[:limit], numbered(kind, number(rows[limit - 1])))


def pattern(kind: str, order: Order) -> str:
    """The regular expression of this list's cursors; every text that fits is one."""
    return rf"^{_text(_tag(kind))}[A-Za-z0-9_-]{{{order.value * 4 // 3}}}$"


def read_place(kind: str, cursor: str) -> Place:
    """The place a cursor of this list names; a time beyond all others is the last one. Raises Invalid."""
    raw = _decode(kind, Order.TIME, cursor)
    since = min(int.from_bytes(raw[:-_UUID_BYTES]), _LAST_MOMENT)
    return Place(_FIRST_MOMENT + since * _MICROSECOND, str(uuid.UUID(bytes=raw[-_UUID_BYTES:])))


def read_number(kind: str, cursor: str) -> int:
    """The number a cursor of this list names; one beyond all others is the last one. Raises Invalid."""
    return min(int.from_bytes(_decode(kind, Order.NUMBER, cursor)), _LAST_NUMBER)


def _write_place(kind: str, place: Place) -> str:
    since = (place.at - _FIRST_MOMENT) // _MICROSECOND
    at = since.to_bytes(Order.TIME.value - _UUID_BYTES)
    return _text(_tag(kind) + at + uuid.UUID(place.row_id).bytes)


def _decode(kind: str, order: Order, cursor: str) -> bytes:
    if not re.fullmatch(pattern(kind, order), cursor):
        raise Invalid("cursor", "not a cursor of this list; take next_cursor of the page before as it is")
    return base64.urlsafe_b64decode(cursor)[_TAG_BYTES:]


def _tag(kind: str) -> bytes:
    return hashlib.sha256(kind.encode()).digest()[:_TAG_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode("ascii")
