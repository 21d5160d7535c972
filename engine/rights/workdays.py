"""Working days: Monday to Friday without the public holidays of a calendar.

A calendar is named by its ISO 3166 country, with a subdivision where one is meant (DE, DE-BY, GB-ENG, US-CA),
or ``EU``: the closing days of the European Central Bank, an institution of the Union, for the case that
nobody named a member state (Regulation 1182/71 Art. 2(1) looks at the state or institution that acts). The
ECB closes on six days, so it moves fewer dates than a state's own holidays do. None knows weekends alone.

Years are built once and frozen: the ``holidays`` package fills a calendar lazily in place, and a thread that
looks while another fills it would take a holiday for a working day.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType

import holidays

from ..errors import Invalid

FIRST_YEAR, LAST_YEAR = 2008, 2099
"""Years a clock may start in: the package knows every calendar used here from 2008 (Spain) to 2100."""

_DAY = timedelta(days=1)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKEND = frozenset({5, 6})
"""Saturday and Sunday, as ``date.weekday()`` numbers them."""

# Days of observance that the package lists for California although offices stay open: the first isn't in
# Cal. Gov. Code §6700, the second is one that employees may elect. To skip them would make a date too late.
_OFFICES_OPEN = frozenset({"Susan B. Anthony Day", "Diwali"})


@lru_cache(maxsize=1024)
def holidays_in(calendar: str, year: int) -> Mapping[date, str]:
    """The public holidays of one year, English names by date."""
    if calendar == "EU":
        return MappingProxyType(dict(holidays.financial_holidays("XECB", years=year, expand=False)))
    country, _, subdivision = calendar.partition("-")
    found = holidays.country_holidays(
        country, subdiv=subdivision or None, years=year, expand=False, language="en_US"
    )
    return MappingProxyType({day: name for day, name in found.items() if _closes(name)})


def _closes(name: str) -> bool:
    """Whether a holiday closes offices; the package joins the names of a shared date with ``; ``."""
    return not set(name.split("; ")) <= _OFFICES_OPEN


def why_off(day: date, calendar: str | None) -> str | None:
    """``a Saturday``, ``Good Friday``: why nobody works on that day; None on a working day."""
    holiday = holidays_in(calendar, day.year).get(day) if calendar else None
    if holiday is not None:
        return holiday
    return f"a {_WEEKDAYS[day.weekday()]}" if day.weekday() in WEEKEND else None


def is_working_day(day: date, calendar: str | None) -> bool:
    """Whether people work on that day."""
    return why_off(day, calendar) is None


def working_day_from(day: date, calendar: str | None) -> date:
    """The day itself where it is a working day, else the next one."""
    while not is_working_day(day, calendar):
        day += _DAY
    return day


def add_working_days(day: date, count: int, calendar: str | None) -> date:
    """The ``count``-th working day after ``day``; ``day`` itself isn't counted."""
    for _ in range(count):
        day = working_day_from(day + _DAY, calendar)
    return day


def days_off(first: date, last: date, calendar: str | None) -> Iterator[tuple[date, str]]:
    """Each day from ``first`` to ``last``, both included, on which nobody works, and why."""
    day = first
    while day <= last:
        if reason := why_off(day, calendar):
            yield day, reason
        day += _DAY


def title_of(calendar: str | None) -> str:
    """How a sentence calls the calendar."""
    if calendar == "EU":
        return "the European Central Bank's closing days, as no member state is named"
    return f"the public holidays of {calendar}" if calendar else "no public holidays"


def choose_calendar(
    country: str | None, default: str | None, calendars: Mapping[str, str], regions: frozenset[str]
) -> str | None:
    """The calendar for a country, or ``default`` where none is named or no rule looks at holidays.

    ``calendars`` are the countries allowed; a subdivision may follow those in ``regions``. Raises
    Invalid("country") for any other: another country's holidays could only move a date beyond the law.
    """
    if country is None or not calendars:
        return default
    text = country.strip().upper()
    if text in calendars:
        return calendars[text]
    code, _, subdivision = text.partition("-")
    if code in regions and subdivision in subdivisions(code):
        return text
    example = " (a subdivision may follow, as in DE-BY or GB-SCT)" if regions else ""
    raise Invalid("country", f"not under this regime; allowed are {', '.join(calendars)}{example}")


@lru_cache(maxsize=64)
def subdivisions(country: str) -> frozenset[str]:
    """The codes of a country's subdivisions: ``BY`` for Bavaria."""
    return frozenset(holidays.country_holidays(country).subdivisions)
