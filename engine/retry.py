"""When a failed step is tried again: a pure function of the attempt, the error and the policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .errors import CallerError, PermanentError, TransientError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """``max_attempts`` counts the first try; waits are in seconds. ``waits`` stand in the place of the doubling
    ones: one after each attempt but the last."""

    max_attempts: int = 8
    min_backoff: float = 0.5
    max_backoff: float = 600.0
    waits: tuple[float, ...] = ()

    @classmethod
    def of(cls, *waits: float) -> RetryPolicy:
        """A schedule."""
        return cls(max_attempts=len(waits) + 1, max_backoff=max(waits), waits=waits)

    def ceiling(self, attempt: int) -> float:
        """The longest wait after attempt number ``attempt``, unless the other side asks for more."""
        if self.waits:
            return self.waits[min(attempt, len(self.waits)) - 1]
        return min(self.max_backoff, self.min_backoff * 2.0 ** min(attempt - 1, 60))


@dataclass(frozen=True, slots=True)
class Decision:
    """``retry_in`` seconds until the next attempt, or None: this event has failed."""

    retry_in: float | None

    @property
    def failed(self) -> bool:
        return self.retry_in is None


def decide(attempt: int, error: BaseException, policy: RetryPolicy, spread: Callable[[], float]) -> Decision:
    """What to do after attempt number ``attempt`` (from 1) ended with ``error``.

    Permanent errors fail at once. Others wait ``min_backoff * 2**(attempt-1)``, at most ``max_backoff``, or as
    the schedule says; of that a random half is taken away (``spread`` gives 0..1) so that events that failed
    together don't come back together. A wait the other side asked for is honoured within the cap.
    """
    if isinstance(error, PermanentError | CallerError) or attempt >= policy.max_attempts:
        return Decision(None)
    wait = policy.ceiling(attempt) * (0.5 + 0.5 * spread())
    if isinstance(error, TransientError) and error.retry_after is not None:
        wait = max(wait, min(error.retry_after, policy.max_backoff))
    return Decision(wait)


SHARES = (50, 90, 100)
"""Percent of its attempts after which somebody is told."""


def alert(attempt: int, decision: Decision, policy: RetryPolicy) -> int | None:
    """The share of its attempts that an event has used up with this one, if it is time to say so.

    Each share belongs to the attempt nearest to it (of 8: the 4th and the 7th), so that it is told once; one
    that several belong to tells the highest. 100 means failed: by the last attempt, or because trying again
    can't help.
    """
    if decision.failed:
        return SHARES[-1]
    reached = [share for share in SHARES if (policy.max_attempts * share + 50) // 100 == attempt]
    return max(reached, default=None)
