"""What a worker costs while nothing happens, with 10,000 tenants known: threads, memory, processor, commands.

Measured on the bare broker under a stock Worker, as stock Dramatiq is, and on ``run.py worker``, which has the
engine, its database with as many tenants, the relay and the watch in it too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import systems
from broker import FEW_QUEUES, MANY_QUEUES
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take
from stage import ROOT, START_S, Child, StageFailed
from systems import Arena, System, arena
from whole import Counts

from dxflow.config.settings import Settings
from dxflow.engine.services import tenants
from dxflow.engine.store import models
from dxflow.engine.wiring import core_for

QUEUES = 100
WARM_UP = 500
"""Messages that a worker runs before it idles, so that everything it loads on first use is loaded; of stock
Dramatiq one per queue, so that all its consumers are up."""
READINGS = {
    "threads": ("threads", "", Goal(14, 11, lower=True)),
    "memory": ("RSS", "MB", Goal(80, 45, lower=True)),
    "cpu": ("CPU", "%", Goal(1, 0.2, lower=True)),
    "commands": ("Redis commands/s", "/s", Goal(10, 6, lower=True)),
}
COLUMNS = ("worker", "tenants or queues", "threads", "RSS MB", "CPU %", "Valkey CPU %", "Redis commands/s")
DIGITS = {"threads": 0, "memory": 0, "cpu": 2, "server": 2, "commands": 1}
NOTES = ("CPU in % of one core; Redis commands with those inside scripts; the last two lines are of one run",)


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """Ours, stock Dramatiq with a queue per tenant, and the whole worker."""
    many = MANY_QUEUES if scale.peers else FEW_QUEUES
    few = min(QUEUES, many)
    with arena(place) as ground:
        readings = take(
            scale,
            partial(_system, ground, scale, "ours", systems.OURS, scale.tenants),
            partial(_system, ground, scale, "stock", systems.STOCK, few),
            once=[
                partial(_system, ground, scale, "many", systems.STOCK, many),
                partial(_whole, ground, scale, place / "installation"),
            ],
        )
    figure = Figure(
        f"idle: a worker with 8 threads over {scale.window:g} s without a message", COLUMNS, NOTES
    )
    for key, name, count in (
        ("ours", "dxflow's broker + Worker", scale.tenants),
        ("stock", "stock Dramatiq", few),
        ("many", "stock Dramatiq", many),
        ("whole", "run.py worker, all of dxflow", scale.tenants),
    ):
        values = (spread(readings.of(f"{key} {one}"), digits) for one, digits in DIGITS.items())
        figure.rows.append((name, f"{count:,}", *values))
    figure.verdicts.extend(_verdicts(scale, readings, many))
    yield figure


def _verdicts(scale: Scale, readings: Readings, queues: int) -> Iterator[Verdict]:
    for key, (name, unit, goal) in READINGS.items():
        ours, peer = readings.median(f"ours {key}"), readings.median(f"many {key}")
        title = f"idle, {scale.tenants:,} tenants: {name} (peer: Dramatiq, {queues:,} queues)"
        yield Verdict(title, goal, ours, peer, ours / peer if peer else None, unit, absolute=True)


def _system(ground: Arena, scale: Scale, key: str, system: System, count: int) -> Round:
    ground.clear()
    warm_up = WARM_UP if system is systems.OURS else count
    if system is systems.OURS:
        ground.send(system, "visit", count, tenants=count)
    ground.send(system, "enqueue", warm_up, tenants=count)
    with ground.worker(system, tenants=count) as worker:
        ground.tally.wait(warm_up, worker)
        return _rest(ground, scale, key, worker)


def _whole(ground: Arena, scale: Scale, place: Path) -> Round:
    """The actors' side as the command line runs it."""
    _populate(place, scale.tenants)
    ground.clear()
    ground.send(systems.OURS, "visit", scale.tenants, tenants=scale.tenants)
    with _worker(ground, place) as worker:
        Counts(place).drained()
        return _rest(ground, scale, "whole", worker)


def _rest(ground: Arena, scale: Scale, key: str, worker: Child) -> Round:
    """Watch a worker do nothing, once it has calmed down."""
    ground.server.calm()
    time.sleep(min(2.0, scale.window))
    spent, served, asked, began = (
        worker.spent().cpu,
        ground.server.cpu(),
        ground.server.commands(),
        time.monotonic(),
    )
    time.sleep(scale.window)
    seconds = time.monotonic() - began
    after = worker.spent()
    return {
        f"{key} threads": sum(process.num_threads() for process in worker.family()),
        f"{key} memory": after.memory,
        f"{key} cpu": (after.cpu - spent) / seconds * 100,
        f"{key} server": (ground.server.cpu() - served) / seconds * 100,
        f"{key} commands": (ground.server.commands() - asked) / seconds,
    }


def _populate(place: Path, count: int) -> None:
    """An installation with so many tenants, whose making is long over: it is an event of its own."""
    place.mkdir()
    core = core_for(Settings.load(data_dir=place))
    with core.store.transaction():
        for number in range(count):
            tenants.create(core, f"Shop {number}")
        models.Event.update(state="done", due_at=None).execute()
    core.store.close()


@contextmanager
def _worker(ground: Arena, place: Path) -> Iterator[Child]:
    settings = {"DXFLOW_DATA_DIR": str(place), "DXFLOW_REDIS_URL": ground.server.url}
    child = Child("run.py worker", [sys.executable, str(ROOT / "run.py"), "worker"], settings, place / "log")
    try:
        deadline = time.monotonic() + START_S
        while "engine_started" not in child.log.read_text("utf-8", "replace"):
            if child.process.poll() is not None or time.monotonic() > deadline:
                raise StageFailed(child.fault())
            time.sleep(0.02)
        yield child
    finally:
        child.stop()
