"""What holds for every day: ten years walked through for each regime, and drawn cases beyond them.

The oracle below counts in another way than the engine: day by day, on the ``holidays`` package's own objects.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.rights import REGIMES, ClockResult, compute
from dxflow.engine.rights.holds import Hold

DAY = timedelta(days=1)
YEARS = range(2008, 2101)
CALENDARS = {
    "gdpr": holidays.financial_holidays("XECB", years=YEARS),
    "uk_gdpr": holidays.country_holidays("GB", subdiv="ENG", years=YEARS),
}
REGIME_NAMES = sorted(REGIMES)
EXTENDABLE = ["ccpa", "gdpr", "uk_gdpr"]
RECEIPTS = st.dates(date(2008, 1, 1), date(2099, 12, 31))


def ten_years() -> Iterator[date]:
    day = date(2020, 1, 1)  # three leap days
    while day < date(2030, 1, 1):
        yield day
        day += DAY


def at(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def months_later(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def works(day: date, regime: str) -> bool:
    return day.weekday() < 5 and day not in CALENDARS[regime]


def first_working_day(day: date, regime: str) -> date:
    while not works(day, regime):
        day += DAY
    return day


def check_every_invariant(result: ClockResult, received: date) -> None:
    assert result.due > received
    assert result.acknowledge_by is None or received < result.acknowledge_by < result.due
    assert [step.date for step in result.steps] == sorted(step.date for step in result.steps)
    assert any(step.date == result.due and step.what.startswith("Respond") for step in result.steps)
    assert all(step.what and step.why.endswith(".") and step.citation for step in result.steps)


@pytest.mark.parametrize("extended", [False, True])
@pytest.mark.parametrize("regime", ["gdpr", "uk_gdpr"])
def test_on_every_day_of_ten_years_months_end_as_the_regulation_says(regime: str, extended: bool) -> None:
    for day in ten_years():
        result = compute(regime, at(day), extended=extended)
        check_every_invariant(result, day)
        last = months_later(day, 3 if extended else 1)
        assert result.due == first_working_day(last, regime), day
        assert any("moved" in step.what and step.date == result.due for step in result.steps) == (
            result.due != last
        ), day


@pytest.mark.parametrize(
    ("regime", "extended", "length"), [("ccpa", False, 45), ("ccpa", True, 90), ("shopify", False, 30)]
)
def test_on_every_day_of_ten_years_calendar_days_are_exact(regime: str, extended: bool, length: int) -> None:
    for day in ten_years():
        result = compute(regime, at(day), extended=extended)
        check_every_invariant(result, day)
        assert result.due == day + length * DAY, day


def test_on_every_day_of_ten_years_business_days_are_counted_one_by_one() -> None:
    off = holidays.country_holidays("US", subdiv="CA", years=YEARS)
    for name in ("Susan B. Anthony Day", "Diwali"):  # offices are open
        for day in off.get_named(name, lookup="exact"):
            if off[day] == name:
                del off[day]
    business = [day for day in (date(2020, 1, 1) + n * DAY for n in range(3800)) if day.weekday() < 5]
    business = [day for day in business if day not in off]
    position = 0
    for day in ten_years():
        while business[position] <= day:
            position += 1
        answer, opt_out = compute("ccpa", at(day)), compute("ccpa_opt_out", at(day))
        check_every_invariant(opt_out, day)
        assert (answer.acknowledge_by, opt_out.due) == (business[position + 9], business[position + 14]), day


@given(st.sampled_from(REGIME_NAMES), RECEIPTS)
def test_in_any_year_whose_holidays_are_known_the_answer_is_due_after_receipt(
    regime: str, received: date
) -> None:
    check_every_invariant(compute(regime, at(received)), received)


@given(st.sampled_from(EXTENDABLE), RECEIPTS)
def test_an_extended_answer_is_due_later_and_announced_before_the_first_date_is_over(
    regime: str, received: date
) -> None:
    plain, extended = compute(regime, at(received)), compute(regime, at(received), extended=True)
    assert extended.due > plain.due
    assert extended.acknowledge_by == plain.acknowledge_by
    notices = [step.date for step in extended.steps if step.what.startswith("Announce the extension")]
    assert notices[-1] == plain.due


@given(st.sampled_from(["gdpr", "uk_gdpr"]), RECEIPTS, st.booleans())
def test_a_later_receipt_is_never_due_earlier(regime: str, received: date, extended: bool) -> None:
    if received == date(2099, 12, 31):
        return
    first, second = (compute(regime, at(day), extended=extended).due for day in (received, received + DAY))
    assert first <= second


@st.composite
def waits_within_the_month(draw: st.DrawFn) -> tuple[date, list[Hold]]:
    """A receipt and up to four waits that all begin within the 28 days that every month has."""
    received = draw(st.dates(date(2008, 1, 1), date(2090, 1, 1)))
    pairs = draw(st.lists(st.tuples(st.integers(0, 28), st.integers(0, 40)), max_size=4))
    return received, [(received + a * DAY, received + (a + length) * DAY) for a, length in pairs]


@given(waits_within_the_month(), st.booleans())
def test_in_the_uk_each_held_day_adds_exactly_one(case: tuple[date, list[Hold]], extended: bool) -> None:
    received, holds = case
    held = {first + n * DAY for first, last in holds for n in range((last - first).days + 1)} - {received}
    last = months_later(received, 3 if extended else 1) + len(held) * DAY
    result = compute("uk_gdpr", at(received), holds=holds, extended=extended)
    assert result.due == first_working_day(last, "uk_gdpr")
    check_every_invariant(result, received)


@given(waits_within_the_month(), st.sampled_from(["gdpr", "ccpa", "ccpa_opt_out", "shopify"]))
def test_elsewhere_no_wait_moves_a_date_and_each_says_so(case: tuple[date, list[Hold]], regime: str) -> None:
    received, holds = case
    plain, held = compute(regime, at(received)), compute(regime, at(received), holds=holds)
    assert (held.acknowledge_by, held.due) == (plain.acknowledge_by, plain.due)
    assert sum("does not stop" in step.what for step in held.steps) == len(holds)
    check_every_invariant(held, received)


@given(RECEIPTS, st.integers(0, 400))
def test_in_the_uk_the_latest_of_receipt_and_proof_starts_the_clock(proven: date, earlier: int) -> None:
    received = max(proven - earlier * DAY, date(2008, 1, 1))
    assert compute("uk_gdpr", at(received), verified=at(proven)).due == compute("uk_gdpr", at(proven)).due
    assert compute("uk_gdpr", at(proven), verified=at(received)).due == compute("uk_gdpr", at(proven)).due
