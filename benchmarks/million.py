"""What it costs that a million tenants exist: cost per message with 10,000 active among 1,000,000 known ones,
against 10,000 known and all of them active.

Known means that every one has sent a message and had it run, so whatever the broker keeps of a tenant is there.
The two worlds have a Valkey each; only one of them works at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import systems
from contest import COSTS, Contest, costs
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take
from systems import Arena, arena

GOAL = Goal(1.5, 1.1, lower=True)


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """Both worlds, in turn."""
    place.mkdir()
    with arena(place / "few") as few, arena(place / "many") as many:
        worlds = {"few": Contest(few, scale), "many": Contest(many, scale)}
        known = {"few": scale.tenants, "many": scale.known}
        visits = {name: _visit(contest.arena, known[name]) for name, contest in worlds.items()}
        readings = take(scale, *(partial(_work, name, contest) for name, contest in worlds.items()))
        memory = {name: contest.arena.server.memory() for name, contest in worlds.items()}
    yield _figure(scale, readings, known, memory, visits["many"])


def _visit(ground: Arena, count: int) -> float:
    """Have so many tenants send a message each and run them, from two processes; the seconds it took."""
    half = count // 2
    with ThreadPoolExecutor(2) as pool:
        visits = [pool.submit(ground.send, systems.OURS, "visit", half, first=first) for first in (0, half)]
    return max(one.result() for one in visits)


def _work(name: str, contest: Contest) -> Round:
    """Throughput, and the cost of running one message in µs: of time, and of processors, Valkey's included."""
    contest.arena.tally.read()
    contest.arena.server.calm()
    found = contest.measure(name, systems.OURS, tenants=contest.scale.tenants)
    processor = found[f"{name} cpu"] + found[f"{name} server"]
    return {**found, f"{name} time": 1e6 / found[name], f"{name} processor": processor}


def _figure(
    scale: Scale,
    readings: Readings,
    known: Mapping[str, int],
    memory: Mapping[str, float],
    seconds: float,
) -> Figure:
    figure = Figure(
        f"million: no-op messages of {scale.tenants:,} active tenants among {scale.known:,} known",
        ("known", *COSTS, "time ÷ few", "CPU ÷ few", "Valkey MB"),
        (f"{scale.known:,} tenants sent a message each and had it run beforehand, in {seconds:,.0f} s",),
    )
    kinds = {"time": "time", "processor": "processor time"}
    for name, count in known.items():
        ratios = (spread(readings.ratio(f"{name} {kind}", f"few {kind}"), 2) for kind in kinds)
        figure.rows.append((f"{count:,}", *costs(readings, name), *ratios, f"{memory[name]:,.1f}"))
    for kind, text in kinds.items():
        ours, peer = readings.median(f"many {kind}"), readings.median(f"few {kind}")
        title = f"{scale.known:,} known: {text} per message (peer: {scale.tenants:,} known)"
        ratio = readings.versus(f"many {kind}", f"few {kind}")
        figure.verdicts.append(Verdict(title, GOAL, ours, peer, ratio, "µs"))
    return figure
