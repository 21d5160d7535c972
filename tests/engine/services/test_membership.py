"""Members: what is taken away is gone with the next request, and there is always an owner."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flow import seeing

from dxflow.engine.access.roles import MATRIX, Role
from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Forbidden, NotAuthentic, NotFound
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials, membership, sessions, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

PASSWORD = "four plain words together"


@pytest.fixture
def person(core: Core, tenant: NewTenant) -> models.User:
    """A data protection officer; somebody else is the owner."""
    users.create(core, tenant.controller.id, "boss@acme.example", "owner")
    return users.create(core, tenant.controller.id, "a@acme.example", "dpo", password=PASSWORD)[0]


def test_who_is_shut_out_has_neither_session_nor_key(
    core: Core, tenant: NewTenant, person: models.User
) -> None:
    tenant_id = tenant.controller.id
    token = sessions.sign_in(core, "a@acme.example", PASSWORD)
    _, secret = credentials.create_key(core, tenant_id, "mine", ["read"], "system", user_id=person.id)
    assert credentials.authenticate(core, secret).user_id == person.id
    membership.shut_out(core, tenant_id, person.id)
    assert sessions.find(core, token) is None
    with pytest.raises(NotAuthentic):
        credentials.authenticate(core, secret)
    with pytest.raises(NotAuthentic):
        sessions.sign_in(core, "a@acme.example", PASSWORD)


def test_who_is_brought_back_signs_in_again_and_finds_old_sessions_and_keys_gone(
    core: Core, tenant: NewTenant, person: models.User
) -> None:
    tenant_id = tenant.controller.id
    token = sessions.sign_in(core, "a@acme.example", PASSWORD)
    _, secret = credentials.create_key(core, tenant_id, "mine", ["read"], "system", user_id=person.id)
    membership.shut_out(core, tenant_id, person.id)
    membership.bring_back(core, tenant_id, person.id)
    assert sessions.find(core, token) is None
    with pytest.raises(NotAuthentic):
        credentials.authenticate(core, secret)
    assert sessions.find(core, sessions.sign_in(core, "a@acme.example", PASSWORD)) is not None
    assert membership.get(tenant_id, person.id).role is Role.DPO


def test_a_role_that_is_taken_away_narrows_the_keys_of_its_owner_at_once(
    core: Core, tenant: NewTenant, person: models.User
) -> None:
    tenant_id = tenant.controller.id
    _, secret = credentials.create_key(
        core, tenant_id, "mine", ["read", "admin"], "system", user_id=person.id
    )
    assert "read_people" in credentials.authenticate(core, secret).permissions
    membership.set_role(core, tenant_id, person.id, "auditor")
    assert credentials.authenticate(core, secret).permissions == {"look", "read_users"}


def test_what_somebody_is_elsewhere_stays(core: Core, tenant: NewTenant, person: models.User) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    users.create(core, other.id, "a@acme.example", "member")
    membership.remove(core, tenant.controller.id, person.id)
    with pytest.raises(NotFound):
        membership.get(tenant.controller.id, person.id)
    signed = sessions.find(core, sessions.sign_in(core, "a@acme.example", PASSWORD))
    assert signed is not None
    assert signed.tenant_id == other.id


@pytest.mark.parametrize("leaving", [membership.shut_out, membership.remove])
def test_the_last_owner_can_neither_leave_nor_be_made_to(
    core: Core, tenant: NewTenant, leaving: Callable[..., object]
) -> None:
    tenant_id = tenant.controller.id
    owner, _ = users.create(core, tenant_id, "a@acme.example", "owner")
    users.create(core, tenant_id, "b@acme.example", "admin")
    for actor in ("system", f"user:{owner.id}", "user:somebody"):
        with pytest.raises(Conflict, match="last owner"):
            leaving(core, tenant_id, owner.id, actor=actor)
        with pytest.raises(Conflict, match="last owner"):
            membership.set_role(core, tenant_id, owner.id, "admin", actor=actor)
    assert membership.get(tenant_id, owner.id).active


def test_an_owner_who_is_shut_out_is_no_owner_to_rely_on(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    first, second = (users.create(core, tenant_id, f"{n}@acme.example", "owner")[0] for n in "ab")
    membership.shut_out(core, tenant_id, second.id)
    with pytest.raises(Conflict):
        membership.remove(core, tenant_id, first.id)


def test_two_owners_who_leave_at_once_leave_one_behind(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    owners = [users.create(core, tenant_id, f"{n}@acme.example", "owner")[0].id for n in "ab"]
    ended, together = list[str](), threading.Barrier(2)

    def leave(user_id: str) -> None:
        together.wait(10)
        try:
            membership.remove(core, tenant_id, user_id)
            ended.append("left")
        except Conflict:
            ended.append("stayed")
        finally:
            core.store.close()

    threads = [threading.Thread(target=seeing(leave), args=(owner,)) for owner in owners]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ended) == ["left", "stayed"]
    assert [member.role for member in membership.every(tenant_id)] == [Role.OWNER]


@pytest.mark.parametrize("giver", [role for role in Role if "manage_users" in MATRIX[role]])
def test_nobody_gives_or_takes_a_role_that_may_do_more_than_they(
    core: Core, tenant: NewTenant, giver: Role
) -> None:
    tenant_id = tenant.controller.id
    users.create(core, tenant_id, "boss@acme.example", "owner")
    for role in Role:
        user, _ = users.create(core, tenant_id, f"{role}@acme.example", "member")
        within = MATRIX[role] <= MATRIX[giver]
        if within:
            membership.set_role(core, tenant_id, user.id, role, reach=MATRIX[giver])
            membership.remove(core, tenant_id, user.id, reach=MATRIX[giver])
            continue
        with pytest.raises(Forbidden):
            membership.set_role(core, tenant_id, user.id, role, reach=MATRIX[giver])
        membership.set_role(core, tenant_id, user.id, role)
        for change in (membership.shut_out, membership.remove, membership.bring_back):
            with pytest.raises(Forbidden):
                change(core, tenant_id, user.id, reach=MATRIX[giver])
        with pytest.raises(Forbidden):
            membership.set_role(core, tenant_id, user.id, "member", reach=MATRIX[giver])


def test_members_are_listed_in_pages_newest_first(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    made = [users.create(core, tenant_id, f"p{n}@acme.example", "member")[0].id for n in range(5)]
    first = membership.listing(tenant_id, limit=3)
    rest = membership.listing(tenant_id, limit=3, cursor=first.next_cursor)
    assert rest.next_cursor is None
    assert sorted(member.user_id for member in [*first.rows, *rest.rows]) == sorted(made)
