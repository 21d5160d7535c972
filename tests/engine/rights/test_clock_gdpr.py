"""GDPR: one calendar month by Regulation 1182/71, moved off weekends and holidays."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from dxflow.engine.errors import Invalid
from dxflow.engine.rights import ClockResult, ClockStep, compute


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def step(result: ClockResult, start: str) -> ClockStep:
    """The one step whose ``what`` begins so."""
    [found] = [step for step in result.steps if step.what.startswith(start)]
    return found


@pytest.mark.parametrize(
    ("received", "due", "rule"),
    [
        ("2026-03-05", "2026-04-07", "5 April is Easter Sunday, 6 April Easter Monday"),
        ("2025-03-05", "2025-04-07", "5 April is a Saturday"),
        ("2026-05-12", "2026-06-12", "same day number, a Friday"),
        ("2023-01-31", "2023-02-28", "February has no 31st"),
        ("2024-01-31", "2024-02-29", "nor in a leap year, which ends a day later"),
        ("2024-01-29", "2024-02-29", "a leap day is a day number like any other"),
        ("2024-02-29", "2024-03-29+", "29 March 2024 is Good Friday, then Easter"),
        ("2026-01-31", "2026-03-02", "28 February is a Saturday"),
        ("2022-08-31", "2022-09-30", "September has no 31st"),
        ("2024-11-25", "2024-12-27", "25 and 26 December are holidays"),
        ("2024-12-01", "2025-01-02", "1 January is a holiday"),
    ],
)
def test_one_month_ends_on_the_same_day_number_or_the_months_last_day(
    received: str, due: str, rule: str
) -> None:
    expected = date(2024, 4, 2) if due.endswith("+") else date.fromisoformat(due)
    assert compute("gdpr", on(received), country="DE").due == expected, rule


def test_an_extension_counts_three_months_from_receipt_not_from_a_shortened_month() -> None:
    result = compute("gdpr", on("2023-01-31"), extended=True)
    assert result.due == date(2023, 5, 2)  # 30 April is a Sunday, 1 May a holiday; not 28 April
    assert step(result, "Announce the extension").date == date(2023, 2, 28)


def test_the_extension_notice_moves_off_a_weekend_too() -> None:
    result = compute("gdpr", on("2026-01-31"), extended=True)
    assert step(result, "Announce the extension: moved").date == date(2026, 3, 2)


def test_no_notice_is_due_where_nothing_was_extended() -> None:
    assert not [step for step in compute("gdpr", on("2026-05-12")).steps if "extension" in step.what]


def test_a_moved_date_says_from_when_to_when_and_why() -> None:
    moved = step(compute("gdpr", on("2024-11-25"), country="DE"), "Respond: moved")
    assert moved.what == "Respond: moved from 2024-12-25 to 2024-12-27"
    assert "2024-12-25 is Christmas Day; 2024-12-26 is Second Day of Christmas" in moved.why
    assert "the public holidays of DE" in moved.why
    assert moved.citation == "Regulation (EEC, Euratom) No 1182/71, Art. 3(4)"


def test_a_date_that_stands_has_no_step_about_moving() -> None:
    assert not [step for step in compute("gdpr", on("2026-05-12")).steps if "moved" in step.what]


def test_there_is_no_date_to_acknowledge_by() -> None:
    result = compute("gdpr", on("2026-05-12"))
    assert result.acknowledge_by is None
    assert "without undue delay" in step(result, "No date to acknowledge by").why


def test_waiting_for_the_person_does_not_stop_the_clock_and_the_steps_say_so() -> None:
    wait = (date(2026, 5, 14), date(2026, 5, 20))
    held = compute("gdpr", on("2026-05-12"), holds=[wait])
    assert held.due == compute("gdpr", on("2026-05-12")).due
    assert "does not stop" in step(held, "Waiting for the person until 2026-05-20").what


def test_proving_an_identity_does_not_move_the_start() -> None:
    result = compute("gdpr", on("2026-05-12"), verified=on("2026-05-20"))
    assert result.due == date(2026, 6, 12)
    assert step(result, "Identity verified").date == date(2026, 5, 20)


@pytest.mark.parametrize(
    ("country", "due"),
    [
        ("DE", date(2026, 6, 4)),  # Corpus Christi is no national holiday
        ("DE-BY", date(2026, 6, 5)),  # it is one in Bavaria
        ("AT", date(2026, 6, 5)),
        (None, date(2026, 6, 4)),
        ("EU", date(2026, 6, 4)),
        (" de-by ", date(2026, 6, 5)),
    ],
)
def test_the_country_or_its_subdivision_decides_what_a_holiday_is(country: str | None, due: date) -> None:
    assert compute("gdpr", on("2026-05-04"), country=country).due == due


def test_greece_is_known_by_both_its_codes() -> None:
    at = on("2026-02-25")  # 25 March is Greece's Independence Day
    assert compute("gdpr", at, country="EL").due == compute("gdpr", at, country="GR").due == date(2026, 3, 26)


def test_without_a_country_the_closing_days_of_a_union_institution_count_and_are_named() -> None:
    moved = step(compute("gdpr", on("2024-11-25")), "Respond: moved")
    assert moved.date == date(2024, 12, 27)
    assert "European Central Bank" in moved.why


@pytest.mark.parametrize("country", ["US", "GB", "CH", "DE-XX", "Germany", "", "-"])
def test_a_country_outside_the_area_is_refused_with_what_is_allowed(country: str) -> None:
    with pytest.raises(Invalid, match=r"country: .*allowed are EU, AT") as caught:
        compute("gdpr", on("2026-05-12"), country=country)
    assert caught.value.field == "country"


def test_the_date_of_receipt_is_read_in_the_controllers_zone() -> None:
    late = datetime(2026, 5, 11, 22, 30, tzinfo=UTC)  # half past midnight on the 12th in Berlin
    assert compute("gdpr", late).due == date(2026, 6, 11)
    assert compute("gdpr", late, zone="Europe/Berlin").due == date(2026, 6, 12)


def test_the_offset_a_moment_is_written_with_makes_no_difference() -> None:
    tokyo = timezone(timedelta(hours=9))
    moment = datetime(2026, 5, 12, 1, tzinfo=tokyo)
    assert compute("gdpr", moment) == compute("gdpr", moment.astimezone(UTC))


@pytest.mark.parametrize("zone", ["Europe/Atlantis", "", "../etc/passwd", "Europe", "+02:00"])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(Invalid, match="zone: not an IANA time zone"):
        compute("gdpr", on("2026-05-12"), zone=zone)


@pytest.mark.parametrize("field", ["received", "verified"])
@pytest.mark.parametrize(
    "moment",
    [datetime(2026, 5, 12), datetime.max.replace(tzinfo=UTC), on("2007-12-31")],  # noqa: DTZ001  (a naive moment is the point)
)
def test_a_moment_without_a_zone_or_beyond_the_known_holidays_is_refused(
    field: str, moment: datetime
) -> None:
    with pytest.raises(Invalid) as caught:
        compute("gdpr", **{"received": on("2026-05-12"), field: moment})  # type: ignore[arg-type]  # either field
    assert caught.value.field == field


def test_an_unknown_regime_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        Invalid, match="regime: unknown; allowed are gdpr, uk_gdpr, ccpa, ccpa_opt_out, shopify"
    ):
        compute("lgpd", on("2026-05-12"))


def test_the_result_as_json_has_the_published_shape() -> None:
    result = compute("gdpr", on("2026-05-12")).as_json()
    assert list(result) == ["acknowledge_by", "due", "steps"]
    assert result["acknowledge_by"] is None
    assert result["due"] == "2026-06-12"
    assert isinstance(result["steps"], list)
    assert [list(step) for step in result["steps"]] == [["date", "what", "why", "citation"]] * 3
    assert result["steps"][-1]["date"] == "2026-06-12"
