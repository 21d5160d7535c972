"""The days that a report is about, as they are where the desk is."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dateutil.relativedelta import relativedelta

from ..errors import Invalid, Unfit

_DAY = re.compile(r"([1-9]\d{3})(?:-(0[1-9]|1[0-2])(?:-(0[1-9]|[12]\d|3[01]))?)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Period:
    """From the first moment of ``first`` to the last of ``last``, in ``zone``; None is no limit."""

    first: date | None
    last: date | None
    zone: ZoneInfo

    @property
    def begin(self) -> datetime | None:
        """Its first moment."""
        return None if self.first is None else self._midnight(self.first)

    @property
    def end(self) -> datetime | None:
        """The first moment after it."""
        return None if self.last is None else self._midnight(self.last + timedelta(days=1))

    def day(self, moment: datetime | None) -> date | None:
        """The day of a moment where the desk is."""
        return None if moment is None else moment.astimezone(self.zone).date()

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)


def period(
    first: str | None, last: str | None, zone: str, otherwise: tuple[date | None, date | None]
) -> Period:
    """What ``first`` and ``last`` (a year, a month or a day each) stand for; ``otherwise`` where neither is
    given.

    Raises Invalid (from, to) for what isn't written as a day, Unfit for a day that there isn't and for an end
    before the beginning.
    """
    if first is None and last is None:
        return Period(*otherwise, ZoneInfo(zone))
    begins = _day("from", first, last=False) if first else None
    ends = _day("to", last, last=True) if last else None
    if begins and ends and ends < begins:
        raise Unfit("to", "lies before from")
    return Period(begins, ends, ZoneInfo(zone))


def last_year(today: date) -> tuple[date, date]:
    """The calendar year that is over."""
    return date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)


def last_24_months(today: date) -> tuple[date, date]:
    """How long requests must be kept on record (11 CCR §7101(a))."""
    return today - relativedelta(months=24), today


def _day(field: str, text: str, *, last: bool) -> date:
    match = _DAY.fullmatch(text.strip())
    if match is None:
        raise Invalid(field, f"{text[:20]!r} is no day; allowed are 2026, 2026-03 and 2026-03-31")
    try:
        year = int(match[1])
        month = int(match[2] or (12 if last else 1))
        final = calendar.monthrange(year, month)[1]
        day = date(year, month, int(match[3] or (final if last else 1)))
        _ = day + timedelta(days=1)  # a period's end is the day after
    except (ValueError, OverflowError):
        raise Unfit(field, "there is no such day") from None
    return day
