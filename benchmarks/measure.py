"""How a figure is taken: what is compared runs in turn, round after round, and ratios are made within a round.

A machine's speed drifts with whatever else it does; two runs side by side drift together. So a ratio is the
median of the rounds' ratios, never a quotient of two medians.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.table import Table

Round = Mapping[str, float]
"""Readings of one round by name."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How long to measure: rounds, seconds of load per reading, events per reading."""

    rounds: int
    seconds: float
    events: int


SCALES = {
    "full": Scale(rounds=5, seconds=1.0, events=500),
    "quick": Scale(rounds=3, seconds=0.5, events=200),
    "smoke": Scale(rounds=1, seconds=0.1, events=20),
}


@dataclass(frozen=True, slots=True)
class Readings:
    """The rounds of one figure."""

    rounds: Sequence[Round]

    def of(self, name: str) -> list[float]:
        """One reading of every round."""
        return [readings[name] for readings in self.rounds]

    def ratio(self, name: str, peer: str) -> list[float]:
        """Reading ÷ the peer's reading of the same round."""
        return [readings[name] / readings[peer] for readings in self.rounds]


def take(scale: Scale, *turns: Callable[[], Round]) -> Readings:
    """Run all turns, in order, so many rounds; the first turn of a round changes with the round."""
    rounds: list[Round] = []
    for number in range(scale.rounds):
        start = number % len(turns)
        readings: dict[str, float] = {}
        for turn in (*turns[start:], *turns[:start]):
            readings |= turn()
        rounds.append(readings)
    return Readings(rounds)


@dataclass(frozen=True, slots=True)
class Figure:
    """A table of results, with what was measured in its title and what to know about it below."""

    title: str
    columns: Sequence[str]
    notes: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)

    def table(self) -> Table:
        """The figure for a terminal."""
        table = Table(
            title=self.title, title_justify="left", caption="\n".join(self.notes), caption_justify="left"
        )
        for number, name in enumerate(self.columns):
            table.add_column(name, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        return table


def spread(values: Iterable[float], digits: int = 0) -> str:
    """``median (min–max)``."""
    found = list(values)
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(found), median(found), max(found)))
    return middle if low == high else f"{middle} ({low}–{high})"
