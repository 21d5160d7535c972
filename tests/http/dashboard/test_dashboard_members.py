"""A member's page, single sign-on and the directory: who may do what, and what is shown once."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from visitors import PASSWORD, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials, password_resets, sessions, sso, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

SignIn = Callable[[Role], Visitor]
VERA = "vera@acme.example"


@pytest.fixture
def vera(core: Core, tenant: NewTenant) -> models.User:
    return users.create(core, tenant.controller.id, VERA, Role.DPO, password=PASSWORD)[0]


def test_a_members_sessions_end_at_once(core: Core, owner: Visitor, vera: models.User) -> None:
    token = sessions.sign_in(core, VERA, PASSWORD)
    owner.get(f"/dashboard/people/{vera.id}")
    assert VERA in owner.text
    read = json.loads(models.AuditEntry.select().order_by(models.AuditEntry.seq.desc()).get().leaf)
    assert (read["kind"], read["page"], read["users"]) == ("personal_data.read", "member", 1)
    owner.post(f"/dashboard/people/{vera.id}/end-sessions")
    assert "All their sessions here are over" in owner.text
    assert sessions.find(core, token) is None


def test_sessions_elsewhere_are_neither_seen_nor_ended(core: Core, owner: Visitor, vera: models.User) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller.id
    users.create(core, other, VERA, Role.MEMBER)
    here = sessions.find(core, sessions.sign_in(core, VERA, PASSWORD))
    assert here is not None
    there = sessions.switch(core, here, other)
    owner.get(f"/dashboard/people/{vera.id}")
    assert "aren’t signed in at this data controller" in owner.text
    owner.post(f"/dashboard/people/{vera.id}/end-sessions")
    assert sessions.find(core, there) is not None


def test_a_members_key_is_revoked(core: Core, tenant: NewTenant, owner: Visitor, vera: models.User) -> None:
    here = tenant.controller.id
    row, secret = credentials.create_key(core, here, "nightly", ["read"], "system", user_id=vera.id)
    foreign, _ = credentials.create_key(core, here, "nobody's", ["read"], "system")
    owner.get(f"/dashboard/people/{vera.id}")
    assert "nightly" in owner.text
    assert "nobody's" not in owner.text
    assert owner.post(f"/dashboard/people/{vera.id}/keys/{foreign.id}/revoke").status_code == 404
    owner.get(f"/dashboard/people/{vera.id}")
    owner.post(f"/dashboard/people/{vera.id}/keys/{row.id}/revoke")
    assert "opens nothing any more" in owner.text
    assert models.ApiKey.get_by_id(row.id).revoked_at is not None
    assert secret not in owner.page.text


def test_nobody_ends_what_belongs_to_somebody_who_may_do_more(
    core: Core, sign_in_as: SignIn, tenant: NewTenant
) -> None:
    boss, _ = users.create(core, tenant.controller.id, "boss@acme.example", Role.OWNER, password=PASSWORD)
    token = sessions.sign_in(core, "boss@acme.example", PASSWORD)
    manager = sign_in_as(Role.BUSINESS_OWNER)
    manager.get(f"/dashboard/people/{boss.id}")
    assert "This role may do more than yours" in manager.text
    manager.get("/dashboard/people")
    assert manager.post(f"/dashboard/people/{boss.id}/end-sessions").status_code == 403
    manager.get("/dashboard/people")
    assert manager.post(f"/dashboard/people/{boss.id}/reset-link").status_code == 403
    assert sessions.find(core, token) is not None


def test_a_link_to_a_new_password_is_shown_once(core: Core, owner: Visitor, vera: models.User) -> None:
    owner.get(f"/dashboard/people/{vera.id}")
    owner.post(f"/dashboard/people/{vera.id}/reset-link")
    found = re.search(r"http://dxflow\.example/dashboard/reset-password#(dxr_[\w-]+)", owner.page.text)
    assert found is not None
    assert password_resets.check(core, found[1]) == VERA
    assert found[1] not in owner.get(f"/dashboard/people/{vera.id}").text


def test_for_somebody_who_belongs_elsewhere_too_there_is_no_link(
    core: Core, owner: Visitor, vera: models.User
) -> None:
    users.create(core, tenants.create(core, "Other Shop", "FR").controller.id, VERA, Role.MEMBER)
    owner.get(f"/dashboard/people/{vera.id}")
    owner.post(f"/dashboard/people/{vera.id}/reset-link")
    assert owner.page.status_code == 409
    assert "belongs to other data controllers too" in owner.text


def test_of_another_tenant_there_is_no_member(core: Core, owner: Visitor) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller.id
    stranger, _ = users.create(core, other, "eve@other.example", Role.OWNER)
    assert owner.get(f"/dashboard/people/{stranger.id}").status_code == 404
    owner.get("/dashboard/people")
    assert owner.post(f"/dashboard/people/{stranger.id}/reset-link").status_code == 404


def test_a_provider_that_does_not_answer_is_not_put_in_force(owner: Visitor, tenant: NewTenant) -> None:
    owner.get("/dashboard/people/sso")
    assert f"http://dxflow.example/dashboard/sso/{tenant.controller.id}/callback" in owner.page.text
    form = {"issuer": "https://127.0.0.1:1", "client_id": "dxflow", "secret": "hush-hush", "role": ""}
    owner.post("/dashboard/people/sso", form)
    assert owner.page.status_code == 422
    assert "isn't public" in owner.text
    assert "hush-hush" not in owner.page.text
    assert not models.SsoProvider.select().exists()


def test_only_an_owner_sets_a_provider(sign_in_as: SignIn, tenant: NewTenant) -> None:
    admin = sign_in_as(Role.ADMIN)
    admin.get("/dashboard/people/sso")
    assert "setting one takes an owner" in admin.text
    assert admin.post("/dashboard/people/sso", {"issuer": "https://a.example"}).status_code == 403
    assert sign_in_as(Role.DPO).get("/dashboard/people/sso").status_code == 403


def test_a_provider_is_asked_and_switched_off(
    core: Core, owner: Visitor, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sso, "_ask", lambda *_: None)
    owner.get("/dashboard/people/sso")
    form = {"issuer": "https://idp.example", "client_id": "dxflow", "secret": "hush-hush", "role": "member"}
    owner.post("/dashboard/people/sso", form)
    assert "The provider answered, and is in force" in owner.text
    assert "become member" in owner.text
    assert "hush-hush" not in owner.page.text
    owner.post("/dashboard/people/sso/check")
    assert "answers as it should" in owner.text
    owner.post("/dashboard/people/sso/disable")
    assert "Switched off" in owner.text
    assert models.SsoProvider.get().disabled_at is not None


def test_a_directory_gets_a_key_that_can_do_nothing_else(owner: Visitor) -> None:
    owner.get("/dashboard/people/scim")
    assert "http://dxflow.example/scim/v2" in owner.page.text
    owner.post("/dashboard/people/scim", {"name": "okta", "lifetime": "365"})
    secret = re.search(r"dxk_[\w-]+", owner.page.text)
    assert secret is not None
    row = models.ApiKey.get(name="okta")
    assert (row.scopes, row.user_id) == (["scim"], None)
    owner.get("/dashboard/people/scim")
    assert secret[0] not in owner.page.text
    assert "okta" in owner.text
    owner.post("/dashboard/people/scim", {"name": "", "lifetime": "365"})
    assert owner.page.status_code == 422


def test_the_directorys_groups_say_which_role_they_give(
    core: Core, tenant: NewTenant, owner: Visitor
) -> None:
    now = core.clock()
    for name, role in (("dxflow-DPO", "dpo"), ("Everybody", None)):
        group = {"id": core.new_id(), "tenant_id": tenant.controller.id, "display_name": name, "role": role}
        more = {"name_key": name.casefold(), "created_at": now, "updated_at": now}
        models.ScimGroup.create(force_insert=True, **group, **more)
    owner.get("/dashboard/people/scim")
    assert "dxflow-DPO gives DPO" in owner.text
    assert "Everybody gives no role" in owner.text
    assert "in use" in owner.text
