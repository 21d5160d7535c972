"""Holds: the waits for the person that a request goes through, checked and put in order.

A hold is a pair of dates, both included: the day the controller asked, the day the answer came. One that is
still open is passed with the present day as its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta

from ..errors import Invalid
from .workdays import LAST_YEAR

Hold = tuple[date, date]
"""First and last day of a wait."""


def checked(holds: Sequence[Hold], received: date) -> list[Hold]:
    """The holds in order of their first days; Invalid("holds") for one that can't have happened."""
    for first, last in holds:
        if first > last:
            raise Invalid("holds", f"{first} to {last} ends before it begins")
        if first < received:
            raise Invalid("holds", f"{first} to {last} begins before the request was received on {received}")
        if last.year > LAST_YEAR:
            raise Invalid("holds", f"allowed are days up to the year {LAST_YEAR}")
    return sorted(holds)


def merged(holds: Iterable[Hold]) -> tuple[Hold, ...]:
    """Ordered holds that overlap or touch, made one: a day can be left out of the count only once."""
    result: list[Hold] = []
    for first, last in holds:
        if result and first <= result[-1][1] + timedelta(days=1):
            result[-1] = (result[-1][0], max(last, result[-1][1]))
        else:
            result.append((first, last))
    return tuple(result)
