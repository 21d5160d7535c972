"""The first start makes a demo tenant once, with doors that open; the operator's other services."""

from __future__ import annotations

from pathlib import Path

import pytest
from flow import Sender, drain

from dxflow.config.settings import Settings
from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, NotFound
from dxflow.engine.platforms import PLATFORMS
from dxflow.engine.services import doctor, tenants, upkeep, welcome
from dxflow.engine.services.connectors import connectors, deliveries
from dxflow.engine.services.people import credentials, membership, users
from dxflow.engine.services.tenants import NewTenant


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.chdir(tmp_path)
    return Settings.load(data_dir=str(tmp_path), public_url="https://edge.example")


def test_the_first_start_makes_the_demo_tenant_with_its_owner_and_key(core: Core, settings: Settings) -> None:
    made = welcome.first_start(core, settings)
    assert made is not None
    tenant = welcome.demo_tenant()
    assert (tenant.did, tenant.name, tenant.region) == (made.did, "Demo Shop", "DE")
    assert credentials.authenticate(core, made.api_key).tenant_id == tenant.id
    [owner] = membership.every(tenant.id)
    assert owner.role is Role.OWNER
    assert users.find(core, tenant.id, made.email).id == owner.user_id
    assert made.one_time_password


def test_every_platform_has_a_door_whose_secret_can_be_found_again(core: Core, settings: Settings) -> None:
    made = welcome.first_start(core, settings)
    assert made is not None
    found = welcome.doors_of(core, welcome.demo_tenant().id, "https://edge.example")
    assert {door.platform for door in made.doors} == set(found) == set(PLATFORMS)
    for door in made.doors:
        assert found[door.platform].secret == door.secret
        assert found[door.platform].url == door.url.partition("?")[0]
        assert door.url.startswith("https://edge.example/")
    assert len({door.secret for door in made.doors}) == len(PLATFORMS)


def test_a_later_start_makes_nothing(core: Core, settings: Settings) -> None:
    welcome.first_start(core, settings)
    assert welcome.first_start(core, settings) is None
    assert len(tenants.every()) == 1
    assert len(connectors.every()) == len(PLATFORMS)


def test_an_installation_that_began_with_a_tenant_gets_no_demo(
    core: Core, tenant: NewTenant, settings: Settings
) -> None:
    assert welcome.first_start(core, settings) is None
    with pytest.raises(NotFound, match="no demo tenant"):
        welcome.demo_tenant()


def test_what_a_later_start_tells_holds_no_secret(core: Core, settings: Settings) -> None:
    made = welcome.first_start(core, settings)
    assert made is not None
    assert made.api_key in str(welcome.told(made, settings))
    assert welcome.told(None, settings) == [("", [("Dashboard", "https://edge.example/dashboard/")])]


def test_a_connector_is_found_by_its_id_and_tells_what_came(core: Core, tenant: NewTenant) -> None:
    sender = Sender(core, tenant.controller.id)
    found = deliveries.find(sender.connector.id.upper())
    assert deliveries.check(core, found, "https://edge.example")["deliveries"] == 0
    sender.send("customers/create", {"id": 1, "line_items": []})
    drain(core)
    told = deliveries.check(core, found, "https://edge.example")
    assert (told["deliveries"], told["failed"]) == (1, 1)
    with pytest.raises(NotFound):
        deliveries.find("not a uuid")


def test_the_only_tenant_needs_no_name(core: Core, tenant: NewTenant) -> None:
    assert upkeep.tenant_or_only(None).id == tenant.controller.id
    second = tenants.create(core, "Second Shop")
    assert upkeep.tenant_or_only(second.controller.did).id == second.controller.id
    with pytest.raises(Invalid, match="there are 2"):
        upkeep.tenant_or_only(None)


def test_the_doctor_asks_both_kinds_of_database(core: Core, tenant: NewTenant, tmp_path: Path) -> None:
    core.signing.active()
    settings = Settings.load(
        data_dir=str(tmp_path), database_url=_address(core), root_key="A" * 43 + "=", port="1"
    )
    found = {check.name: check for check in doctor.examine(lambda: settings, core.clock).checks}
    for name in ("database", "clock", "audit log"):
        assert found[name].ok, found[name]
    assert core.store.dialect in found["database"].detail


def _address(core: Core) -> str:
    database = core.store.database
    return f"sqlite:///{database.database}" if core.store.dialect == "sqlite" else str(database.database)
