"""Connectors: sealed secrets, rotation with an overlap, addresses, and what the edge remembers."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flow import SECRET, HandClock, Sender, customer, leaves

from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, NotAuthentic, NotFound
from dxflow.engine.services import tenants
from dxflow.engine.services.connectors import connectors
from dxflow.engine.services.connectors.connectors import ROTATION_OVERLAP, Endpoints
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

NEW = "another secret of the platform"


@pytest.mark.parametrize("secrets", [[], [""], ["  \t"], ["good", " "]])
def test_a_connector_without_a_usable_secret_is_refused_and_leaves_nothing(
    core: Core, tenant: NewTenant, secrets: list[str]
) -> None:
    with pytest.raises(Invalid):
        connectors.add(core, tenant.controller.id, "shopify", secrets)
    assert models.Connector.select().count() == models.ConnectorSecret.select().count() == 0
    assert leaves(tenant.controller.id, "connector.added") == []


def test_an_unknown_platform_is_refused_and_the_known_are_named(core: Core, tenant: NewTenant) -> None:
    with pytest.raises(Invalid, match="allowed are shopify, stripe"):
        connectors.add(core, tenant.controller.id, "myspace", ["s"])


def test_secrets_are_sealed_and_open_newest_first(core: Core, tenant: NewTenant) -> None:
    row = connectors.add(core, tenant.controller.id, "stripe", ["first", "second"])
    assert connectors.secrets_of(core, row) == ("second", "first")
    sealed = b"".join(bytes(secret.secret_sealed) for secret in models.ConnectorSecret.select())
    assert b"first" not in sealed
    assert b"second" not in sealed


def test_both_secrets_are_in_force_during_a_rotation_and_the_old_one_ends(
    core: Core, clock: HandClock, tenant: NewTenant, shopify: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    connectors.rotate(core, tenant.controller.id, shopify.connector.id, NEW)
    shopify.edge = type(shopify.edge)(core, shopify.edge.inbox, Endpoints(core, ttl=0))
    shopify.send("customers/create", customer(1))
    monkeypatch.setattr("flow.SECRET", NEW)
    shopify.send("customers/create", customer(2))
    clock.forward(ROTATION_OVERLAP.total_seconds() + 1)
    shopify.send("customers/create", customer(3))
    monkeypatch.setattr("flow.SECRET", SECRET)
    with pytest.raises(NotAuthentic):
        shopify.send("customers/create", customer(4))
    assert len(leaves(tenant.controller.id, "connector.rotated")) == 1


def test_rotating_to_a_blank_secret_leaves_the_old_one_in_force(core: Core, tenant: NewTenant) -> None:
    row = connectors.add(core, tenant.controller.id, "shopify", [SECRET])
    with pytest.raises(Invalid):
        connectors.rotate(core, tenant.controller.id, row.id, " ")
    assert models.ConnectorSecret.get().expires_at is None


def test_a_second_rotation_does_not_prolong_the_first_secrets_life(
    core: Core, clock: HandClock, tenant: NewTenant
) -> None:
    row = connectors.add(core, tenant.controller.id, "shopify", ["one"])
    connectors.rotate(core, tenant.controller.id, row.id, "two")
    clock.forward(ROTATION_OVERLAP.total_seconds() / 2)
    connectors.rotate(core, tenant.controller.id, row.id, "three")
    assert connectors.secrets_of(core, row) == ("three", "two", "one")
    clock.forward(ROTATION_OVERLAP.total_seconds() / 2 + 1)
    assert connectors.secrets_of(core, row) == ("three", "two")
    clock.forward(ROTATION_OVERLAP.total_seconds())
    assert connectors.secrets_of(core, row) == ("three",)


def test_a_rotation_without_overlap_ends_every_older_secret(core: Core, tenant: NewTenant) -> None:
    row = connectors.add(core, tenant.controller.id, "shopify", ["one"])
    connectors.rotate(core, tenant.controller.id, row.id, "two", overlap=timedelta(weeks=1))
    connectors.rotate(core, tenant.controller.id, row.id, "three", overlap=timedelta(0))
    assert connectors.secrets_of(core, row) == ("three",), "whoever stole one of them has nothing now"


def test_a_connector_of_another_tenant_is_not_found(core: Core, tenant: NewTenant, shopify: Sender) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    for name in (shopify.connector.id, "no id"):
        with pytest.raises(NotFound):
            connectors.get(other, name)
    with pytest.raises(NotFound):
        connectors.rotate(core, other, shopify.connector.id, NEW)
    assert connectors.every(other) == []
    assert [row.id for row in connectors.every(tenant.controller.id)] == [shopify.connector.id]
    assert connectors.get(tenant.controller.id, shopify.connector.id.upper()).id == shopify.connector.id


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        ("shopify", "https://edge.example/webhooks/shopify/{id}"),
        ("mailchimp", "https://edge.example/webhooks/mailchimp/{id}?key=a%20secret%2B%26%2F"),
        ("hasura", "https://edge.example/events/hasura/{id}"),
    ],
)
def test_an_address_names_platform_and_connector_and_mailchimps_its_secret(
    core: Core, tenant: NewTenant, platform: str, expected: str
) -> None:
    row = connectors.add(core, tenant.controller.id, platform, ["a secret+&/"])
    assert connectors.address(core, row, "https://edge.example/") == expected.format(id=row.id)


def test_the_edge_asks_the_store_again_when_its_memory_ends(core: Core, shopify: Sender) -> None:
    now = [0.0]
    endpoints = Endpoints(core, ttl=2.0, tick=lambda: now[0])
    known = endpoints.get("shopify", shopify.connector.id)
    assert known.endpoint.secrets == (SECRET,)
    models.Connector.update(disabled_at=core.clock()).execute()
    assert endpoints.get("shopify", shopify.connector.id) is known
    now[0] = 2.1
    with pytest.raises(NotFound):
        endpoints.get("shopify", shopify.connector.id)


def test_the_edge_knows_a_connector_at_its_own_platforms_address_alone(core: Core, shopify: Sender) -> None:
    endpoints = Endpoints(core)
    assert (
        endpoints.get("shopify", shopify.connector.id.upper()).endpoint.connector_id == shopify.connector.id
    )
    for platform, name in (("stripe", shopify.connector.id), ("shopify", "no id"), ("shopify", "\x00")):
        with pytest.raises(NotFound):
            endpoints.get(platform, name)
