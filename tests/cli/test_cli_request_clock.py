"""``request clock``: dates with their reasons, without a database."""

from __future__ import annotations

import pytest
from commands import Home


def clock(home: Home, *words: str) -> dict[str, object]:
    found: dict[str, object] = home.ask("request", "clock", *words)
    return found


def test_a_month_ends_on_the_next_working_day(home: Home) -> None:
    found = clock(home, "--regime", "gdpr", "--received", "2026-01-30T10:00:00Z", "--country", "DE")
    assert (found["acknowledge_by"], found["due"]) == (None, "2026-03-02")
    steps = found["steps"]
    assert isinstance(steps, list)
    assert set(steps[0]) == {"date", "what", "why", "citation"}
    assert not home.directory.exists()


def test_an_extension_a_hold_and_a_proof_of_identity_are_heard(home: Home) -> None:
    received = ("--regime", "uk_gdpr", "--received", "2026-03-02")
    assert clock(home, *received)["due"] == "2026-04-02"
    assert clock(home, *received, "--extended")["due"] == "2026-06-02"
    assert clock(home, *received, "--verified", "2026-03-09T12:00:00+01:00")["due"] == "2026-04-09"
    assert clock(home, *received, "--hold", "2026-03-10/2026-03-12", "--hold", "2026-03-12/2026-03-13")[
        "due"
    ] == ("2026-04-07")


def test_a_table_for_people_names_the_law(home: Home) -> None:
    shown = home.run("request", "clock", "--regime", "ccpa", "--received", "2026-03-02")
    assert shown.code == 0
    assert "11 CCR §7021(b)" in shown.out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--regime", "lgpd", "--received", "2026-03-02"), "'uk_gdpr'"),
        (("--regime", "gdpr"), "--received"),
        (("--regime", "gdpr", "--received", "yesterday"), "is no time"),
        (("--regime", "gdpr", "--received", "2026-03-02T10:00:00"), "no time zone"),
        (("--regime", "gdpr", "--received", "2026-03-02", "--hold", "2026-03-05"), "is no wait"),
    ],
)
def test_values_that_cannot_be_read_are_wrong_usage(home: Home, words: tuple[str, ...], text: str) -> None:
    home.run("request", "clock", *words).misused(text)


def test_what_the_law_does_not_know_is_refused(home: Home) -> None:
    words = ("request", "clock", "--received", "2026-03-02")
    home.run(*words, "--regime", "shopify", "--extended").refused("extended")
    home.run(*words, "--regime", "gdpr", "--country", "XX").refused("country")
