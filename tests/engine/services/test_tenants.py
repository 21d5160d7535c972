"""Tenants: made whole or not at all, found by DID or id."""

from __future__ import annotations

import pytest

from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, NotFound
from dxflow.engine.identity import did
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import audit
from dxflow.engine.services.people import credentials
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def test_a_tenant_has_its_did_its_key_its_log_and_one_api_key(core: Core, tenant: NewTenant) -> None:
    controller = tenant.controller
    assert controller.did == did.derive(controller.id)
    assert core.log.head(controller.id).origin == f"dxflow.example/log/{controller.did}"
    assert credentials.authenticate(core, tenant.api_key).tenant_id == controller.id
    kinds = [entry.kind for entry in reversed(audit.entries(controller.id))]
    assert kinds == ["tenant.created", "api_key.created"]


def test_a_tenant_that_cannot_be_finished_leaves_nothing(core: Core, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(credentials, "create_key", fail)
    with pytest.raises(RuntimeError):
        tenants.create(core, "Half", "EU")
    for model in (models.DataController, models.WrappedKey, models.AuditHead, models.Did, models.Event):
        assert model.select().count() == 0


@pytest.mark.parametrize(
    ("name", "jurisdiction"), [("", "EU"), (" \t", "EU"), ("a" * 201, "EU"), ("Acme", "Atlantis")]
)
def test_a_blank_name_and_an_unknown_jurisdiction_are_refused(
    core: Core, name: str, jurisdiction: str
) -> None:
    with pytest.raises(Invalid):
        tenants.create(core, name, jurisdiction)
    assert tenants.every() == []


@pytest.mark.parametrize(
    ("jurisdiction", "region"),
    [
        ("de", "DE"),
        ("DE-BY", "DE"),
        ("UK", "GB"),
        ("GB-SCT", "GB"),
        ("EU", None),
        ("US-CA", "US"),
        ("CCPA", None),
    ],
)
def test_local_telephones_are_read_as_the_jurisdictions(
    core: Core, jurisdiction: str, region: str | None
) -> None:
    assert tenants.create(core, "Acme", jurisdiction).controller.region == region


def test_a_region_of_ones_own_wins(core: Core) -> None:
    assert tenants.create(core, "Acme", "EU", "AT").controller.region == "AT"


def test_a_tenant_is_found_by_any_spelling_of_its_did_and_id(core: Core, tenant: NewTenant) -> None:
    for name in (tenant.controller.did.upper(), f" {tenant.controller.did} ", tenant.controller.id.upper()):
        assert tenants.find(name).id == tenant.controller.id
    for name in ("did:dep:0", "nobody", "", "5a1f3c9e-7f7c-4a3b-9a53-0f3f6f1f7a01"):
        with pytest.raises(NotFound):
            tenants.find(name)
