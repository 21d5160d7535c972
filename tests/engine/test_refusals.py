"""Deliveries that aren't authentic: refused, counted, and told to the team once a day."""

from __future__ import annotations

import pytest
from flow import HandClock, Sender, customer

from dxflow.engine.core import Core
from dxflow.engine.errors import NotAuthentic
from dxflow.engine.platforms.base import Delivery
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import refusals
from dxflow.engine.store import models

FORGED = Delivery("POST", "https://edge.example", "", {"x-shopify-hmac-sha256": "bm8="}, b"{}")


def refuse(shopify: Sender) -> None:
    with pytest.raises(NotAuthentic):
        shopify.edge.receive("shopify", shopify.connector.id, FORGED)


def counted() -> list[int]:
    return [row.count for row in models.RefusedDeliveries.select().order_by(models.RefusedDeliveries.day)]


def notices() -> int:
    return int(models.Notification.select().where(models.Notification.kind == "connector.refused").count())


def test_the_first_of_a_day_is_counted_and_told_at_once(shopify: Sender) -> None:
    refuse(shopify)
    assert counted() == [1]
    notice = models.Notification.get(kind="connector.refused")
    assert (notice.entity_kind, notice.entity_id) == ("connector", shopify.connector.id)
    assert "matches none of the connector's secrets" in notice.body


def test_a_flood_is_written_once_a_second_and_no_delivery_of_it_is_forgotten(
    shopify: Sender, clock: HandClock
) -> None:
    for _ in range(20):
        refuse(shopify)
    assert counted() == [1]
    clock.forward(2)
    shopify.send("customers/create", customer())  # an authentic one brings the rest along
    assert counted() == [20]
    assert notices() == 1


def test_each_day_has_its_own_row_and_its_own_notice(shopify: Sender, clock: HandClock) -> None:
    refuse(shopify)
    clock.forward(24 * 3600)
    refuse(shopify)
    assert counted() == [1, 1]
    assert notices() == 2
    newest = refusals.of_connectors(shopify.tenant_id, clock())[shopify.connector.id]
    assert newest.day == "2099-03-03"


def test_a_database_that_fails_changes_no_answer_and_the_count_is_made_up_for(
    shopify: Sender, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as broken:
        broken.setattr(refusals, "_add", lambda *_: 1 / 0)
        refuse(shopify)
    assert counted() == []
    clock.forward(2)
    shopify.send("customers/create", customer())
    assert counted() == [1]


def test_another_tenants_delivery_brings_the_count_along(
    core: Core, shopify: Sender, clock: HandClock
) -> None:
    other = Sender(core, tenants.create(core, "Other Shop", "FR").controller.id)
    other.edge = shopify.edge  # one count for the process, whoever is at the door
    refuse(shopify)
    refuse(shopify)
    clock.forward(2)
    other.send("customers/create", customer())
    assert counted() == [2]
    assert [row.tenant_id for row in models.RefusedDeliveries.select()] == [shopify.tenant_id]


def test_a_connector_that_came_to_rest_costs_later_deliveries_nothing(
    shopify: Sender, clock: HandClock
) -> None:
    refuse(shopify)
    for _ in range(2):
        clock.forward(2)
        shopify.send("customers/create", customer())
    assert not shopify.edge.refusals._kept
    refuse(shopify)
    assert counted() == [2]


def test_a_clock_that_was_put_back_does_not_stop_the_count(shopify: Sender, clock: HandClock) -> None:
    refuse(shopify)
    clock.forward(-3600)
    refuse(shopify)
    assert counted() == [2]
