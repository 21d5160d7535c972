"""Outgoing webhooks: verified by the specification's own package, at a server that misbehaves."""

from __future__ import annotations

import ipaddress
import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flow import HandClock, drain
from serving import served
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from dxflow.engine import announcing
from dxflow.engine.core import Core
from dxflow.engine.desk import moves
from dxflow.engine.errors import Conflict, Invalid, NotFound
from dxflow.engine.outgoing import Limits, Outgoing, Place
from dxflow.engine.rights import consent_sync
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import webhook_endpoints
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps.announcement import SCHEDULE
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)
BODY = {"request": "6f9619ff-8b86-4d01-b42d-00cf4fc964ff", "state": "received"}


@dataclass
class Receiver:
    """An endpoint. ``answers`` come one after the other: a status, with headers perhaps; then always 204."""

    url: str = ""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    answers: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    def app(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        names = ("id", "timestamp", "signature")
        headers = {f"webhook-{name}": environ.get(f"HTTP_WEBHOOK_{name.upper()}", "") for name in names}
        self.got.append((headers, environ["wsgi.input"].read(length)))
        status, more = self.answers.pop(0) if self.answers else (204, {})
        start(f"{status} x", [("Content-Length", "0"), *more.items()])
        return [b""]

    def checked(self, secret: str, number: int = -1) -> Any:
        headers, body = self.got[number]
        return Webhook(secret).verify(body, headers)


@pytest.fixture(scope="module")
def socket_of() -> Iterator[Receiver]:
    receiver = Receiver()
    with served(lambda environ, start: receiver.app(environ, start)) as url:
        receiver.url = f"{url}/hooks?of=dxflow"
        yield receiver


@pytest.fixture
def receiver(socket_of: Receiver) -> Receiver:
    socket_of.got.clear()
    socket_of.answers.clear()
    return socket_of


@pytest.fixture
def clock() -> HandClock:
    """The package holds timestamps against the machine's own clock."""
    return HandClock(datetime.now(UTC) + timedelta(seconds=30))


@pytest.fixture
def able(core: Core) -> Core:
    """A core that may call this machine."""
    return replace(core, outgoing=Outgoing(core.clock, LOOPBACK, limits=Limits(0.3, 0.6, 1 << 20)))


@pytest.fixture
def secret(able: Core, tenant: NewTenant, receiver: Receiver) -> str:
    return webhook_endpoints.add(able, tenant.controller.id, receiver.url, [], "system")[1]


def announce(core: Core, tenant: NewTenant, topic: str = "rights_request.received") -> None:
    with core.store.transaction():
        announcing.announce(core, tenant.controller.id, topic, BODY)


def rows() -> list[tuple[str, int | None]]:
    query = models.Announcement.select().order_by(models.Announcement.created_at)
    return [(row.state, row.status) for row in query]


def test_a_telling_is_verified_by_the_specifications_own_package(
    able: Core, tenant: NewTenant, receiver: Receiver, secret: str
) -> None:
    assert secret.startswith("whsec_")
    announce(able, tenant)
    drain(able)
    told = receiver.checked(secret)
    assert told == {"type": "rights_request.received", "data": BODY, "timestamp": told["timestamp"]}
    assert told["timestamp"].endswith("Z")
    assert rows() == [("delivered", 204)]
    with pytest.raises(WebhookVerificationError):
        receiver.checked("whsec_" + "A" * 43 + "=")


def test_what_fails_is_sent_again_under_the_same_id_and_signed_anew(
    able: Core, tenant: NewTenant, receiver: Receiver, secret: str, clock: HandClock
) -> None:
    receiver.answers += [
        (500, {}),
        (404, {}),
        (302, {"Location": receiver.url}),
        (429, {"Retry-After": "9000"}),
    ]
    announce(able, tenant)
    drain(able)
    for wait in SCHEDULE.waits[:3]:
        clock.forward(wait)
        drain(able)
    clock.forward(SCHEDULE.waits[3])  # less than was asked for
    drain(able)
    assert len(receiver.got) == 4
    clock.forward(9000)
    drain(able)
    assert rows() == [("delivered", 204)]
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1
    assert len({body for _, body in receiver.got}) == 1
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.got}) == 5
    receiver.checked(secret, 0)


