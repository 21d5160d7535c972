"""Drive the engine in a test, without Redis: send signed deliveries in, run what comes due."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from dxflow.engine import runner
from dxflow.engine.core import Core
from dxflow.engine.edge import Edge
from dxflow.engine.inbox import Accepted, Inbox
from dxflow.engine.outbox import Dispatch, Outbox
from dxflow.engine.platforms import signing
from dxflow.engine.platforms.base import Delivery
from dxflow.engine.services import connectors
from dxflow.engine.store import models

SECRET = "a secret of the platform"


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


def run(core: Core, dispatch: Dispatch) -> runner.Report:
    """Run one message as its actor would, lock and all."""
    fence = core.log.fence(dispatch.tenant_id) if dispatch.step == "register" else None
    return runner.run_step(core, dispatch.workflow, dispatch.step, dispatch.event_ids, fence)


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


def check_invariants(core: Core) -> None:
    """What must hold after every step, whatever happened."""
    from dxflow.engine.services import audit

    found = audit.verify(core)
    assert found.ok, found.problems
    activities = list(models.ProcessingActivity.select())
    registered = [a for a in activities if a.registration_state == "registered"]
    indexes = [(a.tenant_id, a.log_index) for a in registered]
    assert len(indexes) == len(set(indexes)), "two activities at one place in a log"
    assert all(a.did for a in registered)
    by_event = [a.event_id for a in activities if a.event_id]
    assert len(by_event) == len(set(by_event)), "two activities of one event"
