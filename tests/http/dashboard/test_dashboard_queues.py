"""Queues: what waits and with whom, also without Redis, and the switch that lets the work rest."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from callers import Around
from flow import HandClock, Sender, claim, customer
from serving import served
from visitors import BOTH, PASSWORD, Visitor

from dxflow.engine.access import members
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.errors import Unavailable
from dxflow.engine.services import tenants
from dxflow.engine.services.people import users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import pausing
from dxflow.engine.store import models
from dxflow.http.app import HttpSettings, Outside, build
from dxflow.http.dashboard.watch.queues import Found, Looks


@pytest.fixture
def around() -> Around:
    """What the edge is told of Redis."""
    return Around()


@pytest.fixture
def locks() -> dict[str, Any]:
    """Who has the locks, by register queue; an error under the empty name."""
    return {}


@pytest.fixture
def site(core: Core, around: Around, locks: dict[str, Any]) -> Iterator[str]:
    """An edge beside a Redis that a test sets."""

    def asked(_: object) -> dict[str, Any]:
        if "" in locks:
            raise locks[""]
        return locks

    outside = Outside(around.read, around.checks, locks=asked)
    app = build(core, outside, HttpSettings(100_000, "http://dxflow.example"))
    with served(app, after=core.store.close) as address:
        yield address


@pytest.fixture
def shop(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> Sender:
    """A connector, and nothing under way."""
    sender = Sender(core, tenant.controller.id)
    drain()
    return sender


def depth(**given: int | None) -> SimpleNamespace:
    return SimpleNamespace(**{"ready": 0, "in_flight": 0, "delayed": 0, "parked_ms": None, **given})


@BOTH
def test_a_queue_tells_what_is_ready_in_flight_and_failed_and_how_old_it_is(
    dpo: Visitor, core: Core, tenant: NewTenant, shop: Sender, clock: HandClock, around: Around
) -> None:
    for number in range(4):
        shop.send("customers/create", customer(number))
    claim(core)
    around.depths[f"workflow_queue_{tenant.controller.did}"] = depth(in_flight=1)
    shop.send("customers/create", customer(9))
    clock.forward(120)
    dpo.get("/dashboard/queues")
    assert f"workflow_queue_{tenant.controller.did} 1 4 0 0 2 minutes ago" in dpo.text
    assert "5 events are under way" in dpo.text
    assert "free" in dpo.text


def test_without_redis_the_page_says_so_and_shows_what_the_table_knows(
    dpo: Visitor, shop: Sender, around: Around, locks: dict[str, Any]
) -> None:
    shop.send("customers/create", customer())
    around.redis_is_up = False
    locks[""] = Unavailable("too few of the lock's nodes answer")
    answer = dpo.get("/dashboard/queues")
    assert answer.status_code == 200
    assert "Redis doesn't answer. These are the database’s own numbers" in dpo.text
    assert "not known Too few of the lock's nodes answer." in dpo.text
    assert "1 not known 0 0 just now" in dpo.text


def test_a_held_lock_tells_its_token_its_fence_and_how_long_it_lasts(
    dpo: Visitor, core: Core, tenant: NewTenant, locks: dict[str, Any]
) -> None:
    core.log.fence(tenant.controller.id)
    queue = f"audit_register_queue_{tenant.controller.did}"
    locks[queue] = SimpleNamespace(token="c0ffee" * 6, left_ms=30_500)
    dpo.get("/dashboard/queues")
    assert "held for 31 s more, unless its holder extends it" in dpo.text
    assert "c0ffeec0ffee…" in dpo.text
    fence = models.AuditHead.get(tenant_id=tenant.controller.id).fence
    assert f"Fencing token {fence} the holder’s" in dpo.text
    assert f"audit_register_{tenant.controller.did}" in dpo.text


def test_a_parked_queue_says_until_when(
    dpo: Visitor, tenant: NewTenant, clock: HandClock, around: Around
) -> None:
    until = int((clock.now + timedelta(minutes=3)).timestamp() * 1000)
    around.depths[f"audit_register_queue_{tenant.controller.did}"] = depth(ready=1, parked_ms=until)
    dpo.get("/dashboard/queues")
    assert "Its lock is taken: tried again in 2 minutes" in dpo.text


def test_what_is_tried_again_is_told_with_its_next_attempt(
    dpo: Visitor, core: Core, shop: Sender, clock: HandClock
) -> None:
    event_id = shop.send("customers/create", customer()).event_id
    models.Event.update(
        state="retrying",
        attempts=3,
        error="the dx-agent did not answer",
        due_at=clock.now + timedelta(hours=2),
    ).where(models.Event.id == event_id).execute()
    dpo.get("/dashboard/queues")
    assert "3 of 8 attempts, next in 1 hour" in dpo.text
    assert "The dx-agent did not answer." in dpo.text
    assert f'href="/dashboard/events/{event_id}"' in dpo.page.text


def test_work_that_is_behind_asks_for_a_worker(dpo: Visitor, shop: Sender, clock: HandClock) -> None:
    shop.send("customers/create", customer())
    assert "Work goes on" in dpo.get("/dashboard/queues").text
    clock.forward(400)
    assert "Work is behind" in dpo.get("/dashboard/queues").text


@BOTH
def test_pausing_and_resuming_are_acts_and_every_page_says_that_work_rests(
    owner: Visitor, core: Core, tenant: NewTenant, shop: Sender
) -> None:
    owner.get("/dashboard/queues")
    owner.post("/dashboard/queues/pause")
    assert "Paused. Deliveries are accepted and wait here" in owner.text
    assert "You paused the work just now ." in owner.text
    assert shop.send("customers/create", customer()).status == "accepted"
    for page in ("", "events", "requests", "people"):
        owner.get(f"/dashboard/{page}")
        assert "Work is paused since just now : deliveries are accepted and wait." in owner.text, page
    owner.get("/dashboard/queues")
    assert "1 event waits by now." in owner.text
    owner.post("/dashboard/queues/resume")
    assert "Work goes on, with everything that waited." in owner.text
    assert "Work is paused" not in owner.get("/dashboard/").text
    kinds = [row.kind for row in models.AuditEntry.select().order_by(models.AuditEntry.seq)]
    assert [kind for kind in kinds if kind in ("tenant.paused", "tenant.resumed")] == [
        "tenant.paused",
        "tenant.resumed",
    ]


def test_a_paused_backlog_is_no_missing_worker(
    dpo: Visitor, core: Core, tenant: NewTenant, shop: Sender, clock: HandClock
) -> None:
    shop.send("customers/create", customer())
    pausing.pause(core, tenant.controller.id, "system")
    clock.forward(3600)
    dpo.get("/dashboard/")
    assert "If no worker runs" not in dpo.text
    assert "The work rests" in dpo.text
    dpo.get("/dashboard/queues")
    assert "If no worker runs" not in dpo.text
    assert "The command line paused the work 1 hour ago ." in dpo.text


def test_who_may_not_pause_sees_no_button_and_is_refused(dpo: Visitor, core: Core, tenant: NewTenant) -> None:
    dpo.get("/dashboard/queues")
    assert "Pause" not in dpo.text
    for act in ("pause", "resume"):
        assert dpo.post(f"/dashboard/queues/{act}").status_code == 403
    pausing.pause(core, tenant.controller.id, "user:1")
    dpo.get("/dashboard/queues")
    assert "An owner or administrator can resume it." in dpo.text
    assert "A colleague paused the work" in dpo.text
    assert pausing.since(tenant.controller.id) is not None


def test_a_pause_of_one_data_controller_is_none_of_another(
    dpo: Visitor, core: Core, tenant: NewTenant
) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    pausing.pause(core, other, "system")
    assert "paused" not in dpo.get("/dashboard/").text


@BOTH
def test_who_belongs_to_several_sees_the_busiest_of_the_others_first_and_can_go_there(
    dpo: Visitor, core: Core, tenant: NewTenant
) -> None:
    me = models.User.get().id
    quiet, busy, foreign = (
        tenants.create(core, name, "FR").controller.id for name in ("Quiet", "Busy", "Not mine")
    )
    for one in (quiet, busy):
        members.join(core, one, me, "member", "dxflow")
    models.Event.delete().execute()
    sender = Sender(core, busy)
    for number in range(3):
        sender.send("customers/create", customer(number))
    pausing.pause(core, quiet, "system")
    dpo.get("/dashboard/queues")
    assert "Busy 3 0 just now Switch to Busy Quiet paused 0 0 none Switch to Quiet" in dpo.text
    assert "Not mine" not in dpo.text
    assert foreign not in dpo.page.text
    dpo.post("/dashboard/account/switch", {"tenant": busy})
    assert "Data controller: Busy" in dpo.text


def test_who_belongs_to_one_sees_no_others(dpo: Visitor, core: Core) -> None:
    tenants.create(core, "Other", "FR")
    assert "Other" not in dpo.get("/dashboard/queues").text


def test_its_statements_do_not_grow_with_what_waits_nor_with_data_controllers(
    core: Core, shop: Sender, cost: Callable[[str], int]
) -> None:
    def belong() -> None:
        there = tenants.create(core, f"Shop {uuid.uuid4()}", "FR").controller.id
        members.join(core, there, models.User.get().id, "member", "dxflow")

    belong()
    shop.send("customers/create", customer(0))
    few = cost("/queues")
    for number in range(1, 12):
        belong()
        shop.send("customers/create", customer(number))
    models.Event.update(state="retrying").where(models.Event.source == "shopify").execute()
    assert cost("/queues") == few <= 16


def test_a_user_whom_only_the_provider_vouches_for_is_told_of_no_other_place(
    core: Core, site: str, tenant: NewTenant
) -> None:
    """Its word is good at its own data controller alone."""
    users.create(core, tenant.controller.id, "ada@acme.example", Role.DPO, password=PASSWORD)
    other = tenants.create(core, "Other", "FR").controller.id
    members.join(core, other, models.User.get().id, "member", "dxflow")
    visitor = Visitor(site)
    visitor.sign_in("ada@acme.example", PASSWORD)
    assert "Other" in visitor.get("/dashboard/queues").text
    models.Session.update(method="oidc").execute()
    assert "Other" not in visitor.get("/dashboard/queues").text


def test_a_dear_look_is_shown_again_until_looking_took_a_tenth_of_the_time() -> None:
    now, looked = 0.0, []

    def look() -> Found:
        nonlocal now
        now += 2.0
        looked.append(now)
        return [], "" if len(looked) < 3 else "Redis doesn't answer"

    looks = Looks(lambda: now)
    for moment, times in ((0.0, 1), (19.9, 1), (20.1, 2), (45.0, 3), (47.1, 4)):
        now = max(now, moment)
        looks.of("a tenant", look)
        assert len(looked) == times, moment
    looks.of("another", look)
    assert len(looked) == 5
