"""The key ring: what one tenant's keys seal, nobody else's open; and nothing opens out of its place."""

from __future__ import annotations

import pytest

from dxflow.engine import core as cores
from dxflow.engine.core import Core
from dxflow.engine.errors import Undecipherable
from dxflow.engine.identity.keys import KeyRing
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ROW = "5a1f3c9e-7f7c-4a3b-9a53-0f3f6f1f7a01"
OTHER_ROW = "5a1f3c9e-7f7c-4a3b-9a53-0f3f6f1f7a02"
PLACE = {"table": "events", "column": "payload_sealed", "row_id": ROW}


def test_what_is_sealed_opens_in_its_place_and_nowhere_else(core: Core, tenant: NewTenant) -> None:
    keys, tenant_id = core.keys, tenant.controller.id
    sealed = keys.seal(tenant_id, b"a body", **PLACE)
    assert keys.unseal(tenant_id, sealed, **PLACE) == b"a body"
    assert b"a body" not in sealed
    for change in ({"row_id": OTHER_ROW}, {"column": "details_sealed"}, {"table": "users"}):
        with pytest.raises(Undecipherable):
            keys.unseal(tenant_id, sealed, **{**PLACE, **change})


def test_one_tenant_cannot_open_what_another_sealed(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    sealed = core.keys.seal(tenant.controller.id, b"a body", **PLACE)
    with pytest.raises(Undecipherable):
        core.keys.unseal(other, sealed, **PLACE)


def test_a_subjects_key_is_wrapped_for_its_own_row(core: Core, tenant: NewTenant) -> None:
    key, wrapped = core.keys.new_subject_key(tenant.controller.id, ROW)
    assert core.keys.subject_key(tenant.controller.id, ROW, wrapped) == key
    with pytest.raises(Undecipherable):
        core.keys.subject_key(tenant.controller.id, OTHER_ROW, wrapped)


def test_another_root_key_opens_nothing(core: Core, tenant: NewTenant) -> None:
    stranger = KeyRing(b"x" * 32, core.clock)
    sealed = core.keys.seal(tenant.controller.id, b"a body", **PLACE)
    with pytest.raises(Undecipherable):
        stranger.unseal(tenant.controller.id, sealed, **PLACE)
    own = core.keys.seal_own(b"ada@shop.example", table="users", column="email_sealed", row_id=ROW)
    with pytest.raises(Undecipherable):
        stranger.unseal_own(own, table="users", column="email_sealed", row_id=ROW)
    with pytest.raises(Undecipherable):
        stranger.link_own("user_email", "a")


def test_the_same_root_key_in_another_process_opens_everything(core: Core, tenant: NewTenant) -> None:
    again = cores.build(core.store, b"k" * 32, host="dxflow.example", clock=core.clock).keys
    sealed = core.keys.seal(tenant.controller.id, b"a body", **PLACE)
    assert again.unseal(tenant.controller.id, sealed, **PLACE) == b"a body"
    assert again.mac(tenant.controller.id, "dedup", "a") == core.keys.mac(tenant.controller.id, "dedup", "a")
    link = ("email", "", "ada@shop.example")
    assert again.link(tenant.controller.id, *link) == core.keys.link(tenant.controller.id, *link)


def test_macs_tell_apart_what_lies_on_the_two_sides_of_a_boundary(core: Core, tenant: NewTenant) -> None:
    def mac(purpose: str, *parts: str | bytes) -> str:
        return core.keys.mac(tenant.controller.id, purpose, *parts)

    assert mac("dedup", "ab", "c") != mac("dedup", "a", "bc")
    assert mac("dedup", "a") != mac("body", "a")
    assert mac("dedup", "a") == mac("dedup", b"a")
    assert mac("dedup", "\ud800")  # what a header may hold, no encoder of UTF-8 likes
    assert len(mac("dedup")) == 64


def test_a_tenant_without_a_key_is_an_error_that_is_not_remembered(core: Core, tenant: NewTenant) -> None:
    with pytest.raises(Undecipherable):
        core.keys.mac(ROW, "dedup", "a")
    with core.store.transaction():
        core.store.database.execute_sql(f"INSERT INTO data_controllers (id, name) VALUES ('{ROW}', 'Late')")
        core.keys.create(ROW)
    assert core.keys.mac(ROW, "dedup", "a")


def test_a_wrapped_key_moved_to_another_tenant_does_not_open(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "FR").controller.id
    row = models.WrappedKey
    stolen = row.get(owner_id=tenant.controller.id, purpose="link").wrapped
    row.update(wrapped=stolen).where(row.owner_id == other, row.purpose == "link").execute()
    with pytest.raises(Undecipherable):
        KeyRing(b"k" * 32, core.clock).mac(other, "dedup", "a")


def test_the_same_thing_sealed_twice_is_never_the_same_bytes(core: Core, tenant: NewTenant) -> None:
    sealed = {core.keys.seal(tenant.controller.id, b"a body", **PLACE) for _ in range(100)}
    assert len(sealed) == 100
