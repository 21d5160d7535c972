"""California counts calendar and business days from receipt; Shopify thirty days."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from dxflow.engine.errors import Invalid
from dxflow.engine.rights import compute


def on(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_ten_business_days_step_over_weekends_and_californian_holidays_and_name_them() -> None:
    result = compute("ccpa", on("2026-11-20"))
    assert result.acknowledge_by == date(2026, 12, 8)
    [acknowledge] = [step for step in result.steps if step.what == "Acknowledge"]
    assert acknowledge.date == result.acknowledge_by
    assert "2026-11-26 (Thanksgiving Day), 2026-11-27 (Day After Thanksgiving)" in acknowledge.why
    assert acknowledge.citation == "11 CCR §7021(a)"


def test_ten_plain_business_days_are_two_weeks() -> None:
    assert compute("ccpa", on("2026-08-03")).acknowledge_by == date(2026, 8, 17)


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-01-01", "2026-02-15"),  # a Sunday stays: calendar days
        ("2026-11-10", "2026-12-25"),  # so does a holiday
        ("2024-02-01", "2024-03-17"),  # across a leap day
        ("2023-02-01", "2023-03-18"),
    ],
)
def test_forty_five_calendar_days_run_from_receipt_and_are_not_moved(received: str, due: str) -> None:
    assert compute("ccpa", on(received)).due == date.fromisoformat(due)


def test_an_extension_makes_ninety_days_at_most_with_its_notice_in_the_first_forty_five() -> None:
    result = compute("ccpa", on("2026-01-01"), extended=True)
    assert result.due == date(2026, 4, 1)
    [notice] = [step for step in result.steps if step.what == "Announce the extension"]
    assert notice.date == date(2026, 2, 15)


def test_neither_verification_nor_waiting_moves_the_forty_five_days() -> None:
    wait = (date(2026, 1, 5), date(2026, 1, 20))
    result = compute("ccpa", on("2026-01-01"), verified=on("2026-01-12"), holds=[wait])
    assert (result.acknowledge_by, result.due) == (date(2026, 1, 15), date(2026, 2, 15))
    whats = [step.what for step in result.steps]
    assert "Identity verified: the start does not move" in whats
    assert "Waiting for the person until 2026-01-20: the clock does not stop" in whats


def test_an_opt_out_takes_fifteen_business_days_and_no_acknowledgement() -> None:
    result = compute("ccpa_opt_out", on("2026-06-01"))
    assert result.acknowledge_by is None
    assert result.due == date(2026, 6, 23)  # 19 June is Juneteenth
    assert "2026-06-19 (Juneteenth" in result.steps[-1].why


@pytest.mark.parametrize("regime", ["ccpa_opt_out", "shopify"])
def test_what_knows_no_extension_cannot_be_extended(regime: str) -> None:
    with pytest.raises(Invalid, match=f"extended: {regime} knows no extension"):
        compute(regime, on("2026-06-01"), extended=True)


@pytest.mark.parametrize("country", ["US", "US-CA", "us-ca"])
def test_the_united_states_mean_california(country: str) -> None:
    at = on("2026-03-20")  # Cesar Chavez Day, 31 March, is California's own
    assert compute("ccpa", at, country=country) == compute("ccpa", at)
    assert compute("ccpa", at).acknowledge_by == date(2026, 4, 6)


@pytest.mark.parametrize("country", ["DE", "US-NV", "CA"])
def test_other_holidays_than_californias_are_refused(country: str) -> None:
    with pytest.raises(Invalid, match=r"country: .*allowed are US, US-CA"):
        compute("ccpa", on("2026-06-01"), country=country)


@pytest.mark.parametrize(
    ("received", "due"),
    [("2026-01-31", "2026-03-02"), ("2024-01-31", "2024-03-01"), ("2026-05-01", "2026-05-31")],
)
def test_shopify_gives_thirty_calendar_days_weekends_included(received: str, due: str) -> None:
    assert compute("shopify", on(received)).due == date.fromisoformat(due)


def test_under_shopify_no_country_verification_or_wait_plays_a_part() -> None:
    plain = compute("shopify", on("2026-05-01"))
    wait = (date(2026, 5, 4), date(2026, 5, 6))
    other = compute("shopify", on("2026-05-01"), country="FR", verified=on("2026-05-03"), holds=[wait])
    assert (other.acknowledge_by, other.due) == (plain.acknowledge_by, plain.due) == (None, date(2026, 5, 31))
