"""Whole events per second, from the webhook to the registered activity, and what one costs.

``serve`` does all of it in one process. Everything that arrives is waited for: the time runs from the first
request until no event is under way. Peers of the same rounds: the edge alone, SQLite's bare commits, and chains
of as many no-op messages of stock Dramatiq on a Valkey like ours.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import load
import stage
from edge import FASTEST, Numbers
from measure import Figure, Readings, Round, Scale, spread, take

STEPS = 8
"""webhook: extract, match, log; data_subject: derive, link; processing_activity: publish, register, record."""
TENANTS = 100
CONNECTIONS = 4
PATIENCE_S = 120.0
ROW = b"x" * 1500


@dataclass(slots=True)
class Whole:
    """What is measured, all of it up."""

    scale: Scale
    home: stage.Installation
    serve: stage.Child
    elsewhere: stage.Installation
    chain: stage.Child
    numbers: Numbers = field(default_factory=Numbers)

    def readings(self) -> Readings:
        """Alternate between dxflow and its peers."""
        return take(
            self.scale,
            lambda: self._events("one", 0, 1),
            self._chains,
            lambda: self._events("many", 1, None),
            self._accepted,
            self._commits,
        )

    def _events(self, name: str, first: int, last: int | None) -> Round:
        """Send events to these tenants and wait until the last one is registered."""
        count, database = self.scale.events, Counts(self.home)
        before, spent = database.registered(), self.serve.spent().cpu
        target = self.home.target(first, last)
        outcome = load.fire(load.split(target, CONNECTIONS, self.numbers.take(count), count))
        ended = database.drained()
        if database.registered() - before != count:
            raise stage.StageFailed(f"{database.registered() - before} of {count} events were registered")
        after = self.serve.spent()
        return {
            name: count / (ended - outcome.began),
            f"{name} cpu": (after.cpu - spent) / count * 1000,
            f"{name} memory": after.memory,
        }

    def _chains(self) -> Round:
        count, spent = self.scale.events, self.chain.spent().cpu
        seconds = float(self.chain.ask(f"{STEPS} {count}"))
        return {"chain": count / seconds, "chain cpu": (self.chain.spent().cpu - spent) / count * 1000}

    def _accepted(self) -> Round:
        """What the edge alone takes in, on a database of its own."""
        seconds = self.scale.seconds
        count = int(FASTEST * seconds)
        target = self.elsewhere.target()
        volleys = load.split(target, CONNECTIONS, self.numbers.take(count), count, seconds=seconds)
        return {"edge": load.fire(volleys).rate}

    def _commits(self) -> Round:
        return {"commit": bare_commits(self.home.directory / "bare.db", self.scale.seconds)}


class Counts:
    """Looks into an installation's database from outside."""

    def __init__(self, installation: stage.Installation) -> None:
        self._path = installation.directory / "dxflow.db"

    def registered(self) -> int:
        """Activities that came to their end."""
        return self._ask(
            "SELECT count(*) FROM data_processing_activities WHERE registration_state = 'registered'"
        )

    def drained(self) -> float:
        """Wait until no event is under way; the monotonic time when that was so. Raises StageFailed."""
        deadline = time.monotonic() + PATIENCE_S
        while self._ask("SELECT EXISTS (SELECT 1 FROM events WHERE due_at IS NOT NULL)"):
            if time.monotonic() > deadline:
                raise stage.StageFailed(f"events are still under way after {PATIENCE_S:.0f} s")
            time.sleep(0.01)
        return time.monotonic()

    def _ask(self, statement: str) -> int:
        connection = sqlite3.connect(self._path, timeout=20)
        try:
            return int(connection.execute(statement).fetchone()[0])
        finally:
            connection.close()


def bare_commits(path: Path, seconds: float) -> float:
    """SQLite's own commits per second: one thread, one row of 1.5 KB each, as durable as ours."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, payload BLOB)")
    began, count = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        connection.execute("INSERT INTO bare (payload) VALUES (?)", (ROW,))
        count += 1
    elapsed = time.monotonic() - began
    connection.close()
    return count / elapsed


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """Throughput, then cost."""
    place.mkdir()
    with ExitStack() as stack:
        elsewhere = stack.enter_context(stage.installation(place / "edge", 1))
        home = stack.enter_context(stage.installation(place / "home", TENANTS + 1))
        peer = {"DXFLOW_DATA_DIR": str(place / "peer")}
        stack.enter_context(elsewhere.child("web"))
        serve = stack.enter_context(home.child("serve"))
        chain = stack.enter_context(home.child("chain", **peer))
        idle = serve.spent().memory
        readings = Whole(scale, home, serve, elsewhere, chain).readings()
    yield _throughput(readings, scale)
    yield _cost(readings, idle)


def _throughput(readings: Readings, scale: Scale) -> Figure:
    figure = Figure(
        f"whole: webhook → registered in one `serve` process, {scale.events:,} new customers a round",
        ("tenants", "events/s", f"÷ chains of {STEPS} no-ops/s", "÷ edge alone", "÷ SQLite commits"),
        (
            f"stock Dramatiq: {spread(readings.of('chain'))} chains/s; "
            f"edge alone, {CONNECTIONS} connections: {spread(readings.of('edge'))}/s; "
            f"bare SQLite: {spread(readings.of('commit'))} commits/s",
        ),
    )
    for name, tenants in (("one", "1"), ("many", str(TENANTS))):
        ratios = (spread(readings.ratio(name, peer), 2) for peer in ("chain", "edge", "commit"))
        figure.rows.append((tenants, spread(readings.of(name)), *ratios))
    return figure


def _cost(readings: Readings, idle: float) -> Figure:
    figure = Figure(
        "cost: processor time per whole event and memory, Valkey included",
        ("tenants", "CPU ms per event", "÷ chain of no-ops", "memory MB"),
        (
            f"stock Dramatiq: {spread(readings.of('chain cpu'), 2)} ms per chain; "
            f"memory before the first event: {idle:.0f} MB",
        ),
    )
    for name, tenants in (("one", "1"), ("many", str(TENANTS))):
        ratio = spread(readings.ratio(f"{name} cpu", "chain cpu"), 2)
        cost, memory = spread(readings.of(f"{name} cpu"), 2), spread(readings.of(f"{name} memory"))
        figure.rows.append((tenants, cost, ratio, memory))
    return figure
