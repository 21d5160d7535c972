"""Bars over time, laid out for an inline SVG: no script draws them, and CSP refuses nothing of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

STEP, GAP = 10, 2
"""Units of the drawing from one bar to the next, and between two."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a bar: which series it is of (``tone`` is its class), and where it lies."""

    tone: str
    x: int
    y: float
    width: int
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One moment: ``title`` is what a pointer over it reads."""

    title: str
    x: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing of ``width`` x ``height`` units. ``summary`` says in words what the bars show."""

    bars: tuple[Bar, ...]
    width: int
    height: int
    most: int
    total: int
    summary: str


def bars(
    summary: str, moments: Sequence[str], series: Mapping[str, Sequence[int]], *, height: int = 48
) -> Chart:
    """Stacked bars: ``moments`` name them, ``series`` has for each tone a count per moment."""
    sums = [sum(counts[at] for counts in series.values()) for at in range(len(moments))]
    most = max(sums, default=0)
    drawn = tuple(
        Bar(f"{moment}: {sums[at]:,}", at * STEP, _stack(at, series, height / most if most else 0.0, height))
        for at, moment in enumerate(moments)
    )
    return Chart(drawn, max(len(moments), 1) * STEP - GAP, height, most, sum(sums), summary)


def _stack(at: int, series: Mapping[str, Sequence[int]], scale: float, height: int) -> tuple[Part, ...]:
    parts, top = [], float(height)
    for tone, counts in series.items():
        if counts[at]:
            tall = max(counts[at] * scale, 1.0)  # what is there at all can be seen
            top -= tall
            parts.append(Part(tone, at * STEP, round(max(top, 0.0), 2), STEP - GAP, round(tall, 2)))
    return tuple(parts)
