"""API keys: shown once, kept as hashes, gone when revoked."""

from __future__ import annotations

import uuid

import pytest
from flow import leaves

from dxflow.engine.access import roles
from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid, NotAuthentic, NotFound
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def test_a_key_authenticates_as_its_tenant_with_its_scopes(core: Core, tenant: NewTenant) -> None:
    row, secret = credentials.create_key(
        core, tenant.controller.id, "ci", ["write", "read", "read"], "system"
    )
    caller = credentials.authenticate(core, secret)
    assert (caller.tenant_id, caller.actor) == (tenant.controller.id, f"key:{row.id}")
    assert caller.permissions == roles.of_scopes(["read", "write"])


def test_the_key_itself_is_kept_nowhere(core: Core, tenant: NewTenant) -> None:
    _, secret = credentials.create_key(core, tenant.controller.id, "ci", ["read"], "system")
    row = models.ApiKey.get(models.ApiKey.name == "ci")
    assert secret not in str(row.__data__)
    assert len(row.prefix) < len(secret) / 3
    assert secret.startswith(row.prefix)
    assert secret not in str(leaves(tenant.controller.id))


@pytest.mark.parametrize("change", ["", "x", "upper", "none"])
def test_anything_but_the_key_is_refused(core: Core, tenant: NewTenant, change: str) -> None:
    secret = tenant.api_key
    other = {"": "", "x": secret + "x", "upper": secret.upper(), "none": "dxk_"}[change]
    with pytest.raises(NotAuthentic):
        credentials.authenticate(core, other)


def test_a_revoked_key_is_refused_at_once_and_for_good(core: Core, tenant: NewTenant) -> None:
    row, secret = credentials.create_key(core, tenant.controller.id, "ci", ["read"], "system")
    credentials.revoke(core, tenant.controller.id, row.id, "system")
    with pytest.raises(NotAuthentic):
        credentials.authenticate(core, secret)
    first = models.ApiKey.get_by_id(row.id).revoked_at
    credentials.revoke(core, tenant.controller.id, row.id, "system")
    assert models.ApiKey.get_by_id(row.id).revoked_at == first
    assert len(leaves(tenant.controller.id, "api_key.revoked")) == 1


def test_a_key_of_another_tenant_is_not_found(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "FR").controller
    key = credentials.keys(tenant.controller.id)[0]
    for tenant_id, key_id in (
        (other.id, key.id),
        (tenant.controller.id, str(uuid.uuid4())),
        (other.id, "no id"),
    ):
        with pytest.raises(NotFound):
            credentials.revoke(core, tenant_id, key_id, "system")
    assert credentials.authenticate(core, tenant.api_key)


@pytest.mark.parametrize(
    ("name", "scopes"), [("", ["read"]), ("a" * 101, ["read"]), ("ci", []), ("ci", ["root"])]
)
def test_a_key_without_a_name_or_with_unknown_scopes_is_refused(
    core: Core, tenant: NewTenant, name: str, scopes: list[str]
) -> None:
    with pytest.raises(Invalid):
        credentials.create_key(core, tenant.controller.id, name, scopes, "system")
    assert len(credentials.keys(tenant.controller.id)) == 1
