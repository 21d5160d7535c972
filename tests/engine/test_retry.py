"""The retry policy: a pure function of the attempt, the error and chance."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dxflow.engine.errors import Conflict, IllegalMove, Invalid, PermanentError, TransientError
from dxflow.engine.retry import Decision, RetryPolicy, alert, decide

POLICY = RetryPolicy(max_attempts=8, min_backoff=0.5, max_backoff=600.0)


def _wait(attempt: int, error: BaseException, chance: float = 1.0, policy: RetryPolicy = POLICY) -> float:
    decision = decide(attempt, error, policy, lambda: chance)
    assert decision.retry_in is not None
    assert not decision.failed
    return decision.retry_in


@pytest.mark.parametrize("error", [PermanentError("no"), Invalid("email", "no"), Conflict("no")])
def test_what_trying_again_cannot_help_fails_at_once(error: Exception) -> None:
    assert decide(1, error, POLICY, lambda: 1.0).failed


@pytest.mark.parametrize("error", [TransientError("away"), ValueError("?"), IllegalMove("a defect")])
def test_everything_else_is_tried_again(error: Exception) -> None:
    assert _wait(1, error) > 0


def test_waits_double_from_the_least_to_the_most() -> None:
    policy = RetryPolicy(max_attempts=99, min_backoff=0.5, max_backoff=10.0)
    assert [_wait(n, ValueError(), policy=policy) for n in range(1, 8)] == [0.5, 1, 2, 4, 8, 10, 10]


def test_a_thousandth_attempt_is_still_a_number() -> None:
    assert _wait(1000, ValueError(), policy=RetryPolicy(2000, 0.5, 600.0)) == 600.0


@given(attempt=st.integers(1, 7), chance=st.floats(0, 1))
def test_chance_takes_away_at_most_half(attempt: int, chance: float) -> None:
    whole = _wait(attempt, ValueError())
    assert whole / 2 <= _wait(attempt, ValueError(), chance) <= whole


def test_the_last_attempt_fails() -> None:
    assert not decide(7, ValueError(), POLICY, lambda: 1.0).failed
    assert decide(8, ValueError(), POLICY, lambda: 1.0).failed
    assert decide(1, ValueError(), RetryPolicy(max_attempts=1), lambda: 1.0).failed


@pytest.mark.parametrize(("asked", "waited"), [(30.0, 30.0), (86_400.0, 600.0), (0.0, 0.5), (-5.0, 0.5)])
def test_a_wait_the_other_side_asked_for_is_the_least_and_capped(asked: float, waited: float) -> None:
    assert _wait(1, TransientError("busy", retry_after=asked)) == waited


def _alerts(attempts: int) -> list[int | None]:
    policy = RetryPolicy(max_attempts=attempts)
    numbers = range(1, attempts + 1)
    return [alert(n, decide(n, ValueError(), policy, lambda: 1.0), policy) for n in numbers]


@pytest.mark.parametrize(
    ("attempts", "told"),
    [
        (1, [100]),
        (2, [50, 100]),
        (3, [None, 50, 100]),
        (4, [None, 50, None, 100]),
        (8, [None, None, None, 50, None, None, 90, 100]),
        (10, [None, None, None, None, 50, None, None, None, 90, 100]),
    ],
)
def test_half_nine_tenths_and_all_of_the_attempts_are_told(attempts: int, told: list[int | None]) -> None:
    assert _alerts(attempts) == told


@given(attempts=st.integers(1, 200))
def test_each_share_is_told_once_and_the_last_attempt_is_all_of_them(attempts: int) -> None:
    told = [share for share in _alerts(attempts) if share is not None]
    assert told == sorted(set(told))
    assert told[-1] == 100
    assert attempts < 6 or told == [50, 90, 100]


def test_what_fails_for_good_has_used_up_its_attempts() -> None:
    assert alert(1, Decision(None), POLICY) == 100


def test_a_schedule_stands_in_the_place_of_doubling_waits_and_a_longer_wish_is_honoured() -> None:
    policy = RetryPolicy.of(5, 300, 7200)
    waits = [decide(attempt, TransientError("no"), policy, lambda: 1.0).retry_in for attempt in (1, 2, 3, 4)]
    assert waits == [5, 300, 7200, None]
    assert decide(1, TransientError("no", 60), policy, lambda: 1.0).retry_in == 60
    assert decide(1, TransientError("no", 10**9), policy, lambda: 1.0).retry_in == 7200
    assert decide(2, TransientError("no"), policy, lambda: 0.0).retry_in == 150
