"""People on the dashboard: inviting, accepting, changing roles, shutting out; and keys for programs."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import requests
from visitors import PASSWORD, Visitor

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.services import tenants
from dxflow.engine.services.people import invitations, membership, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

SignIn = Callable[[Role], Visitor]
ADA = "ada@acme.example"


def token_on(page: requests.Response) -> str:
    found = re.search(r"dxi_[\w-]+", page.text)
    assert found is not None
    return found[0]


def test_somebody_new_comes_in_from_invitation_to_overview(owner: Visitor, visitor: Visitor) -> None:
    owner.get("/dashboard/people")
    owner.post("/dashboard/people/invite", {"email": ADA, "role": "dpo"})
    token = token_on(owner.page)
    assert token not in owner.get("/dashboard/people").text
    assert ADA in owner.text
    visitor.get("/dashboard/invitation")
    visitor.post("/dashboard/invitation", {"token": f" {token} "})
    assert "Acme Shop invites you" in visitor.text
    assert token not in visitor.page.url
    answer = visitor.post("/dashboard/invitation", {"token": token, "password": PASSWORD, "again": PASSWORD})
    assert answer.url.endswith("/dashboard/")
    assert "Welcome" in visitor.text
    assert "Signed in as DPO" in visitor.text
    assert "came by invitation" in owner.get("/dashboard/people").text


@pytest.mark.parametrize(
    ("password", "again", "words"),
    [("short", "short", "12 to 256 characters"), (PASSWORD, "other", "not the same"), ("", "", "12 to 256")],
)
def test_a_password_that_wont_do_uses_nothing_up(
    core: Core, tenant: NewTenant, visitor: Visitor, password: str, again: str, words: str
) -> None:
    _, token = invitations.invite(core, tenant.controller.id, ADA, "dpo")
    visitor.post("/dashboard/invitation", {"token": token, "password": password, "again": again})
    assert visitor.page.status_code == 422
    assert words in visitor.text
    assert invitations.offer(core, token).email == ADA


def test_a_wrong_token_says_what_to_do(visitor: Visitor) -> None:
    visitor.post("/dashboard/invitation", {"token": "dxi_guess"})
    assert visitor.page.status_code == 404
    assert "ask for a new one" in visitor.text


def test_another_site_accepts_nothing(core: Core, tenant: NewTenant, visitor: Visitor) -> None:
    _, token = invitations.invite(core, tenant.controller.id, ADA, "dpo")
    form = {"token": token, "password": PASSWORD, "again": PASSWORD}
    visitor.post("/dashboard/invitation", form, headers={"Origin": "https://evil.example"})
    assert visitor.page.status_code == 403
    assert not models.User.select().exists()


def test_who_has_an_account_signs_in_first_and_goes_on_there(
    core: Core, tenant: NewTenant, visitor: Visitor
) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    users.create(core, other.id, ADA, "owner", password=PASSWORD)
    _, token = invitations.invite(core, tenant.controller.id, ADA, "auditor")
    visitor.post("/dashboard/invitation", {"token": token, "password": PASSWORD, "again": PASSWORD})
    assert "Sign in with it" in visitor.text
    assert models.Membership.select().count() == 1
    visitor.sign_in(ADA, PASSWORD)
    visitor.post("/dashboard/invitation", {"token": token})
    before = visitor.session.cookies["dxflow-session"]
    visitor.post("/dashboard/invitation", {"token": token, "accept": "yes"})
    assert "Welcome" in visitor.text
    assert "Acme Shop" in visitor.text
    assert visitor.session.cookies["dxflow-session"] != before, "another right, another token"
    assert membership.get(tenant.controller.id, models.User.get().id).role is Role.AUDITOR


def test_who_is_signed_in_as_somebody_else_accepts_nothing(
    core: Core, tenant: NewTenant, dpo: Visitor
) -> None:
    _, token = invitations.invite(core, tenant.controller.id, ADA, "owner")
    dpo.post("/dashboard/invitation", {"token": token, "accept": "yes"})
    assert dpo.page.status_code == 403
    assert "for another address than yours" in dpo.text
    assert invitations.offer(core, token).email == ADA


def test_accepting_takes_the_sessions_own_form(core: Core, tenant: NewTenant, visitor: Visitor) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    users.create(core, other.id, ADA, "owner", password=PASSWORD)
    visitor.sign_in(ADA, PASSWORD)
    _, token = invitations.invite(core, tenant.controller.id, ADA, "auditor")
    visitor.post("/dashboard/invitation", {"token": token, "accept": "yes", "csrf": "guess"})
    assert visitor.page.status_code == 403
    assert models.Membership.select().count() == 1


def test_a_role_is_given_and_a_member_shut_out_and_brought_back(
    owner: Visitor, dpo: Visitor, core: Core, tenant: NewTenant
) -> None:
    user = users.find(core, tenant.controller.id, "dpo@acme.example")
    owner.get("/dashboard/people")
    owner.post(f"/dashboard/people/{user.id}/role", {"role": "auditor"})
    assert "role is changed" in owner.text
    assert "Signed in as auditor" in dpo.get("/dashboard/").text or "Signed in as auditor" in dpo.text
    owner.post(f"/dashboard/people/{user.id}/shut-out")
    assert dpo.get("/dashboard/").url.endswith("/dashboard/sign-in")
    owner.post(f"/dashboard/people/{user.id}/bring-back")
    assert "sign in here again" in owner.text
    assert dpo.sign_in("dpo@acme.example", PASSWORD).url.endswith("/dashboard/")


def test_removing_is_asked_twice(owner: Visitor, dpo: Visitor, core: Core, tenant: NewTenant) -> None:
    user = users.find(core, tenant.controller.id, "dpo@acme.example")
    owner.get("/dashboard/people")
    owner.post(f"/dashboard/people/{user.id}/remove")
    assert "Remove this member?" in owner.text
    assert membership.get(tenant.controller.id, user.id).active
    owner.post(f"/dashboard/people/{user.id}/remove", {"sure": "yes"})
    assert [member.role for member in membership.every(tenant.controller.id)] == [Role.OWNER]
    assert dpo.get("/dashboard/").url.endswith("/dashboard/sign-in")


def test_the_last_owner_cant_remove_themself(owner: Visitor, core: Core, tenant: NewTenant) -> None:
    [me] = membership.every(tenant.controller.id)
    owner.get("/dashboard/people")
    owner.post(f"/dashboard/people/{me.user_id}/remove", {"sure": "yes"})
    assert owner.page.status_code == 409
    assert "The last owner stays" in owner.text


def test_who_may_not_manage_sees_no_buttons(sign_in_as: SignIn, owner: Visitor) -> None:
    auditor = sign_in_as(Role.AUDITOR)
    auditor.get("/dashboard/people")
    assert "owner@acme.example" in auditor.text
    assert "Invite somebody" not in auditor.text
    assert "Shut out" not in auditor.text
    assert sign_in_as(Role.MEMBER).get("/dashboard/people").status_code == 403


def test_a_key_is_made_shown_once_and_revoked(owner: Visitor, site: str) -> None:
    owner.get("/dashboard/keys")
    owner.post("/dashboard/keys", {"name": "ci", "scope-read": "yes", "lifetime": "30", "whose": "own"})
    found = re.search(r"dxk_[\w-]{30,}", owner.page.text)
    assert found is not None
    headers = {"Authorization": f"Bearer {found[0]}"}
    assert requests.get(f"{site}/api/v1/events", headers=headers, timeout=30).status_code == 200
    assert found[0] not in owner.get("/dashboard/keys").text
    key = models.ApiKey.get(models.ApiKey.name == "ci")
    owner.post(f"/dashboard/keys/{key.id}/revoke")
    assert "opens nothing any more" in owner.text
    assert requests.get(f"{site}/api/v1/events", headers=headers, timeout=30).status_code == 401


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "", "scope-read": "yes", "lifetime": "30"}, "1 to 100 characters"),
        ({"name": "ci", "lifetime": "30"}, "none given"),
        ({"name": "ci", "scope-read": "yes", "lifetime": "a week"}, "must be one of"),
    ],
)
def test_a_key_that_cant_be_comes_back_with_the_reason(
    owner: Visitor, fields: dict[str, str], words: str
) -> None:
    owner.get("/dashboard/keys")
    owner.post("/dashboard/keys", fields)
    assert owner.page.status_code == 422
    assert words in owner.text


def test_a_key_for_the_tenant_takes_who_looks_after_it(dpo: Visitor) -> None:
    dpo.get("/dashboard/keys")
    fields = {"name": "ci", "scope-admin": "yes", "lifetime": "never", "whose": "tenant"}
    dpo.post("/dashboard/keys", fields)
    assert dpo.page.status_code == 403
    assert not models.ApiKey.select().where(models.ApiKey.name == "ci").exists()


def test_what_a_form_hides_the_server_refuses_too(dpo: Visitor) -> None:
    dpo.get("/dashboard/keys")
    fields = {"name": "lasting", "scope-read": "yes", "lifetime": "never", "whose": "tenant"}
    dpo.post("/dashboard/keys", fields)
    assert dpo.page.status_code == 403
    assert not models.ApiKey.select().where(models.ApiKey.name == "lasting").exists()
