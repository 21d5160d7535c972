"""Somebody who was erased turns up among those who work here: no program makes a record of them again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from flow import HandClock, drain

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure, orders
from dxflow.engine.identity import accounts
from dxflow.engine.platforms.base import Person
from dxflow.engine.provisioning import users as directory_users
from dxflow.engine.provisioning.directory import Directory
from dxflow.engine.rights import suppression
from dxflow.engine.services.people import invitations, users
from dxflow.engine.services.rights import suppressions
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import EMAIL, Everywhere, Team

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
Bring = Callable[[Core, str], object]


@pytest.fixture
def gone(core: Core, ada: Everywhere, team: Team) -> Everywhere:
    drain(core)
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    drain(core)
    return ada


def outcomes(workflow: str) -> list[str]:
    """How the runs of the newest user, or membership, ended."""
    event = models.Event
    query = event.select().where(event.workflow == workflow).order_by(event.seq.desc()).limit(1)
    return [str(entry["outcome"]) for one in query for entry in one.history if "outcome" in entry]


def by_the_directory(core: Core, tenant_id: str) -> object:
    body = {"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": EMAIL}
    return directory_users.create(Directory(core, tenant_id, "key:1", "https://edge.example"), body)


def by_a_colleague(core: Core, tenant_id: str) -> object:
    return users.create(core, tenant_id, EMAIL, Role.MEMBER)


def by_a_row(core: Core, tenant_id: str) -> object:
    """As a program writes one that has the keys."""
    return accounts.insert(core.keys, core.clock, core.new_id(), tenant_id, EMAIL)


@pytest.mark.parametrize("bring", [by_the_directory, by_a_colleague, by_a_row])
def test_no_user_of_ours_brings_an_erased_person_back(bring: Bring, core: Core, gone: Everywhere) -> None:
    before = models.DataSubject.select().count()
    bring(core, gone.tenant_id)
    drain(core)
    assert not gone.known()
    assert models.DataSubject.select().count() == before
    assert outcomes("user") == ["suppressed"]
    if bring is not by_a_row:
        assert outcomes("membership") == ["suppressed"]
    assert sum(row.hits for row in models.Suppression.select()) > 0
    assert models.Event.select().where(models.Event.state.in_(("failed", "retrying"))).count() == 0


@SQLITE
def test_who_accepts_an_invitation_came_back_on_their_own(core: Core, gone: Everywhere) -> None:
    _, token = invitations.invite(core, gone.tenant_id, EMAIL, Role.MEMBER, actor="user:1")
    invitations.accept_new(core, token)
    drain(core)
    assert gone.known()


@SQLITE
def test_once_the_mark_is_lifted_the_next_change_of_the_user_makes_their_record(
    core: Core, gone: Everywhere
) -> None:
    by_a_colleague(core, gone.tenant_id)
    drain(core)
    suppressions.lift(core, gone.tenant_id, "user:1", "works here now", person=Person(email=EMAIL))
    models.User.update(active=False).where(models.User.subject_id.is_null()).execute()
    drain(core)
    assert gone.known()


@SQLITE
def test_who_was_erased_while_their_row_was_looked_at_is_created_by_nobody(
    core: Core, gone: Everywhere, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppression, "suppressed", lambda *_: {})
    by_a_row(core, gone.tenant_id)
    drain(core)
    assert not gone.known()
    assert outcomes("user") == [], "it is tried again"
    monkeypatch.undo()
    clock.forward(60)
    drain(core)
    assert (outcomes("user"), gone.known()) == (["suppressed"], False)


@SQLITE
def test_an_account_that_goes_leaves_no_way_back_to_it(core: Core, tenant: NewTenant) -> None:
    tenant_id = tenant.controller.id
    user, _ = users.create(core, tenant_id, EMAIL, Role.MEMBER)
    drain(core)
    now = core.clock()
    link = {"token_hash": "x", "created_at": now, "expires_at": now + timedelta(hours=1)}
    models.PasswordReset.create(user_id=user.id, force_insert=True, **link)
    whom = models.User.get_by_id(user.id).subject_id
    erasure.erase(core, tenant_id, whom, "system", reason="request", with_account=True)
    assert not models.PasswordReset.select().exists()
