"""``queue top``, look by look: what was done in between, and who comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from flow import HandClock, Sender, customer, drain

from dxflow.engine import moments
from dxflow.engine.core import Core
from dxflow.engine.errors import Unavailable
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic.queues import Order
from dxflow.engine.services.traffic.top import Top
from dxflow.engine.store import models


def nobody_knows(names: Sequence[str]) -> Mapping[str, Any]:
    raise Unavailable("Redis doesn't answer")


def looking(core: Core, order: Order = "depth", limit: int = 20) -> Top:
    return Top(core, nobody_knows, limit, order)


def ended() -> int:
    return models.Event.select().where(models.Event.state == "done").count()


@pytest.fixture
def shop(core: Core, tenant: NewTenant) -> Sender:
    """A Shopify shop of the tenant, whose own rows are worked off."""
    made = Sender(core, tenant.controller.id)
    drain(core)
    return made


def test_the_first_look_knows_no_rate(core: Core, shop: Sender) -> None:
    assert looking(core).look().total.done_per_second is None


def test_what_was_done_between_two_looks_is_told_per_second(
    core: Core, shop: Sender, clock: HandClock
) -> None:
    top = looking(core)
    shop.send("customers/create", customer(1))  # waits at the first look, is over at the second
    top.look()
    before = ended()
    for number in range(2, 22):  # come and go between the two
        shop.send("customers/create", customer(number))
    drain(core)
    clock.forward(10)
    shop.send("customers/create", customer(50))  # comes and stays
    picture = top.look()
    [tenant] = picture.tenants
    assert tenant.done_per_second == pytest.approx((ended() - before) / 10, rel=0.1)
    assert picture.total.done_per_second == tenant.done_per_second
    assert tenant.ready == 1
    clock.forward(10)
    assert top.look().tenants[0].done_per_second == 0


def test_a_tenant_with_nothing_left_is_shown_for_what_it_got_done(
    core: Core, shop: Sender, tenant: NewTenant, clock: HandClock
) -> None:
    top = looking(core)
    assert top.look().tenants == []
    shop.send("customers/create", customer(1))
    drain(core)
    clock.forward(1)
    picture = top.look()
    assert [(one.name, one.ready, one.failed) for one in picture.tenants] == [("Acme Shop", 0, 0)]
    assert picture.busy == 0
    assert top.look().tenants == []


def test_an_event_that_failed_or_is_replayed_is_not_done(core: Core, shop: Sender, clock: HandClock) -> None:
    event_id = shop.send("customers/create", customer(1)).event_id
    top = looking(core)
    top.look()
    for changes in ({"state": "failed", "due_at": None}, {"state": "received", "due_at": clock.now}):
        models.Event.update(**changes).where(models.Event.id == event_id).execute()
        clock.forward(1)
        assert top.look().tenants[0].done_per_second == 0, changes


def test_a_tenant_with_old_failures_comes_after_those_with_work(core: Core, shop: Sender) -> None:
    for number in range(3):
        failed = shop.send("customers/create", customer(number)).event_id
        models.Event.update(state="failed", due_at=None).where(models.Event.id == failed).execute()
    tenants.create(core, "Zed Books")
    assert [one.name for one in looking(core).look().tenants] == ["Zed Books", "Acme Shop"]


def test_by_age_the_oldest_event_counts_and_not_how_many_there_are(
    core: Core, shop: Sender, clock: HandClock
) -> None:
    for number in range(3):
        shop.send("customers/create", customer(number))
    other = tenants.create(core, "Zed Books").controller
    old = moments.after(clock.now, -7200)
    models.Event.update(received_at=old).where(models.Event.tenant_id == other.id).execute()
    assert [one.name for one in looking(core, "depth").look().tenants] == ["Acme Shop", "Zed Books"]
    [first] = looking(core, "age", limit=1).look().tenants
    assert (first.name, round(first.oldest_age or 0, -1)) == ("Zed Books", 7200)


def test_a_weight_is_shown_kept_and_logged(core: Core, shop: Sender, tenant: NewTenant) -> None:
    shop.send("customers/create", customer(1))
    tenant_id = tenant.controller.id
    entries = core.log.head(tenant_id).size
    assert tenants.set_queue_weight(core, tenant_id, 7, "system").queue_weight == 7
    assert core.log.head(tenant_id).size == entries + 1
    assert looking(core).look().tenants[0].weight == 7
