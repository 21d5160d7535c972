"""Invitations: one address, one role, seven days, once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flow import HandClock

from dxflow.engine.access.roles import MATRIX, Role
from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Forbidden, Invalid, NotFound
from dxflow.engine.identity import accounts
from dxflow.engine.services import tenants
from dxflow.engine.services.people import invitations, membership, sessions, users
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

PASSWORD = "four plain words together"
ADA = "ada@acme.example"


@pytest.fixture
def tenant_id(tenant: NewTenant) -> str:
    return str(tenant.controller.id)


def test_somebody_new_accepts_and_signs_in(core: Core, tenant_id: str) -> None:
    _, token = invitations.invite(core, tenant_id, "Ada@ACME.example", "dpo")
    made = invitations.accept_new(core, token, email=ADA, password=PASSWORD)
    member = membership.get(tenant_id, made.user.id)
    assert (member.role, member.source, made.one_time_password) == (Role.DPO, "invitation", None)
    signed = sessions.find(core, sessions.sign_in(core, ADA, PASSWORD))
    assert signed is not None
    assert (signed.tenant_id, signed.role) == (tenant_id, Role.DPO)


def test_who_chooses_no_password_gets_a_one_time_one(core: Core, tenant_id: str) -> None:
    _, token = invitations.invite(core, tenant_id, ADA, "member")
    made = invitations.accept_new(core, token)
    assert made.one_time_password is not None
    assert sessions.find(core, sessions.sign_in(core, ADA, made.one_time_password)) is not None


def test_an_invitation_works_once(core: Core, tenant_id: str) -> None:
    _, token = invitations.invite(core, tenant_id, ADA, "dpo")
    invitations.accept_new(core, token, password=PASSWORD)
    for again in (token, f" {token}\n"):
        with pytest.raises(NotFound, match="ask for a new one"):
            invitations.accept_new(core, again, password=PASSWORD)
    assert models.Membership.select().count() == 1


def test_of_two_who_accept_at_once_one_is_too_late(core: Core, tenant_id: str) -> None:
    _, token = invitations.invite(core, tenant_id, ADA, "dpo")
    ended, together = list[str](), threading.Barrier(2)

    def accept() -> None:
        together.wait(10)
        try:
            invitations.accept_new(core, token, password=PASSWORD)
            ended.append("in")
        except Exception as error:  # noqa: BLE001  # which one it is depends on how far the other was
            ended.append(type(error).__name__)
        finally:
            core.store.close()

    threads = [threading.Thread(target=accept) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert ended.count("in") == 1
    assert set(ended) <= {"in", "NotFound", "Conflict"}
    assert models.User.select().count() == models.Membership.select().count() == 1


def test_after_seven_days_it_is_over(core: Core, tenant_id: str, clock: HandClock) -> None:
    _, token = invitations.invite(core, tenant_id, ADA, "dpo")
    clock.forward(timedelta(days=7).total_seconds() - 1)
    assert invitations.offer(core, token).email == ADA
    clock.forward(1)
    for use in (invitations.offer, invitations.accept_new):
        with pytest.raises(NotFound):
            use(core, token)
    assert not models.User.select().exists()


def test_one_that_is_taken_back_opens_nothing(core: Core, tenant_id: str) -> None:
    row, token = invitations.invite(core, tenant_id, ADA, "dpo")
    assert invitations.state(invitations.revoke(core, tenant_id, row.id), core.clock()) == "revoked"
    with pytest.raises(NotFound):
        invitations.accept_new(core, token)
    invitations.revoke(core, tenant_id, row.id)


def test_one_that_was_accepted_cant_be_taken_back(core: Core, tenant_id: str) -> None:
    row, token = invitations.invite(core, tenant_id, ADA, "dpo")
    invitations.accept_new(core, token)
    with pytest.raises(Conflict):
        invitations.revoke(core, tenant_id, row.id)


def test_another_address_is_refused_and_uses_nothing_up(core: Core, tenant_id: str) -> None:
    _, token = invitations.invite(core, tenant_id, ADA, "dpo")
    stranger, _ = users.create(core, tenant_id, "eve@acme.example", "member", password=PASSWORD)
    with pytest.raises(Forbidden):
        invitations.accept_new(core, token, email="eve@acme.example", password=PASSWORD)
    with pytest.raises(Forbidden):
        invitations.accept_as(core, token, stranger)
    assert invitations.accept_new(core, token, email=" ADA@acme.example ", password=PASSWORD)


def test_a_token_alone_opens_no_account_that_is_there(core: Core, tenant_id: str) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    user, _ = users.create(core, other.id, ADA, "owner", password=PASSWORD)
    _, token = invitations.invite(core, tenant_id, ADA, "member")
    with pytest.raises(Conflict, match="sign in"):
        invitations.accept_new(core, token, password="another set of words")
    assert models.User.get_by_id(user.id).password_hash == user.password_hash
    invitations.accept_as(core, token, models.User.get_by_id(user.id))
    assert membership.get(tenant_id, user.id).role is Role.MEMBER
    assert membership.get(other.id, user.id).role is Role.OWNER


def test_a_newer_invitation_takes_the_place_of_an_older(core: Core, tenant_id: str) -> None:
    _, older = invitations.invite(core, tenant_id, ADA, "owner")
    _, newer = invitations.invite(core, tenant_id, ADA, "member")
    with pytest.raises(NotFound):
        invitations.accept_new(core, older)
    assert invitations.accept_new(core, newer).role is Role.MEMBER


def test_members_need_no_invitation_and_who_was_shut_out_may_have_one(core: Core, tenant_id: str) -> None:
    users.create(core, tenant_id, "boss@acme.example", "owner")
    user, _ = users.create(core, tenant_id, ADA, "dpo", password=PASSWORD)
    with pytest.raises(Conflict):
        invitations.invite(core, tenant_id, ADA, "owner")
    membership.shut_out(core, tenant_id, user.id)
    _, token = invitations.invite(core, tenant_id, ADA, "auditor")
    invitations.accept_as(core, token, models.User.get_by_id(user.id))
    member = membership.get(tenant_id, user.id)
    assert (member.role, member.active) == (Role.AUDITOR, True)


@pytest.mark.parametrize(("email", "role"), [("nobody", "dpo"), ("", "dpo"), (ADA, "king"), (ADA, "")])
def test_what_cant_be_is_refused(core: Core, tenant_id: str, email: str, role: str) -> None:
    with pytest.raises(Invalid):
        invitations.invite(core, tenant_id, email, role)
    assert not models.Invitation.select().exists()


def test_nobody_invites_to_a_role_that_may_do_more_than_they(core: Core, tenant_id: str) -> None:
    with pytest.raises(Forbidden):
        invitations.invite(core, tenant_id, ADA, "owner", reach=MATRIX[Role.ADMIN])
    assert invitations.invite(core, tenant_id, ADA, "dpo", reach=MATRIX[Role.ADMIN])


def test_neither_token_nor_address_stands_anywhere(core: Core, tenant_id: str) -> None:
    row, token = invitations.invite(core, tenant_id, "canary@acme.example", "dpo")
    kept = models.Invitation.get_by_id(row.id)
    assert token not in str(kept.__data__)
    assert b"canary" not in kept.email_sealed
    assert not [
        entry for entry in models.AuditEntry.select() if "canary" in entry.leaf or token in entry.leaf
    ]


def test_a_user_who_appears_accepts_the_invitation_of_their_address(
    core: Core, tenant_id: str, drain: Callable[[], int]
) -> None:
    row, token = invitations.invite(core, tenant_id, ADA, "dpo")
    user = accounts.insert(core.keys, core.clock, core.new_id(), tenant_id, ADA)
    drain()
    member = membership.get(tenant_id, user.id)
    assert (member.role, member.source) == (Role.DPO, "invitation")
    assert models.Invitation.get_by_id(row.id).user_id == user.id
    with pytest.raises(NotFound):
        invitations.accept_new(core, token)
    subject = models.DataSubject.get()
    assert models.Membership.get().subject_id == subject.id == models.User.get().subject_id
    assert not models.Event.select().where(models.Event.state != "done").exists()


def test_a_user_who_appears_elsewhere_accepts_nothing_here(
    core: Core, tenant_id: str, drain: Callable[[], int]
) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    _, token = invitations.invite(core, tenant_id, ADA, "owner")
    user = accounts.insert(core.keys, core.clock, core.new_id(), other.id, ADA)
    drain()
    assert membership.get(other.id, user.id).role is Role.MEMBER
    with pytest.raises(NotFound):
        membership.get(tenant_id, user.id)
    assert invitations.offer(core, token).role is Role.OWNER


def test_who_joins_a_second_controller_is_its_data_subject_too(
    core: Core, tenant_id: str, drain: Callable[[], int]
) -> None:
    other = tenants.create(core, "Other Shop", "FR").controller
    user, _ = users.create(core, other.id, ADA, "owner", password=PASSWORD)
    drain()
    _, token = invitations.invite(core, tenant_id, ADA, "auditor")
    invitations.accept_as(core, token, models.User.get_by_id(user.id))
    drain()
    places = {row.tenant_id: row.subject_id for row in models.Membership.select()}
    assert len(set(places.values())) == 2, "one data subject at each, tied by nothing"
    for tenant, subject in places.items():
        assert models.DataSubject.get_by_id(subject).tenant_id == tenant


def test_an_expired_invitation_is_not_accepted_by_appearing(
    core: Core, tenant_id: str, clock: HandClock, drain: Callable[[], int]
) -> None:
    invitations.invite(core, tenant_id, ADA, "owner")
    clock.forward(timedelta(days=8).total_seconds())
    user = accounts.insert(core.keys, core.clock, core.new_id(), tenant_id, ADA)
    drain()
    assert membership.get(tenant_id, user.id).role is Role.MEMBER