def test_after_the_last_attempt_the_event_fails_a_notice_tells_and_nothing_announces_that(
    able: Core, tenant: NewTenant, receiver: Receiver, secret: str, clock: HandClock
) -> None:
    del secret
    receiver.answers += [(503, {})] * 50
    announce(able, tenant)
    drain(able)
    for wait in SCHEDULE.waits:
        clock.forward(wait)
        drain(able)
    assert len(receiver.got) == SCHEDULE.max_attempts == 10
    assert sum(SCHEDULE.waits) > 3 * 86_400
    assert rows() == [("failed", None)]
    notice = models.Notification.get(models.Notification.kind == "event.failed")
    assert "HTTP 503" in notice.body
    assert receiver.url not in notice.body
    event = models.Event.get(models.Event.state == "failed")
    receiver.answers.clear()
    models.Event.update(state="received", due_at=clock.now).where(models.Event.id == event.id).execute()
    drain(able)
    assert rows() == [("delivered", 204)]  # replayed by hand


def test_410_disables_the_endpoint_and_what_waits_for_it_is_withdrawn(
    able: Core, tenant: NewTenant, receiver: Receiver, secret: str
) -> None:
    del secret
    receiver.answers += [(410, {})]
    announce(able, tenant)
    drain(able)
    announce(able, tenant)
    drain(able)
    assert rows() == [("withdrawn", 410)]
    endpoint = models.WebhookEndpoint.get()
    assert endpoint.disabled_because == "HTTP 410 Gone"
    assert (
        models.Notification.select().where(models.Notification.kind == "webhook_endpoint.disabled").count()
        == 1
    )
    assert len(receiver.got) == 1


def test_a_server_that_says_nothing_keeps_nobody_else_waiting(
    able: Core, tenant: NewTenant, receiver: Receiver, secret: str
) -> None:
    def silent(_: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        threading.Event().wait(1)
        start("200 x", [])
        return [b""]

    with served(silent) as url:
        webhook_endpoints.add(able, tenant.controller.id, url, [], "system")
        announce(able, tenant)
        drain(able)
    receiver.checked(secret)
    assert sorted(state for state, _ in rows()) == ["delivered", "pending"]


def test_after_a_rotation_both_secrets_sign_for_a_day(
    able: Core, tenant: NewTenant, receiver: Receiver, secret: str, clock: HandClock
) -> None:
    endpoint = models.WebhookEndpoint.get()
    _, newer = webhook_endpoints.rotate(able, tenant.controller.id, endpoint.id, "system")
    announce(able, tenant)
    drain(able)
    assert receiver.checked(secret) == receiver.checked(newer)
    clock.forward(86_401)
    announce(able, tenant)
    drain(able)
    headers, body = receiver.got[-1]
    at = int(headers["webhook-timestamp"])
    assert (
        headers["webhook-signature"] == f"v1,{announcing.signature(newer, headers['webhook-id'], at, body)}"
    )


def test_only_the_topics_an_endpoint_wants_reach_it_and_only_its_own_tenants(
    able: Core, tenant: NewTenant, receiver: Receiver
) -> None:
    other = tenants.create(able, "Another", "DE")
    webhook_endpoints.add(able, tenant.controller.id, receiver.url, ["erasure.completed"], "system")
    announce(able, tenant, "rights_request.received")
    announce(able, other, "erasure.completed")
    drain(able)
    assert receiver.got == []
    announce(able, tenant, "erasure.completed")
    drain(able)
    assert [json.loads(body)["type"] for _, body in receiver.got] == ["erasure.completed"]


def test_a_test_reaches_it_whatever_topics_it_wants(
    able: Core, tenant: NewTenant, receiver: Receiver
) -> None:
    row, secret = webhook_endpoints.add(
        able, tenant.controller.id, receiver.url, ["erasure.completed"], "system"
    )
    told = webhook_endpoints.test(able, tenant.controller.id, row.id, "system")
    drain(able)
    assert receiver.checked(secret)["type"] == "webhook.test"
    assert receiver.got[-1][0]["webhook-id"] == told.id


def test_a_failed_event_is_announced_and_names_nobody(
    able: Core, tenant: NewTenant, receiver: Receiver, secret: str
) -> None:
    event = models.Event(
        id=able.new_id(), tenant_id=tenant.controller.id, workflow="webhook", step="log", attempts=8
    )
    with able.store.transaction():
        announcing.event_failed(able, event)
    drain(able)
    told = receiver.checked(secret)
    assert told["type"] == "event.failed"
    assert told["data"] == {"event": event.id, "workflow": "webhook", "step": "log", "attempts": 8}


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/hook", "https://169.254.169.254/latest", "https://[::1]/", "http://10.0.0.1/",
        "ftp://hooks.example/", "https://user:word@hooks.example/", "https://", "no address",
    ],
)  # fmt: skip
def test_addresses_that_lead_inside_are_refused(core: Core, tenant: NewTenant, url: str) -> None:
    with pytest.raises(Invalid) as refused:
        webhook_endpoints.add(core, tenant.controller.id, url, [], "system")
    assert refused.value.field == "url"
    assert models.WebhookEndpoint.select().count() == 0


