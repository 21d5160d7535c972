"""No-op messages per second: 10,000 tenants on dxflow's broker against stock Dramatiq and every peer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import systems
from contest import COSTS, Contest, costs
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take
from systems import System, arena

MANY_QUEUES, FEW_QUEUES = 1_000, 20
GOAL = Goal(reach=5, aim=10)


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """dxflow and stock Dramatiq, both one process with 8 threads."""
    queues = MANY_QUEUES if scale.peers else FEW_QUEUES
    with arena(place) as ground:
        contest = Contest(ground, scale)
        readings = take(
            scale,
            partial(contest.run, "ours", systems.OURS, tenants=scale.tenants, limit=1),
            partial(contest.run, "single", systems.OURS, tenants=1, limit=8),
            partial(contest.run, "stock", systems.STOCK),
            once=[partial(contest.run, "many", systems.STOCK_MANY, tenants=queues)],
        )
    yield _broker(scale, readings, queues)


def _broker(scale: Scale, readings: Readings, queues: int) -> Figure:
    figure = Figure(
        f"broker: no-op messages, one process with 8 threads, {scale.tenants:,} tenants",
        ("system", "queues", "in flight of each", *COSTS, "÷ stock, one queue"),
        (f"stock Dramatiq with {queues:,} queues: one run, with as many connections as it wants",),
    )
    for key, *names in (
        ("ours", "dxflow", f"{scale.tenants:,}", "1"),
        ("single", "dxflow", "1", "8"),
        ("stock", "Dramatiq", "1", "any"),
        ("many", "Dramatiq", f"{queues:,}", "any"),
    ):
        ratio = spread(readings.ratio(key, "stock"), 2)
        figure.rows.append((*names, *costs(readings, key), ratio))
    title = f"no-op messages/s, {scale.tenants:,} tenants (peer: Dramatiq, one queue)"
    ours, peer = readings.median("ours"), readings.median("stock")
    figure.verdicts.append(Verdict(title, GOAL, ours, peer, readings.versus("ours", "stock"), "/s"))
    return figure


def peers(scale: Scale, place: Path) -> Iterator[Figure]:
    """Every peer with its one queue in its fastest fair setting, and dxflow with 10,000."""
    every = (systems.OURS, systems.OURS_CLI, systems.STOCK, systems.STOCK_CLI, *systems.PEERS)
    field_of = {f"{system.name} {system.setting}": system for system in every}
    with arena(place) as ground:
        contest = Contest(ground, scale)
        turns: list[Callable[[], Round]] = [
            partial(
                contest.attempt, key, system, partial(contest.run, key, system, **_settings(system, scale))
            )
            for key, system in field_of.items()
        ]
        readings = take(scale, *turns)
    yield _peers(scale, readings, field_of, contest.missing)


def _settings(system: System, scale: Scale) -> dict[str, int]:
    return {"tenants": scale.tenants} if system.name == systems.OURS.name else {}


def _peers(
    scale: Scale, readings: Readings, field_of: Mapping[str, System], missing: Mapping[str, str]
) -> Figure:
    figure = Figure(
        f"peers: no-op messages, one queue each; dxflow with {scale.tenants:,} tenants, one in flight of each",
        ("system", "setting", "acknowledged", *COSTS, "dxflow ÷ it"),
        ("÷: dxflow in one process; acknowledged before the run: a killed worker loses messages",),
    )
    ours = f"{systems.OURS.name} {systems.OURS.setting}"
    for key, system in field_of.items():
        if key in missing:
            figure.rows.append((system.name, system.setting, missing[key], *["–"] * 5))
            continue
        ratio = spread(readings.ratio(ours, key), 2)
        figure.rows.append((system.name, system.setting, system.delivery, *costs(readings, key), ratio))
    return figure
