"""The dashboard's pages with years behind them: 1,000,000 events, 100,000 data subjects, 10,000 open requests.

A limit, not a peer: people wait for a page. Each is asked for with a session, through the whole of the edge but
the socket, on SQLite. ``statements`` is how many a page runs.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import falcon.testing
import stage
from crowd import Crowd, Filling, Size
from measure import Figure, Goal, Scale, Verdict
from prometheus_client import CollectorRegistry

from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import users
from dxflow.engine.store import models
from dxflow.http.app import HttpSettings, Outside, build

EVENTS, SUBJECTS, REQUESTS, LOOKS = 1_000_000, 100_000, 10_000, 40
SPARE = 10
"""Statements that a page may run more: a proof in a larger log reads more tiles. A page of fifty rows that asks
for each of them runs fifty more."""
FEW = Size(60, 12, 12, notices=12, connectors=2)
GOAL, NONE = Goal(reach=150, aim=75, lower=True), Goal(reach=0, aim=0, lower=True)
PASSWORD = "four plain words together"

PAGES = (
    "/",
    "/notices",
    "/requests",
    "/requests?view=overdue",
    "/requests?type=access&state=received",
    "/requests/{request}",
    "/obligations",
    "/reports",
    "/subjects",
    "/subjects/{subject}",
    "/subjects/conflicts",
    "/events",
    "/events?state=retrying",
    "/events?q=poison",
    "/events?topic=customers%2Fdelete&connector={connector}",
    "/events?state=failed&source=shopify&q=agent",
    "/events/{event}",
    "/events/failed",
    "/events/{failed}",
    "/activities",
    "/activities?purpose=marketing&basis=consent",
    "/activities?registration=failed",
    "/activities/{activity}",
    "/audit",
    "/audit?kind=user.signed_in",
    "/audit/entries/7",
    "/queues",
    "/connectors",
    "/connectors/{connector}",
    "/people",
    "/keys",
    "/account",
)


@dataclass(frozen=True, slots=True)
class Empty:
    """What Redis says of a queue with nothing in it."""

    ready: int = 0
    in_flight: int = 0
    delayed: int = 0
    parked_ms: int | None = None


@dataclass
class Bench:
    """An owner in front of it all."""

    core: Core
    tenant_id: str
    crowd: Crowd

    def __post_init__(self) -> None:
        users.create(self.core, self.tenant_id, "owner@shop.example", "owner", password=PASSWORD)
        settings = HttpSettings(100_000, "http://edge.example")
        outside = Outside(lambda names: dict.fromkeys(names, Empty()), {}, CollectorRegistry())
        self.client = falcon.testing.TestClient(build(self.core, outside, settings))
        form = f"email=owner%40shop.example&password={PASSWORD.replace(' ', '+')}"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        entered = self.client.simulate_post("/dashboard/sign-in", body=form, headers=kind)
        self.cookie = "; ".join(f"{one.name}={one.value}" for one in entered.cookies.values())

    def look(self, page: str) -> float:
        """Ask for a page; the milliseconds it took."""
        address = "/dashboard" + page.format_map(vars_of(self.crowd))
        began = time.perf_counter()
        answer = self.client.simulate_get(address, headers={"Cookie": self.cookie})
        spent = time.perf_counter() - began
        if answer.status_code != 200:
            raise stage.StageFailed(f"{address} answers {answer.status}")
        return spent * 1e3

    def statements(self, page: str) -> int:
        """How many statements it runs."""
        ran: list[str] = []
        connection = models.database.connection()
        connection.set_trace_callback(ran.append)
        self.look(page)
        connection.set_trace_callback(None)
        return sum(one.lstrip().upper().startswith(("SELECT", "WITH", "INSERT", "UPDATE")) for one in ran)


def vars_of(crowd: Crowd) -> dict[str, str]:
    """What addresses are filled in with."""
    return {name: getattr(crowd, name) for name in crowd.__slots__}


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """On SQLite: the statements of each page with few rows, then everything with many."""
    place.mkdir()
    with _installation(place / "few", FEW) as bench:
        few = {page: bench.look(page) and bench.statements(page) for page in PAGES}
    size = Size(scale.messages(EVENTS), scale.messages(SUBJECTS), scale.messages(REQUESTS))
    with _installation(place / "many", size) as bench:
        yield _figure(bench, size, few, max(3, scale.messages(LOOKS)))


@contextmanager
def _installation(home: Path, size: Size) -> Iterator[Bench]:
    with stage.installation(home, 1) as made:
        core, tenant_id = replace(made.core, memory=None), tenants.every()[0].id
        yield Bench(core, tenant_id, Filling(core, tenant_id, size).everything())


def _figure(bench: Bench, size: Size, few: dict[str, int], looks: int) -> Figure:
    figure = Figure(
        f"pages: milliseconds; {size.events:,} events, {size.subjects:,} subjects, {size.requests:,} requests",
        ("page", "first", "median", "p95", "statements", f"with {FEW.events} events"),
        ("the first look after a start counts what later ones remember; it isn't in the other columns",),
    )
    worst, growing = 0.0, 0
    for page in PAGES:
        first = bench.look(page)
        spent = sorted(bench.look(page) for _ in range(looks))
        p95, statements = spent[int(len(spent) * 0.95)], bench.statements(page)
        worst, growing = max(worst, p95), growing + (statements > few[page] + SPARE)
        times = (f"{taken:.1f}" for taken in (first, spent[len(spent) // 2], p95))
        figure.rows.append((page, *times, str(statements), str(few[page])))
    figure.verdicts.append(Verdict("the slowest page, p95", GOAL, worst, None, None, "ms", absolute=True))
    figure.verdicts.append(
        Verdict("pages whose statements grow with their rows", NONE, growing, None, None, absolute=True)
    )
    return figure
