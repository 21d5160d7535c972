"""Time as dxflow keeps it: aware UTC, millisecond precision, RFC 3339 text ending in ``Z``.

One spelling everywhere (rows, leaves, answers), so that texts sort as the times do. The clock itself is a
parameter: whoever needs the time takes a ``Clock`` and tests pass their own.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

EVER = "0001-01-01T00:00:00.000Z"
"""Before every moment. Asked so, SQLite takes an index of moments; asked for IS NOT NULL, it reads all."""

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def to_text(moment: datetime) -> str:
    """``2026-11-23T16:25:08.123Z`` for an aware moment; a naive one is refused with ValueError."""
    if moment.tzinfo is None:
        raise ValueError("a moment without a time zone is ambiguous")
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text.removesuffix("+00:00") + "Z"


def from_text(text: str) -> datetime:
    """Parse RFC 3339 (any offset, any number of fraction digits) into aware UTC.

    Raises ValueError for anything else, a time without an offset included (RFC 3339 section 5.6).
    """
    moment = datetime.fromisoformat(_trim_fraction(text.strip()))
    if moment.tzinfo is None:
        raise ValueError(f"no time zone in {text!r}")
    return moment.astimezone(UTC)


def _trim_fraction(text: str) -> str:
    """Platforms send 1 to 9 fraction digits; ``fromisoformat`` keeps at most 6."""
    head, dot, tail = text.partition(".")
    if not dot:
        return text
    digits = tail[: len(tail) - len(tail.lstrip("0123456789"))]
    return f"{head}.{digits[:6]}{tail[len(digits) :]}" if digits else text


def after(moment: datetime, seconds: float) -> datetime:
    """``moment`` plus so many seconds."""
    return moment + timedelta(seconds=seconds)
