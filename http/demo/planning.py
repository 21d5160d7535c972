"""An hour's plan under way: deliveries, who is known where, and what chance there is."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from .people import Crowd, Person

_LAST_BEGIN = 40
"""The minute after which no story begins; the longest chain of them takes less than twenty more."""


class Expected(StrEnum):
    """The answer that a delivery should get."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"
    REFUSED = "refused"
    PROBED = "probed"


@dataclass(frozen=True, slots=True)
class Planned:
    """One delivery. ``poison`` is accepted, and must fail as soon as it is processed."""

    at: datetime
    platform: str
    topic: str
    body: bytes
    delivery_id: str
    expected: Expected = Expected.ACCEPTED
    poison: bool = False


Known = tuple[Person, float]
"""Somebody, and since which minute."""


class Hour:
    """The plan under way: what chance there is, who is known where, what was planned."""

    def __init__(self, seed: int, begin: datetime) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # traffic, no secrets
        self.crowd = Crowd(self.chance)
        # Ids of deliveries and orders are new in every run: a server takes those it knows for duplicates.
        self._ids = random.Random(f"{seed} {begin.isoformat()}")  # noqa: S311  # ids, no secrets
        self._begin = begin
        self.minute = 0.0
        self.planned: list[Planned] = []
        self.shoppers: list[Known] = []
        self.readers: list[Known] = []
        self.asked: set[Person] = set()

    def tell(self, story: Callable[[Hour], None]) -> None:
        """Begin a story at some minute that leaves it time to end."""
        self.minute = self.chance.uniform(0, _LAST_BEGIN)
        story(self)

    def later(self, minutes: float) -> datetime:
        """The moment after so many more minutes, give or take."""
        self.minute += minutes * self.chance.uniform(0.5, 1.5)
        return self.now

    def meet(self, known: list[Known]) -> Person:
        """Somebody of those known, not before they were."""
        person, since = self.chance.choice(known)
        self.minute = max(self.minute, since)
        return person

    @property
    def now(self) -> datetime:
        return self._begin + timedelta(minutes=self.minute)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    def number(self) -> int:
        return self._ids.randrange(10**11, 10**12)

    def event_id(self) -> str:
        return f"evt_{self._ids.getrandbits(96):024x}"

    def add(self, platform: str, topic: str, body: bytes, expected: Expected = Expected.ACCEPTED) -> None:
        """Plan a delivery for now."""
        self.planned.append(Planned(self.now, platform, topic, body, self.uuid(), expected))
