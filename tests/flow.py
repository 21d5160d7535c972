"""Drive the engine in a test, without Redis: send signed deliveries in, run what comes due."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from uuid import uuid4

from dxflow.engine import runner
from dxflow.engine.core import Core
from dxflow.engine.edge import Edge
from dxflow.engine.inbox import Accepted, Inbox
from dxflow.engine.outbox import Dispatch, Outbox
from dxflow.engine.platforms import signing
from dxflow.engine.platforms.base import Delivery
from dxflow.engine.services.audit import verifying
from dxflow.engine.services.connectors import connectors
from dxflow.engine.store import models, quick, scope

SECRET = "a secret of the platform"

T = TypeVar("T")


@dataclass
class HandClock:
    """A clock that moves when told to, and a millisecond at each look so that order stays visible.

    It stands far ahead of the database's own clock, so that what the triggers write is due at once.
    """

    now: datetime = datetime(2099, 3, 2, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@dataclass
class Sender:
    """One connector and how its platform delivers to it."""

    core: Core
    tenant_id: str
    platform: str = "shopify"
    options: Mapping[str, str] = field(default_factory=dict)
    _sent: int = 0

    def __post_init__(self) -> None:
        self.connector = connectors.add(
            self.core, self.tenant_id, self.platform, [SECRET], options=self.options
        )
        self.edge = Edge(self.core, Inbox(self.core), connectors.Endpoints(self.core))

    def send(self, topic: str, body: object, delivery_id: str | None = None) -> Accepted:
        """Deliver a body (bytes as they are, anything else as JSON), signed."""
        self._sent += 1
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        url = connectors.address(self.core, self.connector, "https://edge.example")
        headers, address = signing.signed_request(
            self.platform,
            topic,
            raw,
            SECRET,
            url=url,
            now=self.core.clock(),
            delivery_id=delivery_id or f"delivery-{self._sent}",
        )
        lower = {name.lower(): value for name, value in headers.items()}
        delivery = Delivery("POST", address, address.partition("?")[2], lower, raw)
        return self.edge.receive(self.platform, self.connector.id, delivery)


def drain(core: Core, *, limit: int = 1000) -> int:
    """Run every due event to its end or its next wait; returns how many messages that took."""
    outbox, messages = Outbox(core), 0
    while rows := outbox.due(1000):
        queue = outbox.claim(rows, lambda _: set())
        while queue:
            dispatch = queue.pop(0)
            queue += run(core, dispatch).follow_ups
            messages += 1
            assert messages < limit, "the workflows never come to rest"
    return messages


def settle(core: Core) -> list[models.Event]:
    """Like ``drain``, step by step, and what must hold is checked after each; returns the webhook events.

    On PostgreSQL it is checked after each round of due events: the steps are the same, and looking costs more.
    """
    while queue := claim(core):
        while queue:
            queue = [following for dispatch in queue for following in run(core, dispatch).follow_ups]
            if not queue or core.store.dialect == "sqlite":
                check_invariants(core)
    return events("webhook")


def claim(core: Core) -> list[Dispatch]:
    """Take everything due, as a relay would whose Redis is empty."""
    outbox = Outbox(core)
    return outbox.claim(outbox.due(1000), lambda _: set())


def advance(core: Core, step: str) -> list[Dispatch]:
    """Run what is due until only messages of this step are left, and return those."""
    waiting, queue = [], claim(core)
    while queue:
        dispatch = queue.pop(0)
        if dispatch.step == step:
            waiting.append(dispatch)
        else:
            queue += run(core, dispatch).follow_ups
    return waiting


seeing = scope.everyone("a test's own thread")
"""Makes a function for a thread of a test see what the test sees."""


def at_once(core: Core, calls: Sequence[Callable[[], T]]) -> list[T | BaseException]:
    """Make all calls at the same moment, each in a thread of its own; what each gave or raised, in order."""
    gate = threading.Barrier(len(calls))
    results: list[T | BaseException] = [AssertionError("never ran")] * len(calls)

    def call(number: int) -> None:
        try:
            gate.wait(30)
            results[number] = calls[number]()
        except BaseException as error:  # noqa: BLE001  # handed to the test, which asserts on it
            results[number] = error
        finally:
            core.store.close()

    threads = [threading.Thread(target=seeing(call), args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return results


def run(core: Core, dispatch: Dispatch) -> runner.Report:
    """Run one message as its actor would, lock and all."""
    fence = core.log.fence(dispatch.tenant_id) if dispatch.step == "register" else None
    return runner.run_step(core, dispatch.workflow, dispatch.step, dispatch.event_ids, fence)


def delivered(core: Core, tenant_id: str, moments: Sequence[datetime], name: str = "") -> str:
    """A connector that received something at each of these moments, long done; returns its id."""
    connector = connectors.add(core, tenant_id, "shopify", [SECRET], name=name)
    rows = [
        {
            "id": str(uuid4()),
            "tenant_id": tenant_id,
            "connector_id": connector.id,
            "source": "shopify",
            "topic": "orders/create",
            "workflow": "webhook",
            "step": "done",
            "state": "done",
            "due_at": None,
            "received_at": moment,
            "updated_at": moment,
        }
        for moment in moments
    ]
    quick.insert_all(models.Event, rows)
    return str(connector.id)


def customer(number: int = 1, **changes: object) -> dict[str, object]:
    """A Shopify customer in the shape of API 2025-01 and later."""
    body: dict[str, object] = {
        "id": 7_064_055_069_303_700 + number,
        "admin_graphql_api_id": f"gid://shopify/Customer/{7_064_055_069_303_700 + number}",
        "email": f"person{number}@shop.example",
        "phone": None,
        "first_name": "Ada",
        "last_name": "Byron",
        "verified_email": True,
        "state": "enabled",
        "updated_at": "2026-03-01T10:00:00Z",
    }
    return {**body, **changes}


def events(workflow: str | None = None) -> list[models.Event]:
    """Every event, oldest first."""
    query = models.Event.select().order_by(models.Event.seq)
    return list(query if workflow is None else query.where(models.Event.workflow == workflow))


def leaves(tenant_id: str, kind: str | None = None) -> list[dict[str, object]]:
    """What a tenant's leaves say, in order."""
    model = models.AuditEntry
    rows = model.select().where(model.tenant_id == tenant_id).order_by(model.seq)
    return [json.loads(row.leaf) for row in rows if kind in (None, row.kind)]


def check_invariants(core: Core) -> None:
    """What must hold after every step, whatever happened."""

    found = verifying.verify_logs(core)
    assert found.ok, found.problems
    activities = list(models.ProcessingActivity.select())
    by_event = [a.event_id for a in activities if a.event_id]
    assert len(by_event) == len(set(by_event)), "two activities of one event"
    done = models.Event.select().where(models.Event.workflow == "webhook", models.Event.state == "done")
    # An ignored delivery was done at its receipt: it has no history, and no activity. Nor has a suppressed one.
    logged = {event.id for event in done if event.history and event.history[-1]["outcome"] != "suppressed"}
    assert logged <= set(by_event), "a delivery without its activity"
    receipts = {r.did: (r.tenant_id, r.log_index) for r in models.Registration.select()}
    assert len(set(receipts.values())) == len(receipts), "two activities at one place in a log"
    rows = models.AuditEntry.select().where(models.AuditEntry.kind == "activity.registered")
    in_log = [json.loads(row.leaf)["activity"] for row in rows]
    assert sorted(in_log) == sorted(receipts), "leaves and registrations differ"
    registered = [a for a in activities if a.registration_state == "registered"]
    assert all(receipts[a.did] == (a.tenant_id, a.log_index) for a in registered)
