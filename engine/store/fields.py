"""Column types that read alike on SQLite and PostgreSQL and stay friendly to plain SQL.

Ids and times are text on SQLite (36 characters; RFC 3339 with milliseconds), ``uuid`` and ``timestamptz`` on
PostgreSQL; documents are text or ``jsonb``. In Python they are always ``str``, aware ``datetime`` and plain
JSON values.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import peewee

from .. import moments


class IdField(peewee.Field):
    """A UUID in its canonical 36-character spelling."""

    field_type = "UUID"

    def db_value(self, value: Any) -> str | None:
        return None if value is None else str(value)

    def python_value(self, value: Any) -> str | None:
        return None if value is None else str(value)


class MomentField(peewee.Field):
    """An aware UTC ``datetime`` with millisecond precision."""

    field_type = "TIMESTAMPTZ"

    def db_value(self, value: Any) -> str | None:
        return moments.to_text(value) if isinstance(value, datetime) else value

    def python_value(self, value: Any) -> datetime | None:
        if value is None or isinstance(value, datetime):
            return None if value is None else value.astimezone(UTC)
        try:
            return moments.from_text(value)
        except ValueError:  # SQLite's own CURRENT_TIMESTAMP, as plain SQL may write it: UTC without saying so
            return datetime.fromisoformat(value).replace(tzinfo=UTC)


class DocumentField(peewee.Field):
    """A JSON value: dict, list or scalar."""

    field_type = "JSONB"

    def db_value(self, value: Any) -> str | None:
        return None if value is None else json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def python_value(self, value: Any) -> Any:
        return json.loads(value) if isinstance(value, str | bytes) else value


class BytesField(peewee.BlobField):
    """Bytes in, bytes out (the drivers hand back buffers)."""

    def python_value(self, value: Any) -> bytes | None:
        return None if value is None else bytes(value)
