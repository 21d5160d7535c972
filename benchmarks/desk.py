"""The rights desk with 10,000 open requests: the queue's page, and the sweep that warns of clocks.

Limits, not peers: people wait for a page, and a sweep keeps others from writing. The page is asked for with a
session, through the whole of the edge but the socket. The sweep is measured twice: when nothing is due, and
when all requests are looked at together.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import falcon.testing
import stage
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take
from prometheus_client import CollectorRegistry

from dxflow.engine.core import Core
from dxflow.engine.desk import warnings
from dxflow.engine.rights import deadlines
from dxflow.engine.services import tenants
from dxflow.engine.services.people import users
from dxflow.engine.services.traffic.queues import Depth
from dxflow.engine.store import models, quick
from dxflow.http.app import HttpSettings, Outside, build

OPEN, PAGES = 10_000, 40
PAGE_GOAL = Goal(reach=100, aim=50, lower=True)
IDLE_GOAL = Goal(reach=20, aim=5, lower=True)
SWEEP_GOAL = Goal(reach=2_000, aim=1_000, lower=True)
PASSWORD = "four plain words together"


@dataclass
class Bench:
    """An installation with one officer, and requests that were received over the last 25 days."""

    core: Core
    tenant_id: str
    open: int
    pages: int

    def __post_init__(self) -> None:
        users.create(self.core, self.tenant_id, "dpo@shop.example", "dpo", password=PASSWORD)
        self._requests()
        settings = HttpSettings(100_000, "http://edge.example")
        outside = Outside(lambda names: dict.fromkeys(names, Depth(0, 0, 0)), {}, CollectorRegistry())
        self.client = falcon.testing.TestClient(build(self.core, outside, settings))
        form = f"email=dpo%40shop.example&password={PASSWORD.replace(' ', '+')}"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        entered = self.client.simulate_post("/dashboard/sign-in", body=form, headers=kind)
        self.cookie = "; ".join(f"{one.name}={one.value}" for one in entered.cookies.values())

    def turn(self) -> Round:
        """Pages of every view in turn, then the two sweeps."""
        views = ("open", "overdue", "closed")
        spent = sorted(self._page(views[number % 3]) for number in range(self.pages))
        warnings.sweep(self.core)
        began = time.perf_counter()
        warnings.sweep(self.core)
        idle = time.perf_counter() - began
        models.RightsRequest.update(warned=0, warn_at=self.core.clock()).execute()
        began = time.perf_counter()
        told = warnings.sweep(self.core)
        all_due = time.perf_counter() - began
        p95 = spent[int(len(spent) * 0.95)]
        return {"page": p95 * 1e3, "idle": idle * 1e3, "due": all_due * 1e3, "told": float(told)}

    def _page(self, view: str) -> float:
        began = time.perf_counter()
        headers = {"Cookie": self.cookie}
        answer = self.client.simulate_get(f"/dashboard/requests?view={view}", headers=headers)
        assert answer.status_code == 200, answer.status
        return time.perf_counter() - began

    def _requests(self) -> None:
        now, made = self.core.clock(), []
        for number in range(self.open):
            received = now - timedelta(hours=number % 600)
            row = models.RightsRequest(
                id=self.core.new_id(), tenant_id=self.tenant_id, type="access", regime="gdpr",
                jurisdiction="DE", state="received", source="form", reference="", received_at=received,
                created_at=received,
            )  # fmt: skip
            for name, value in deadlines.columns(row, "UTC", now).items():
                setattr(row, name, value)
            made.append(row.__data__)
        with self.core.store.transaction():
            quick.insert_all(models.RightsRequest, made)
            models.Event.delete().where(models.Event.source == "database").execute()  # what triggers noticed


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """On SQLite."""
    place.mkdir()
    with stage.installation(place / "home", 1) as home:
        core = replace(home.core, memory=None)
        bench = Bench(core, tenants.every()[0].id, scale.messages(OPEN), max(3, scale.messages(PAGES)))
        yield _table(bench.open, take(scale, bench.turn))


def _table(count: int, readings: Readings) -> Figure:
    figure = Figure(
        f"desk: milliseconds with {count:,} open rights requests",
        ("what", "ms"),
        (f"every one of {readings.median('told'):,.0f} is told of, with a notice and an entry in the log",),
    )
    for name, title, goal in (
        ("page", "the queue's page, p95", PAGE_GOAL),
        ("idle", "a sweep when nothing is due", IDLE_GOAL),
        ("due", "a sweep when all of them are due", SWEEP_GOAL),
    ):
        figure.rows.append((title, spread(readings.of(name), 1)))
        figure.verdicts.append(Verdict(title, goal, readings.median(name), None, None, "ms", absolute=True))
    return figure
