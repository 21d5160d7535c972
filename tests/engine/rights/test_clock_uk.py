"""UK GDPR Art. 12A: the clock starts with proof of identity, stops while a clarification is awaited."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from dxflow.engine.errors import Invalid
from dxflow.engine.rights import ClockResult, compute
from dxflow.engine.rights.holds import Hold

RECEIVED = datetime(2026, 5, 12, 9, tzinfo=UTC)  # a Tuesday; one month later is Friday 12 June


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(first: str, last: str) -> Hold:
    return date.fromisoformat(first), date.fromisoformat(last)


def whats(result: ClockResult) -> list[str]:
    return [step.what for step in result.steps]


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2019-09-03", "2019-10-03"),  # the ICO's older example
        ("2024-01-01", "2024-02-01"),  # the ICO: receipt on a bank holiday starts the clock all the same
        ("2024-11-25", "2024-12-27"),  # the ICO: 25 and 26 December are bank holidays
        ("2023-01-31", "2023-02-28"),
        ("2024-01-31", "2024-02-29"),
        ("2022-08-19", "2022-09-20"),  # 19 September 2022: the State Funeral, a holiday proclaimed for once
    ],
)
def test_the_regulators_worked_examples_come_out(received: str, due: str) -> None:
    assert compute("uk_gdpr", on(received)).due == date.fromisoformat(due)


def test_the_clock_starts_when_the_identity_is_proven() -> None:
    result = compute("uk_gdpr", RECEIVED, verified=on("2026-05-18"))
    assert result.due == date(2026, 6, 18)
    assert [step.date for step in result.steps if step.what == "Clock starts"] == [date(2026, 5, 18)]


def test_the_lack_of_a_date_to_acknowledge_by_is_told_at_receipt() -> None:
    result = compute("uk_gdpr", RECEIVED, verified=on("2026-05-18"))
    assert result.acknowledge_by is None
    assert [step.date for step in result.steps if "acknowledge" in step.what] == [date(2026, 5, 12)]


def test_an_identity_proven_before_the_request_does_not_start_the_clock_early() -> None:
    result = compute("uk_gdpr", RECEIVED, verified=on("2026-05-01"))
    assert result.due == date(2026, 6, 12)
    assert [step.date for step in result.steps if step.what == "Clock starts"] == [date(2026, 5, 12)]


@pytest.mark.parametrize(
    ("holds", "due"),
    [
        ([days("2026-05-18", "2026-05-18")], date(2026, 6, 15)),  # one day: Saturday 13, moved to Monday
        ([days("2026-05-18", "2026-05-20")], date(2026, 6, 15)),  # both ends are left out: 3 days
        ([days("2026-05-18", "2026-05-21")], date(2026, 6, 16)),
        ([days("2026-05-18", "2026-05-20"), days("2026-05-20", "2026-05-21")], date(2026, 6, 16)),
        ([days("2026-05-20", "2026-05-21"), days("2026-05-18", "2026-05-19")], date(2026, 6, 16)),
        ([days("2026-05-12", "2026-05-16")], date(2026, 6, 16)),  # the day of receipt never counted
        ([days("2026-05-12", "2026-05-12")], date(2026, 6, 12)),
        ([days("2026-06-12", "2026-06-15")], date(2026, 6, 16)),  # asked on the last day
        ([days("2026-06-13", "2026-06-20")], date(2026, 6, 12)),  # asked too late
        ([days("2026-05-18", "2026-05-21"), days("2026-06-15", "2026-06-16")], date(2026, 6, 18)),
    ],
)
def test_held_days_are_left_out_of_the_count_once(holds: list[Hold], due: date) -> None:
    assert compute("uk_gdpr", RECEIVED, holds=holds).due == due


def test_a_wait_that_begins_on_a_moved_last_day_leaves_that_day_to_be_used_afterwards() -> None:
    # One month ends on Saturday 13 June and was moved to Monday 15; the wait takes Monday to Wednesday.
    held = compute("uk_gdpr", on("2026-05-13"), holds=[days("2026-06-15", "2026-06-17")])
    assert held.due == date(2026, 6, 18)


def test_a_wait_before_the_identity_was_proven_stops_nothing() -> None:
    wait = days("2026-05-13", "2026-05-18")
    result = compute("uk_gdpr", RECEIVED, verified=on("2026-05-18"), holds=[wait])
    assert result.due == date(2026, 6, 18)
    assert "The clock had not started" in whats(result)


def test_the_steps_say_how_long_the_clock_stood_still() -> None:
    result = compute("uk_gdpr", RECEIVED, holds=[days("2026-05-18", "2026-05-21")])
    assert "Clock stopped until 2026-05-21, days not counted: 4" in whats(result)
    assert result.steps[-1].why.endswith("Days added because the clock stood still: 4.")
    assert "Art. 12A" in result.steps[-1].citation


def test_waits_that_touch_are_told_as_one() -> None:
    result = compute(
        "uk_gdpr", RECEIVED, holds=[days("2026-05-18", "2026-05-19"), days("2026-05-20", "2026-05-21")]
    )
    assert [what for what in whats(result) if "stopped" in what] == [
        "Clock stopped until 2026-05-21, days not counted: 4"
    ]


def test_the_steps_say_that_a_late_wait_adds_nothing() -> None:
    result = compute("uk_gdpr", RECEIVED, holds=[days("2026-06-13", "2026-06-20")])
    assert "Waiting until 2026-06-20: the period was already over, so nothing is added" in whats(result)


def test_held_days_move_the_extension_and_its_notice_alike() -> None:
    result = compute("uk_gdpr", RECEIVED, extended=True, holds=[days("2026-05-18", "2026-05-21")])
    notices = [step.date for step in result.steps if step.what.startswith("Announce the extension")]
    assert notices == [date(2026, 6, 16)]
    assert result.due == date(2026, 8, 17)  # 12 August and 4 days is Sunday 16


@pytest.mark.parametrize(
    ("country", "due"),
    [
        (None, date(2026, 8, 3)),  # the Scottish bank holiday
        ("GB", date(2026, 8, 3)),
        ("UK", date(2026, 8, 3)),
        ("GB-WLS", date(2026, 8, 3)),
        ("GB-SCT", date(2026, 8, 4)),
    ],
)
def test_england_and_wales_is_the_default_of_the_kingdoms_parts(country: str | None, due: date) -> None:
    assert compute("uk_gdpr", on("2026-07-03"), country=country).due == due


@pytest.mark.parametrize("country", ["DE", "US", "GB-XXX", "UK-SCT"])
def test_another_country_is_refused(country: str) -> None:
    with pytest.raises(Invalid, match=r"country: .*allowed are GB, UK"):
        compute("uk_gdpr", RECEIVED, country=country)


@pytest.mark.parametrize("regime", ["gdpr", "uk_gdpr", "ccpa", "ccpa_opt_out", "shopify"])
@pytest.mark.parametrize(
    ("hold", "fault"),
    [
        (days("2026-05-20", "2026-05-19"), "ends before it begins"),
        (days("2026-05-11", "2026-05-19"), "begins before the request was received on 2026-05-12"),
        (days("2026-05-13", "2100-01-01"), "up to the year 2099"),
    ],
)
def test_a_hold_that_cannot_be_is_refused_under_every_regime(regime: str, hold: Hold, fault: str) -> None:
    with pytest.raises(Invalid, match=f"holds: .*{fault}"):
        compute(regime, RECEIVED, holds=[hold])
