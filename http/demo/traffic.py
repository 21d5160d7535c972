"""The plan of an hour: who does what at which minute, on which platform.

A plan is made of its seed and the hour's beginning alone. The seed brings the people and what they do; the
beginning brings the ids of deliveries, because a server takes those that it knows for duplicates.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from .planning import Expected, Hour, Planned
from .stories import STORIES, WEIGHTS, incidents

__all__ = ["FEWEST", "Expected", "Planned", "plan"]

FEWEST = 60
"""An hour shorter than this has no room for all incidents."""
_DUPLICATES = 0.05


def plan(count: int, seed: int, begin: datetime) -> list[Planned]:
    """``count`` deliveries in the order of their moments, within the hour from ``begin``."""
    hour = Hour(seed, begin)
    incidents(hour)
    room = count - len(hour.planned)
    duplicates = int(room * _DUPLICATES)
    while len(hour.planned) < count - duplicates:
        hour.tell(hour.chance.choices(STORIES, WEIGHTS)[0])
    del hour.planned[count - duplicates :]
    _repeat(hour, duplicates)
    return sorted(hour.planned, key=lambda planned: planned.at)


def _repeat(hour: Hour, count: int) -> None:
    """Platforms send again what they aren't sure has arrived: the same bytes under the same id."""
    sent = [one for one in hour.planned if one.expected is Expected.ACCEPTED and not one.poison]
    for original in hour.chance.sample(sent, count):
        wait = timedelta(minutes=hour.chance.uniform(0.1, 2))
        hour.planned.append(replace(original, at=original.at + wait, expected=Expected.DUPLICATE))
