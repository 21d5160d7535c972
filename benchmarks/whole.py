"""Whole events per second, from the webhook to the registered activity, and what one costs.

``serve`` does all of it in one process. Everything that arrives is waited for: the time runs from the first
request until no event is under way. Peers of the same rounds: chains of as many no-op tasks as an event has
steps, on Celery and on stock Dramatiq; the edge alone; SQLite's bare commits.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import load
import stage
import systems
from contest import Contest
from edge import FASTEST, Numbers
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take
from systems import arena

STEPS = 8
"""webhook: extract, match, log; data_subject: derive, link; processing_activity: publish, register, record.
Each is a change of state that stands in the database; that a message carries several is dxflow's to gain by."""
GOAL = Goal(reach=3, aim=6)
CHAINS = {"celery": systems.CELERY, "stock": systems.STOCK}
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
    peers: Contest
    numbers: Numbers = field(default_factory=Numbers)

    def readings(self) -> Readings:
        """Alternate between dxflow and its peers."""
        return take(
            self.scale,
            lambda: self._events("one", 0, 1),
            *(partial(self._chains, key, system) for key, system in CHAINS.items()),
            lambda: self._events("many", 1, None),
            self._accepted,
            self._commits,
        )

    def _events(self, name: str, first: int, last: int | None) -> Round:
        """Send events to these tenants and wait until the last one is registered."""
        count, database = self.scale.events, Counts(self.home.directory)
        before, spent = database.registered(), self.serve.spent().cpu
        target = self.home.target(first, last)
        outcome = load.fire(load.split(target, CONNECTIONS, self.numbers.take(count), count))
        ended = database.drained()
        if database.registered() - before != count:
            raise stage.StageFailed(f"{database.registered() - before} of {count} events were registered")
        after = self.serve.spent()
        return {
            name: count / (ended - outcome.began),
            f"{name} cpu": (after.cpu - spent) / count * 1e6,
            f"{name} memory": after.memory,
        }

    def _chains(self, key: str, system: systems.System) -> Round:
        """Chains per second, and µs of the worker's processor time for each."""
        chains = partial(self.peers.chains, key, system, STEPS, self.scale.events)
        return self.peers.attempt(key, system, chains)

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

    def __init__(self, directory: Path) -> None:
        self._path = directory / "dxflow.db"

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
    tenants = min(TENANTS, scale.tenants)
    with ExitStack() as stack:
        elsewhere = stack.enter_context(stage.installation(place / "edge", 1))
        home = stack.enter_context(stage.installation(place / "home", tenants + 1))
        peers = Contest(stack.enter_context(arena(place / "peers")), scale)
        stack.enter_context(elsewhere.child("web"))
        serve = stack.enter_context(home.child("serve"))
        idle = serve.spent().memory
        readings = Whole(scale, home, serve, elsewhere, peers).readings()
    messages = int((home.directory / "messages").read_text()) / (2 * scale.rounds * scale.events)
    yield _throughput(readings, scale, tenants, messages, peers.missing)
    yield _cost(readings, tenants, idle)


def _throughput(
    readings: Readings, scale: Scale, many: int, messages: float, missing: Mapping[str, str]
) -> Figure:
    figure = Figure(
        f"whole: webhook → registered in one `serve` process, {scale.events:,} new customers a round",
        ("tenants", "events/s", "÷ Celery chains", "÷ Dramatiq chains", "÷ edge alone", "÷ SQLite commits"),
        (
            f"a chain is {STEPS} no-op tasks that send each other, as many as an event has steps; "
            f"dxflow sent {messages:.2f} messages per event",
            f"chains/s: Celery {_each(readings, 'celery')}, stock Dramatiq {_each(readings, 'stock')}; "
            f"per second: edge alone {_each(readings, 'edge')}, SQLite's commits {_each(readings, 'commit')}",
            *(f"{name}: {reason}" for name, reason in missing.items()),
        ),
    )
    for name, tenants in (("one", "1"), ("many", str(many))):
        ratios = [spread(readings.ratio(name, peer), 2) for peer in ("celery", "stock", "edge", "commit")]
        figure.rows.append((tenants, _each(readings, name), *ratios))
        title = f"whole events/s, webhook → registered, tenants: {tenants} (peer: Celery, chain of {STEPS})"
        peer = readings.median("celery") if readings.of("celery") else None
        ratio = readings.versus(name, "celery")
        figure.verdicts.append(Verdict(title, GOAL, readings.median(name), peer, ratio, "/s"))
    return figure


def _cost(readings: Readings, many: int, idle: float) -> Figure:
    figure = Figure(
        "cost: processor time per whole event and memory, Valkey included",
        ("tenants", "CPU µs per event", "÷ Celery chain", "÷ Dramatiq chain", "memory MB"),
        (f"memory before the first event: {idle:.0f} MB; of the chains the workers alone are counted",),
    )
    for name, tenants in (("one", "1"), ("many", str(many))):
        ratios = [spread(readings.ratio(f"{name} cpu", f"{peer} cpu"), 2) for peer in CHAINS]
        cost, memory = spread(readings.of(f"{name} cpu")), spread(readings.of(f"{name} memory"))
        figure.rows.append((tenants, cost, *ratios, memory))
    return figure


def _each(readings: Readings, name: str) -> str:
    return spread(readings.of(name))
