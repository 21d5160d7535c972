"""Pausing and resuming a data controller's work."""

from __future__ import annotations

import uuid

import pytest
from flow import HandClock, Sender, at_once, claim, customer, drain, events, leaves

from dxflow.engine.core import Core
from dxflow.engine.errors import NotFound
from dxflow.engine.outbox import Outbox
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import pausing


def test_a_pause_says_since_when_and_by_whom_and_ends(
    core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    tenant_id, before = tenant.controller.id, clock.now
    assert pausing.since(tenant_id) is None
    paused = pausing.pause(core, tenant_id, "user:7")
    assert before < pausing.since(tenant_id) == paused.paused_at < clock.now
    assert paused.paused_by == "user:7"
    resumed = pausing.resume(core, tenant_id, "key:1")
    assert (resumed.paused_at, resumed.paused_by, pausing.since(tenant_id)) == (None, None, None)
    acts = [(leaf["kind"], leaf["actor"]) for leaf in leaves(tenant_id) if str(leaf["kind"]) in _KINDS]
    assert acts == [("tenant.paused", "user:7"), ("tenant.resumed", "key:1")]


_KINDS = ("tenant.paused", "tenant.resumed")


def test_who_paused_first_stays_and_only_changes_are_written_down(
    core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    tenant_id = tenant.controller.id
    pausing.resume(core, tenant_id, "user:1")
    first = pausing.pause(core, tenant_id, "user:1").paused_at
    clock.forward(60)
    again = pausing.pause(core, tenant_id, "user:2")
    assert (again.paused_at, again.paused_by) == (first, "user:1")
    assert [leaf["actor"] for leaf in leaves(tenant_id) if leaf["kind"] in _KINDS] == ["user:1"]


def test_many_who_pause_at_once_pause_once(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    results = at_once(core, [lambda: pausing.pause(core, tenant_id, "system")] * 5)
    assert not [found for found in results if isinstance(found, BaseException)], results
    assert len(leaves(tenant_id, "tenant.paused")) == 1


def test_a_tenant_that_is_not_there_is_not_found(core: Core) -> None:
    nobody = str(uuid.uuid4())
    assert pausing.since(nobody) is None
    for change in (pausing.pause, pausing.resume):
        with pytest.raises(NotFound):
            change(core, nobody, "system")


def test_a_resume_rings_the_bell(core: Core, tenant: NewTenant) -> None:
    pausing.pause(core, tenant.controller.id, "system")
    core.bell.clear()
    pausing.resume(core, tenant.controller.id, "system")
    assert core.bell.is_set()


def test_only_the_message_that_has_an_event_puts_it_back(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    drain(core)
    shopify.send("customers/create", customer())
    (message,) = claim(core)
    tenant_id = tenant.controller.id
    given = (message.message_id, message.event_ids)
    assert pausing.let_through(core, tenant_id, *given) == message.event_ids, "it isn't paused"
    pausing.pause(core, tenant_id, "system")
    assert pausing.let_through(core, tenant_id, "another", message.event_ids) == []
    assert events("webhook")[0].message_id == message.message_id
    assert pausing.let_through(core, tenant_id, *given) == []
    (event,) = events("webhook")
    assert (event.state, event.step, event.attempts, event.version) == ("received", "extract", 0, 0)
    assert event.message_id is None
    assert [due.id for due in Outbox(core).due(10)] == [event.id]


def test_paused_tenants_are_known_to_the_outbox(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    pausing.pause(core, other, "system")
    assert Outbox(core).paused() == {other}
