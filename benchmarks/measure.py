"""How a figure is taken: what is compared runs in turn, round after round, and ratios are made within a round.

A machine's speed drifts with whatever else it does; two runs side by side drift together. So a ratio is the
median of the rounds' ratios, never a quotient of two medians.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import floor, log10
from statistics import median

from rich.table import Table

Round = dict[str, float]
"""Readings of one round by name."""


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is measured: rounds; seconds of load per reading; whole events per reading; messages as a share
    of what each system gets at full scale; tenants with queues, the many of them that are only known, messages
    of the noisy one; seconds of idling; latencies per reading; and whether peers may be installed."""

    rounds: int
    seconds: float
    events: int
    share: float
    tenants: int
    known: int
    backlog: int
    window: float
    samples: int
    peers: bool = True

    def messages(self, full: int) -> int:
        """How many of ``full`` messages are sent at this scale."""
        return max(20, int(full * self.share))


SCALES = {
    "full": Scale(3, 1.0, 500, 1.0, 10_000, 1_000_000, 100_000, window=10.0, samples=250),
    "quick": Scale(1, 0.5, 200, 0.2, 10_000, 100_000, 20_000, window=4.0, samples=100),
    "smoke": Scale(1, 0.1, 10, 0.01, 20, 200, 100, window=0.3, samples=5, peers=False),
}


@dataclass(frozen=True, slots=True)
class Readings:
    """The rounds of one figure."""

    rounds: Sequence[Round]

    def of(self, name: str) -> list[float]:
        """One reading of every round that has it."""
        return [readings[name] for readings in self.rounds if name in readings]

    def median(self, name: str) -> float:
        """The middle one of them."""
        return median(self.of(name))

    def ratio(self, name: str, peer: str) -> list[float]:
        """Reading ÷ the peer's reading of the same round, where that is more than nothing: processor time is
        counted in hundredths of a second."""
        return [one[name] / one[peer] for one in self.rounds if name in one and one.get(peer)]

    def versus(self, name: str, peer: str) -> float | None:
        """The middle one of these ratios; None where there is none."""
        ratios = self.ratio(name, peer)
        return median(ratios) if ratios else None


def take(scale: Scale, *turns: Callable[[], Round], once: Sequence[Callable[[], Round]] = ()) -> Readings:
    """Run all turns, in order, so many rounds; the first turn of a round changes with the round. Those of
    ``once`` take long, and run in the first round alone."""
    rounds: list[Round] = []
    for number in range(scale.rounds):
        start = number % len(turns)
        readings: dict[str, float] = {}
        for turn in (*turns[start:], *turns[:start], *(once if number == 0 else ())):
            readings |= turn()
        rounds.append(readings)
    return Readings(rounds)


@dataclass(frozen=True, slots=True)
class Goal:
    """What a reading should come to: at least ``reach``, better ``aim``; at most, where ``lower`` is better."""

    reach: float
    aim: float
    lower: bool = False

    def met(self, value: float) -> str:
        """``aim``, ``reach`` or ``no``."""
        for name, bound in (("aim", self.aim), ("reach", self.reach)):
            if (value <= bound) if self.lower else (value >= bound):
                return name
        return "no"


@dataclass(frozen=True, slots=True)
class Verdict:
    """One line of the summary. A goal is for the ratio, or for our own reading where ``absolute``."""

    name: str
    goal: Goal
    ours: float
    peer: float | None
    ratio: float | None
    unit: str = ""
    absolute: bool = False

    @property
    def met(self) -> str:
        """Whether it reaches its goal, or that there was no peer to compare with."""
        value = self.ours if self.absolute else self.ratio
        return "no peer" if value is None else self.goal.met(value)

    def row(self) -> tuple[str, ...]:
        """The line: name, peer, ours, ratio, reach, aim, met."""
        sign, goal = self.unit if self.absolute else "×", self.goal
        bound = "≤ " if goal.lower else "≥ "
        told = [_told(value, self.unit) for value in (self.peer, self.ours)]
        goals = [bound + _told(value, sign) for value in (goal.reach, goal.aim)]
        return (self.name, *told, _told(self.ratio, "×"), *goals, self.met)


def _told(value: float | None, unit: str) -> str:
    """Three digits that count, and the unit."""
    if value is None:
        return "–"
    digits = max(0, 2 - floor(log10(abs(value)))) if value else 0
    text = f"{value:,.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if digits else text} {unit}".strip()


@dataclass(frozen=True, slots=True)
class Figure:
    """A table of results, what was measured in its title, what to know about it below; and its verdicts."""

    title: str
    columns: Sequence[str]
    notes: Sequence[str] = ()
    rows: list[Sequence[str]] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)

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


def summary(verdicts: Iterable[Verdict]) -> Table:
    """All verdicts in one table."""
    table = Table(title="summary: ours, its peer, and what it should come to", title_justify="left")
    for number, name in enumerate(("figure", "peer", "ours", "ratio", "reach", "aim", "met")):
        table.add_column(name, justify="right" if number else "left")
    for verdict in verdicts:
        table.add_row(*verdict.row())
    return table


def spread(values: Iterable[float], digits: int = 0) -> str:
    """``median (min–max)``; a dash for none."""
    found = list(values)
    if not found:
        return "–"
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(found), median(found), max(found)))
    return middle if low == high else f"{middle} ({low}–{high})"
