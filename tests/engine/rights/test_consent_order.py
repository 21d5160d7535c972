"""Whatever order statements arrive in, the same one holds in the end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.rights.consent_order import PRIVACY, answer, moment, prevails

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
Said = tuple[datetime, str]
moments_of_a_day = st.builds(lambda minutes: NOON + timedelta(minutes=minutes), st.integers(0, 3))
states = st.one_of(st.sampled_from(PRIVACY), st.sampled_from(["made up", "another"]))


def _holds(arrived: list[Said]) -> Said:
    def take(held: Said, said: Said) -> Said:
        return said if prevails(*said, *held) else held

    return reduce(take, arrived)


@given(st.lists(st.tuples(moments_of_a_day, states), min_size=1, max_size=8).flatmap(
    lambda said: st.tuples(st.permutations(said), st.permutations([*said, said[0]]))
))  # fmt: skip
def test_any_order_and_any_repetition_ends_in_the_same_statement(
    orders: tuple[list[Said], list[Said]],
) -> None:
    one, other = orders
    assert _holds(one) == _holds(other)


@given(st.tuples(moments_of_a_day, states), st.tuples(moments_of_a_day, states))
def test_of_two_different_statements_exactly_one_holds(one: Said, other: Said) -> None:
    assert (prevails(*one, *other) + prevails(*other, *one)) == (one != other)


@pytest.mark.parametrize("no", ["withdrawn", "denied"])
@pytest.mark.parametrize("other", ["granted", "pending", "unknown"])
def test_a_no_of_the_same_moment_stands_above_everything_else(no: str, other: str) -> None:
    assert prevails(NOON, no, NOON, other)
    assert not prevails(NOON, other, NOON, no)


def test_what_rows_dont_keep_of_a_moment_decides_nothing() -> None:
    later = NOON + timedelta(microseconds=700)
    assert moment(later) == NOON
    assert not prevails(later, "granted", NOON, "withdrawn")


def test_only_yes_and_no_are_answers() -> None:
    assert [answer(state) for state in (*PRIVACY, "made up")] == [True, None, None, False, False, None]
