"""An account that somebody else made opens nothing here, and whoever was let go stays out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from dxflow.engine.access import invitations as offers
from dxflow.engine.access import members
from dxflow.engine.access.roles import MATRIX, Role
from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure
from dxflow.engine.errors import Conflict, Forbidden, NotAuthentic, NotFound
from dxflow.engine.identity import accounts
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials, invitations, membership, sessions, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

PASSWORD = "four plain words together"
VICTIM = "victim@b.example"


@pytest.fixture
def a(core: Core) -> str:
    """A data controller whose owner made an account for somebody else's address, and knows its password."""
    made = tenants.create(core, "A", "DE").controller
    users.create(core, made.id, "boss@a.example", "owner", password=PASSWORD)
    _, token = invitations.invite(core, made.id, VICTIM, "member")
    invitations.accept_new(core, token, password=PASSWORD)
    return str(made.id)


@pytest.fixture
def b(core: Core) -> str:
    return str(tenants.create(core, "B", "FR").controller.id)


def account(core: Core, address: str = VICTIM) -> models.User:
    found = users.by_email(core, address)
    assert found is not None
    return found


def where(core: Core, a: str) -> set[str]:
    """Where the account's password leads."""
    signed = sessions.find(core, sessions.sign_in(core, VICTIM, PASSWORD))
    assert signed is not None
    return {signed.tenant_id} | {place.tenant_id for place in members.places(signed.user_id)}


def test_what_bs_own_provider_or_directory_vouches_for_opens_nothing_to_as_password(
    core: Core, a: str, b: str
) -> None:
    user = account(core)
    assert members.is_foreign(b, user)
    members.join(core, b, user.id, "admin", "scim", vouched=True)
    assert where(core, a) == {a}
    mine = sessions.find(core, sessions.sign_in(core, VICTIM, PASSWORD))
    assert mine is not None
    with pytest.raises(NotFound):
        sessions.switch(core, mine, b)
    theirs = sessions.find(core, sessions.open_for(core, user.id, b, sessions.OIDC))
    assert theirs is not None
    assert theirs.tenant_id == b


def test_an_invitation_used_by_bs_provider_opens_nothing_to_as_password(core: Core, a: str, b: str) -> None:
    row, _ = invitations.invite(core, b, VICTIM, "owner")
    assert offers.use(core, row, account(core).id, vouched=True)
    assert where(core, a) == {a}


def test_the_person_themself_shows_token_and_account_and_is_let_in(core: Core, a: str, b: str) -> None:
    user = account(core)
    members.join(core, b, user.id, "member", "oidc", vouched=True)
    _, token = invitations.invite(core, b, VICTIM, "auditor")
    invitations.accept_as(core, token, user)
    assert where(core, a) == {a, b}
    assert membership.get(b, user.id).role is Role.MEMBER, "who is a member already keeps their role"


def test_people_invite_an_account_that_is_there_and_dont_bring_it_in(core: Core, a: str, b: str) -> None:
    with pytest.raises(Conflict, match="invite"):
        users.create(core, b, VICTIM, "owner", actor="user:somebody", reach=MATRIX[Role.OWNER])
    assert where(core, a) == {a}


def test_whoever_was_let_go_stays_out_whatever_was_still_under_way(
    core: Core, tenant: NewTenant, drain: Callable[[], int]
) -> None:
    tenant_id = tenant.controller.id
    users.create(core, tenant_id, "boss@acme.example", "owner")
    user, _ = users.create(core, tenant_id, "ada@acme.example", "admin")
    membership.remove(core, tenant_id, user.id)
    drain()
    with pytest.raises(NotFound):
        membership.get(tenant_id, user.id)
    assert [member.role for member in membership.every(tenant_id)] == [Role.OWNER]


