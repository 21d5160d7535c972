"""From enqueue to start, in milliseconds: on an idle system, and for a quiet tenant beside a noisy one.

A message carries the time just before it was sent; the task compares with its own clock, which is the same on
one machine. Messages come at random gaps, so that nobody's polling rhythm is met by chance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import systems
from broker import FEW_QUEUES
from idle import QUEUES
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take
from systems import Arena, System, arena
from tally import Tick

GAP_MS = 20
IDLE_P50, IDLE_P99 = Goal(3, 1.5, lower=True), Goal(10, 3, lower=True)
NOISY = Goal(3, 1.5, lower=True)
LIMITS = (1, 8)


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """One message now and then, to any of the tenants."""
    queues = QUEUES if scale.peers else FEW_QUEUES
    with arena(place) as ground:
        ground.send(systems.OURS, "visit", scale.tenants)
        readings = take(
            scale,
            partial(_quiet, ground, scale, "ours", systems.OURS, scale.tenants),
            partial(_quiet, ground, scale, "stock", systems.STOCK, queues),
        )
    figure = Figure(
        f"latency: enqueue → start when idle, {scale.samples} messages a round, one every {GAP_MS} ms",
        ("system", "tenants or queues", "p50 ms", "p99 ms", "÷ stock, p50", "÷ stock, p99"),
    )
    for key, name, count in (("ours", "dxflow", scale.tenants), ("stock", "Dramatiq", queues)):
        values = [spread(readings.of(f"{key} {part}"), 2) for part in ("p50", "p99")]
        ratios = [spread(readings.ratio(f"{key} {part}", f"stock {part}"), 4) for part in ("p50", "p99")]
        figure.rows.append((name, f"{count:,}", *values, *ratios))
    for part, goal in (("p50", IDLE_P50), ("p99", IDLE_P99)):
        ours, peer = readings.median(f"ours {part}"), readings.median(f"stock {part}")
        title = f"latency when idle, {part} (peer: Dramatiq, {queues:,} queues)"
        figure.verdicts.append(Verdict(title, goal, ours, peer, ours / peer, "ms", absolute=True))
    yield figure


def _quiet(ground: Arena, scale: Scale, key: str, system: System, count: int) -> Round:
    with ground.worker(system, tenants=count) as worker:
        ground.send(system, "enqueue", 20, tenants=count)
        ground.tally.wait(20, worker)
        with ground.sending(system, "trickle", scale.samples, GAP_MS, tenants=count):
            return _percentiles(key, ground.tally.wait(scale.samples, worker, _told))


def _told(tick: Tick) -> bool:
    return tick.latency >= 0


def _percentiles(key: str, ticks: Sequence[Tick]) -> Round:
    ordered = sorted(tick.latency for tick in ticks)
    at = {part: ordered[min(len(ordered) - 1, int(len(ordered) * part / 100))] for part in (50, 99)}
    return {f"{key} p{part}": value * 1000 for part, value in at.items()}


def noisy(scale: Scale, place: Path) -> Iterator[Figure]:
    """A quiet tenant alone, and while another has 100,000 messages queued."""
    with arena(place) as ground:
        turns = [partial(_neighbours, ground, scale, limit) for limit in LIMITS]
        readings = take(scale, *turns)
    figure = Figure(
        f"noisy: a quiet tenant's latency while another has {scale.backlog:,} messages queued",
        (
            "in flight per tenant",
            "alone p50 ms",
            "p99 ms",
            "beside p50 ms",
            "p99 ms",
            "p99 ÷ alone",
            "noise left",
        ),
    )
    for limit in LIMITS:
        figure.rows.append(_neighbours_row(readings, limit))
    title = f"a quiet tenant's p99 beside {scale.backlog:,} queued (peer: itself alone)"
    ours, peer = readings.median("beside 1 p99"), readings.median("alone 1 p99")
    ratio = readings.versus("beside 1 p99", "alone 1 p99")
    figure.verdicts.append(Verdict(title, NOISY, ours, peer, ratio, "ms"))
    yield figure


def _neighbours(ground: Arena, scale: Scale, limit: int) -> Round:
    ground.clear()
    readings = _listen(ground, scale, f"alone {limit}", limit)
    ground.send(systems.OURS, "bulk", scale.backlog, tenants=1, limit=limit)
    return readings | _listen(ground, scale, f"beside {limit}", limit, scale.backlog)


def _listen(ground: Arena, scale: Scale, key: str, limit: int, noise: int = 0) -> Round:
    """The quiet tenant is number 1, the noisy one number 0."""
    quiet = {"first": 1, "tenants": 1, "limit": limit}
    heard: list[Tick] = []
    with ground.worker(systems.OURS, **quiet) as worker:
        ground.tally.wait(min(10, noise), worker)
        with ground.sending(systems.OURS, "trickle", scale.samples, GAP_MS, **quiet):
            heard += ground.tally.wait(scale.samples, worker, _told)
        left = ground.server.client.llen("audit_register_queue_did:dep:" + "0" * 40)
    ground.tally.read()
    return _percentiles(key, heard) | {f"{key} left": float(left)}


def _neighbours_row(readings: Readings, limit: int) -> tuple[str, ...]:
    names = [f"{place} {limit} {part}" for place in ("alone", "beside") for part in ("p50", "p99")]
    values = [spread(readings.of(name), 2) for name in names]
    ratio = spread(readings.ratio(f"beside {limit} p99", f"alone {limit} p99"), 2)
    return (str(limit), *values, ratio, spread(readings.of(f"beside {limit} left")))
