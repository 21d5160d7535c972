"""Working days: weekends, holidays, and calendars that are built once."""

from __future__ import annotations

from datetime import date

import pytest

from dxflow.engine.rights.regimes import EEA
from dxflow.engine.rights.workdays import (
    FIRST_YEAR,
    LAST_YEAR,
    add_working_days,
    days_off,
    holidays_in,
    is_working_day,
    why_off,
    working_day_from,
)


@pytest.mark.parametrize("calendar", ["EU", "GB-ENG", "US-CA", *sorted(EEA - {"EL"})])
def test_every_calendar_knows_christmas_in_the_first_and_the_last_year(calendar: str) -> None:
    for year in (FIRST_YEAR, LAST_YEAR + 1):  # a period that starts in the last year ends in the next
        assert date(year, 12, 25) in holidays_in(calendar, year)


def test_a_years_holidays_are_built_once_and_cannot_be_changed() -> None:
    year = holidays_in("DE", 2026)
    assert holidays_in("DE", 2026) is year
    with pytest.raises(TypeError):
        year[date(2026, 5, 12)] = "mine"  # type: ignore[index]  # a Mapping has no such thing: that is the test


def test_a_holiday_kept_in_the_year_before_its_date_is_known_there() -> None:
    assert why_off(date(2021, 12, 31), "US-CA") == "New Year's Day (observed)"


def test_a_day_of_observance_on_which_offices_stay_open_is_a_working_day() -> None:
    assert is_working_day(date(2024, 2, 15), "US-CA")  # Susan B. Anthony Day
    assert is_working_day(date(2027, 10, 29), "US-CA")  # Diwali


def test_a_holiday_that_shares_its_date_with_an_observance_still_counts() -> None:
    assert not is_working_day(date(2021, 2, 15), "US-CA")  # Presidents' Day and Susan B. Anthony Day


def test_a_working_day_is_its_own_next_working_day() -> None:
    assert working_day_from(date(2026, 5, 12), "DE") == date(2026, 5, 12)
    assert working_day_from(date(2026, 4, 3), "DE") == date(2026, 4, 7)  # Good Friday to Easter Monday


def test_without_a_calendar_only_weekends_are_off() -> None:
    assert is_working_day(date(2026, 12, 25), None)
    assert why_off(date(2026, 12, 26), None) == "a Saturday"


def test_counting_starts_on_the_day_after() -> None:
    assert add_working_days(date(2026, 5, 8), 1, None) == date(2026, 5, 11)
    assert add_working_days(date(2026, 5, 9), 1, None) == date(2026, 5, 11)
    assert add_working_days(date(2026, 5, 9), 0, None) == date(2026, 5, 9)


def test_days_off_are_listed_with_their_reasons() -> None:
    assert list(days_off(date(2026, 4, 2), date(2026, 4, 6), "DE")) == [
        (date(2026, 4, 3), "Good Friday"),
        (date(2026, 4, 4), "a Saturday"),
        (date(2026, 4, 5), "a Sunday"),
        (date(2026, 4, 6), "Easter Monday"),
    ]