def test_an_older_invitation_ends_with_the_membership(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    users.create(core, tenant_id, "boss@acme.example", "owner")
    _, older = invitations.invite(core, tenant_id, "ada@acme.example", "admin")
    user, _ = users.create(core, tenant_id, "ada@acme.example", "member", password=PASSWORD)
    with pytest.raises(NotFound):
        invitations.offer(core, older)
    membership.remove(core, tenant_id, user.id)
    _, newer = invitations.invite(core, tenant_id, "ada@acme.example", "auditor")
    invitations.accept_as(core, newer, models.User.get_by_id(user.id))
    member = membership.get(tenant_id, user.id)
    assert (member.role, member.active) == (Role.AUDITOR, True)


def test_a_directory_brings_nobody_back_whom_people_shut_out(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    users.create(core, tenant_id, "boss@acme.example", "owner")
    user = accounts.insert(core.keys, core.clock, core.new_id(), tenant_id, "ada@acme.example")
    members.join(core, tenant_id, user.id, "member", "scim")
    membership.shut_out(core, tenant_id, user.id)
    row = models.Membership.get(user_id=user.id)
    assert (row.active, row.source) == (False, "dxflow")


def test_somebody_erased_here_isnt_brought_back_by_a_rotation(
    core: Core, tenant: NewTenant, drain: Callable[[], int]
) -> None:
    tenant_id = tenant.controller.id
    other = tenants.create(core, "Other Shop", "FR").controller
    users.create(core, tenant_id, "boss@acme.example", "owner")
    user, _ = users.create(core, tenant_id, "ada@acme.example", "dpo")
    users.create(core, other.id, "ada@acme.example", "dpo")
    drain()
    subject = models.User.get_by_id(user.id).subject_id
    erasure.erase(core, tenant_id, subject, "system", reason="request", with_account=True)
    row = models.User.get_by_id(user.id)
    assert row.active, "they still belong elsewhere"
    place = {"table": "users", "column": "email_sealed", "row_id": user.id}
    row.email_sealed = core.keys.seal_own(core.keys.unseal_own(row.email_sealed, **place), **place)
    row.save(only=["email_sealed"])
    drain()
    found = models.DataSubject.select().where(models.DataSubject.tenant_id == tenant_id)
    assert [one.state for one in found if one.id == subject] == ["erased"]
    assert models.User.get_by_id(user.id).subject_id is None
    assert not [one for one in found if one.state == "active" and one.sources.get("users")]


def test_the_last_owner_isnt_erased_from_under_the_others(
    core: Core, tenant: NewTenant, drain: Callable[[], int]
) -> None:
    tenant_id = tenant.controller.id
    owner, _ = users.create(core, tenant_id, "boss@acme.example", "owner")
    users.create(core, tenant_id, "ada@acme.example", "dpo")
    drain()
    subject = models.User.get_by_id(owner.id).subject_id
    with pytest.raises(Conflict, match="last owner"):
        erasure.erase(core, tenant_id, subject, "user:1", reason="request", with_account=True)


def test_one_providers_sessions_end_none_elsewhere(core: Core, a: str, b: str) -> None:
    kept = sessions.sign_in(core, VICTIM, PASSWORD)
    user = account(core)
    members.join(core, b, user.id, "member", "oidc", vouched=True)
    for _ in range(25):
        sessions.open_for(core, user.id, b, sessions.OIDC)
    assert sessions.find(core, kept) is not None
    assert len(sessions.listing(core, user.id, b)) == 20


def test_nobody_makes_a_key_that_may_do_more_than_they(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    owner, _ = users.create(core, tenant_id, "boss@acme.example", "owner")
    admin = MATRIX[Role.ADMIN]
    with pytest.raises(Forbidden):
        credentials.create_key(
            core, tenant_id, "theirs", credentials.ALL_SCOPES, "user:1", user_id=owner.id, reach=admin
        )
    _, narrow = credentials.create_key(core, tenant_id, "narrow", ["admin"], "system", user_id=owner.id)
    reach = credentials.authenticate(core, narrow).reach
    with pytest.raises(Forbidden):
        credentials.create_key(
            core, tenant_id, "wider", ["read", "admin"], "user:1", user_id=owner.id, reach=reach
        )


def test_a_removed_member_has_no_way_in(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    users.create(core, tenant_id, "boss@acme.example", "owner")
    user, _ = users.create(core, tenant_id, "ada@acme.example", "dpo", password=PASSWORD)
    token = sessions.sign_in(core, "ada@acme.example", PASSWORD)
    membership.remove(core, tenant_id, user.id)
    assert sessions.find(core, token) is None
    with pytest.raises(NotAuthentic):
        sessions.sign_in(core, "ada@acme.example", PASSWORD)