def test_a_name_that_turns_inside_after_it_was_added_is_not_called(
    core: Core, tenant: NewTenant, receiver: Receiver
) -> None:
    public, port = Place(2, ("93.184.216.34", 80)), int(receiver.url.split(":")[2].split("/")[0])
    turning = [[public], [Place(2, ("127.0.0.1", port))]]
    able = replace(core, outgoing=Outgoing(core.clock, resolve=lambda _name, _port: turning.pop(0)))
    webhook_endpoints.add(able, tenant.controller.id, "https://hooks.example/", [], "system")
    announce(able, tenant)
    drain(able)
    assert receiver.got == []
    assert rows() == [("failed", None)]
    assert "isn't public" in models.Event.get(models.Event.state == "failed").error


def test_what_isnt_there_or_is_disabled_is_told_so(able: Core, tenant: NewTenant, secret: str) -> None:
    del secret
    owner, endpoint = tenant.controller.id, models.WebhookEndpoint.get().id
    with pytest.raises(Invalid, match="allowed are rights_request"):
        webhook_endpoints.add(able, owner, "https://hooks.example", ["everything"], "system")
    other = tenants.create(able, "Another", "DE").controller.id
    with pytest.raises(NotFound):
        webhook_endpoints.rotate(able, other, endpoint, "system")
    webhook_endpoints.disable(able, owner, endpoint, "system")
    for act in (webhook_endpoints.rotate, webhook_endpoints.disable, webhook_endpoints.test):
        with pytest.raises(Conflict):
            act(able, owner, endpoint, "system")


def test_the_secret_lies_sealed_and_is_in_no_leaf(able: Core, tenant: NewTenant, secret: str) -> None:
    stored = bytes(models.WebhookEndpoint.get().secret_sealed)
    assert secret.encode() not in stored
    leaves = [row.leaf for row in models.AuditEntry.select()]
    assert any("webhook_endpoint.added" in leaf for leaf in leaves)
    assert not any(secret in leaf or "hooks" in leaf for leaf in leaves)
    del able, tenant


def test_every_topic_that_is_announced_can_be_asked_for(store: object) -> None:
    del store
    call = re.compile(r"announce\((?:[^()]|\([^()]*\))*?\"([a-z_]+\.[a-z_]+)\"")
    engine = Path(announcing.__file__).parent
    found = {name for file in engine.rglob("*.py") for name in call.findall(file.read_text())}
    assert {"event.failed", "rights_request.received", "erasure.completed"} <= found
    assert found | set(moves.TOPICS.values()) | {consent_sync.CHANGED} <= set(announcing.TOPICS)
