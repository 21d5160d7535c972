"""What becomes of a connector: secrets one by one, names, health in few queries, and a delivery to try it."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flow import SECRET, HandClock, Sender, customer

from dxflow.engine import trial
from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Invalid, NotAuthentic, NotFound
from dxflow.engine.platforms import PLATFORMS
from dxflow.engine.platforms.signing import TEST_TOPICS
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import connector_care, connector_health, connectors, silence
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

NOWHERE = "http://127.0.0.1:1"
"""Where nothing listens: what is tried there goes in by the inner door."""


@pytest.fixture
def shop(core: Core, tenant: NewTenant) -> Sender:
    return Sender(core, tenant.controller.id)


def test_a_connector_is_made_at_an_address_that_was_known_before(core: Core, tenant: NewTenant) -> None:
    here, reserved = tenant.controller.id, core.new_id()
    url = connectors.address_of("stripe", reserved, "https://dxflow.example")
    row = connectors.add(core, here, "stripe", ["whsec_x"], connector_id=reserved)
    assert connectors.address(core, row, "https://dxflow.example") == url
    with pytest.raises(Conflict):
        connectors.add(core, here, "stripe", ["whsec_x"], connector_id=reserved)
    other = tenants.create(core, "Other Shop", "FR").controller.id
    with pytest.raises(Conflict):
        connectors.add(core, other, "stripe", ["whsec_x"], connector_id=reserved)
    with pytest.raises(Invalid):
        connectors.add(core, here, "stripe", ["whsec_x"], connector_id="../../etc")


def test_an_older_secret_holds_for_as_long_as_was_chosen(
    core: Core, tenant: NewTenant, shop: Sender, clock: HandClock
) -> None:
    here, one = tenant.controller.id, shop.connector
    connectors.rotate(core, here, one.id, "a newer secret", overlap=timedelta(hours=1))
    assert connectors.secrets_of(core, one) == ("a newer secret", SECRET)
    newest, older = connector_care.in_force([one.id], core.clock())[one.id]
    assert newest.expires_at is None
    assert older.expires_at is not None
    clock.forward(3_700)
    assert connectors.secrets_of(core, one) == ("a newer secret",)


def test_an_older_secret_ends_now_and_the_newest_stays(core: Core, tenant: NewTenant, shop: Sender) -> None:
    here, one = tenant.controller.id, shop.connector
    connectors.rotate(core, here, one.id, "a newer secret")
    newest, older = connector_care.in_force([one.id], core.clock())[one.id]
    with pytest.raises(Conflict, match="newest"):
        connector_care.end_secret(core, here, one.id, newest.id, "user:1")
    connector_care.end_secret(core, here, one.id, older.id, "user:1")
    assert connectors.secrets_of(core, one) == ("a newer secret",)
    for wrong in (older.id, "no id", core.new_id()):
        with pytest.raises(NotFound):
            connector_care.end_secret(core, here, one.id, wrong, "user:1")
    fresh = Sender(core, here)
    with pytest.raises(NotFound):
        connector_care.end_secret(core, here, fresh.connector.id, newest.id, "user:1")


def test_what_is_disabled_takes_nothing_until_it_is_enabled(
    core: Core, tenant: NewTenant, shop: Sender
) -> None:
    here, one = tenant.controller.id, shop.connector
    connector_care.disable(core, here, one.id, "user:1")
    connector_care.disable(core, here, one.id, "user:1")
    with pytest.raises(NotFound):
        shop.send("customers/create", customer(1))
    connector_care.enable(core, here, one.id, "user:1")
    assert shop.send("customers/create", customer(1)).status == "accepted"
    kinds = [row.kind for row in models.AuditEntry.select().where(models.AuditEntry.kind ** "connector.%")]
    assert kinds.count("connector.disabled") == kinds.count("connector.enabled") == 1


def test_a_name_is_what_people_can_read(core: Core, tenant: NewTenant, shop: Sender) -> None:
    here, one = tenant.controller.id, shop.connector
    connector_care.rename(core, here, one.id, "  Acme \n Germany ", "user:1")
    assert connectors.get(here, one.id).name == "Acme Germany"
    for wrong in ("", "   ", "x" * 101, "a\x07b"):
        with pytest.raises(Invalid):
            connector_care.rename(core, here, one.id, wrong, "user:1")


def test_no_act_says_a_secret(core: Core, tenant: NewTenant, shop: Sender) -> None:
    here, one = tenant.controller.id, shop.connector
    connectors.rotate(core, here, one.id, "hush-hush-hush")
    for row in models.AuditEntry.select():
        assert "hush" not in row.leaf
        assert SECRET not in row.leaf


def test_the_last_day_is_counted_for_all_connectors_by_one_statement(
    core: Core, tenant: NewTenant, shop: Sender, clock: HandClock, drain: Callable[[], int]
) -> None:
    other = Sender(core, tenant.controller.id, "stripe")
    shop.send("customers/create", customer(1))
    clock.forward(25 * 3600)
    shop.send("customers/create", customer(2))
    shop.send("customers/update", {"error": "not a customer"})
    drain()
    ids = [shop.connector.id, other.connector.id]
    days = connector_health.last_day(tenant.controller.id, ids, core.clock())
    day = days[shop.connector.id]
    assert (day.deliveries, day.failed, day.more) == (2, 1, False)
    assert day.last_at is not None
    none = days[other.connector.id]
    assert (none.deliveries, none.failed, none.last_at) == (0, 0, None)
    assert connector_health.last_day(tenant.controller.id, [], core.clock()) == {}
    newest = connector_health.newest(tenant.controller.id, shop.connector.id, 2)
    assert [event.topic for event in newest] == ["customers/update", "customers/create"]


@pytest.mark.parametrize("platform", list(PLATFORMS))
def test_a_test_delivery_opens_the_connector_of_every_platform_and_changes_nothing(
    core: Core, tenant: NewTenant, platform: str, drain: Callable[[], int]
) -> None:
    here = tenant.controller.id
    options = {
        "hasura": {"secret_header": "X-Own"},
        "mailchimp": {"list_id": "abc"},
        "mandrill": {"address": "https://entered.example/there"},
    }.get(platform, {})
    row = connectors.add(core, here, platform, [SECRET], options=options)
    found = trial.run(core, here, row.id, NOWHERE, "user:1")
    assert (found.reached, found.refusal) == (False, "")
    assert "can't be reached" in found.fault
    event = models.Event.get_by_id(models.Event.get(id=found.event_id).seq)
    assert (event.topic, event.state, event.connector_id) == (TEST_TOPICS[platform], "done", row.id)
    drain()
    assert not models.DataSubject.select().exists()
    assert not models.ProcessingActivity.select().exists()
    assert silence.rhythm(here, core.clock())[row.id].last_at is None
    assert connector_health.last_day(here, [row.id], core.clock())[row.id].last_at is None
    assert connector_health.newest(here, row.id, 5) == []
    leaf = json.loads(models.AuditEntry.get(kind="connector.tested").leaf)
    assert leaf["connector"] == row.id


def test_what_takes_nothing_is_not_tried(core: Core, tenant: NewTenant, shop: Sender) -> None:
    here, one = tenant.controller.id, shop.connector
    connector_care.disable(core, here, one.id, "user:1")
    with pytest.raises(Conflict, match="enable"):
        trial.run(core, here, one.id, NOWHERE, "user:1")
    connector_care.enable(core, here, one.id, "user:1")
    models.ConnectorSecret.update(expires_at=core.clock()).execute()
    with pytest.raises(Conflict, match="secret"):
        trial.run(core, here, one.id, NOWHERE, "user:1")
    with pytest.raises(NotAuthentic):
        shop.send("customers/create", customer(1))


def test_nobody_tends_another_tenants_connector(core: Core, tenant: NewTenant, shop: Sender) -> None:
    stranger = tenants.create(core, "Other Shop", "FR").controller.id
    one = shop.connector.id
    for act in (connector_care.disable, connector_care.enable):
        with pytest.raises(NotFound):
            act(core, stranger, one, "user:1")
    with pytest.raises(NotFound):
        connector_care.rename(core, stranger, one, "mine", "user:1")
    with pytest.raises(NotFound):
        trial.run(core, stranger, one, NOWHERE, "user:1")
