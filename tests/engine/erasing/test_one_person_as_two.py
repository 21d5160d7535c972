"""One person tries to be the two whom an erasure takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import oidc
import pytest
from flow import HandClock, leaves

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.erasing import orders
from dxflow.engine.errors import Forbidden
from dxflow.engine.provisioning import users as directory_users
from dxflow.engine.provisioning.directory import Directory
from dxflow.engine.services.people import credentials, membership, password_resets, sso, users
from dxflow.engine.store import models

from .conftest import Everywhere, Team

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
USER = "urn:ietf:params:scim:schemas:core:2.0:User"
Trick = Callable[[Core, str, Team], str]
"""What the first of the team does; the account that is to approve."""


def a_key_of_the_others(core: Core, tenant_id: str, team: Team) -> str:
    whose = team.second.removeprefix("user:")
    made, _ = credentials.create_key(core, tenant_id, "theirs", ["admin"], team.first, user_id=whose)
    return f"key:{made.id}"


def a_key_of_the_others_by_a_key_of_nobody(core: Core, tenant_id: str, team: Team) -> str:
    nobodys, _ = credentials.create_key(core, tenant_id, "machine", ["admin"], team.first)
    return a_key_of_the_others(core, tenant_id, Team(f"key:{nobodys.id}", team.second))


def a_provider_that_vouches_for_all(core: Core, tenant_id: str, team: Team) -> str:
    with oidc.provider() as provider:
        sso.set_provider(core, tenant_id, provider.issuer, "client", "secret", actor=team.first)
    return team.second


def an_account_by_the_directory(core: Core, tenant_id: str, team: Team) -> str:
    key, _ = credentials.create_key(core, tenant_id, "directory", ["scim"], team.first)
    body = {"schemas": [USER], "userName": "puppet@acme.example", "roles": [{"value": "dpo"}]}
    held = directory_users.create(Directory(core, tenant_id, f"key:{key.id}", "https://edge.example"), body)
    return f"user:{held.row.user_id}"


def a_link_to_the_others_new_password(core: Core, tenant_id: str, team: Team) -> str:
    password_resets.make(core, tenant_id, team.second.removeprefix("user:"), actor=team.first)
    return team.second


def an_own_account_that_waited_shut_out(core: Core, tenant_id: str, team: Team) -> str:
    membership.bring_back(core, tenant_id, team.second.removeprefix("user:"), actor=team.first)
    return team.second


def an_own_account_that_is_raised(core: Core, tenant_id: str, team: Team) -> str:
    membership.set_role(core, tenant_id, team.second.removeprefix("user:"), Role.DPO, actor=team.first)
    return team.second


TRICKS = [
    a_key_of_the_others,
    a_key_of_the_others_by_a_key_of_nobody,
    a_provider_that_vouches_for_all,
    an_account_by_the_directory,
    a_link_to_the_others_new_password,
    an_own_account_that_waited_shut_out,
    an_own_account_that_is_raised,
]


@pytest.mark.parametrize("trick", TRICKS)
def test_after_the_proposal_nobody_makes_their_own_second_person(
    trick: Trick, core: Core, ada: Everywhere, team: Team
) -> None:
    second = team.second.removeprefix("user:")
    if trick is an_own_account_that_waited_shut_out:
        membership.shut_out(core, ada.tenant_id, second)
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    puppet = trick(core, ada.tenant_id, team)
    with pytest.raises(Forbidden, match="could be both"):
        orders.approve(core, ada.tenant_id, order.id, puppet)
    assert ada.known()
    third = f"user:{users.create(core, ada.tenant_id, 'third@acme.example', Role.DPO)[0].id}"
    if trick is a_provider_that_vouches_for_all:  # who set it could be anybody
        with pytest.raises(Forbidden, match="propose anew"):
            orders.approve(core, ada.tenant_id, order.id, third)
    else:
        assert orders.approve(core, ada.tenant_id, order.id, third).state == "executed"


@pytest.mark.parametrize(("days", "two"), [(0, False), (31, True)])
@pytest.mark.parametrize(
    "trick",
    [a_provider_that_vouches_for_all, an_account_by_the_directory, a_link_to_the_others_new_password],
)
def test_what_was_done_before_is_said_in_the_log(
    trick: Trick, days: int, two: bool, core: Core, ada: Everywhere, team: Team, clock: HandClock
) -> None:
    puppet = trick(core, ada.tenant_id, team)
    clock.forward(timedelta(days=days).total_seconds())
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    orders.approve(core, ada.tenant_id, order.id, puppet)
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    assert leaf["two_people"] is two


def test_who_made_a_key_for_somebody_holds_it_for_as_long_as_it_is_there(
    core: Core, ada: Everywhere, team: Team, clock: HandClock
) -> None:
    key = a_key_of_the_others(core, ada.tenant_id, team)
    clock.forward(timedelta(days=400).total_seconds())
    for proposer, approver in ((team.first, key), (key, team.first)):
        order = orders.propose(core, ada.tenant_id, proposer, subject_id=ada.subject.id)
        with pytest.raises(Forbidden, match="could be both"):
            orders.approve(core, ada.tenant_id, order.id, approver)
        orders.refuse(core, ada.tenant_id, order.id, proposer, "trying")


def test_a_key_that_the_command_line_made_for_somebody_shows_no_second_person(
    core: Core, ada: Everywhere, team: Team
) -> None:
    key = a_key_of_the_others(core, ada.tenant_id, Team("system", team.second))
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    orders.approve(core, ada.tenant_id, order.id, key)
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    assert leaf["two_people"] is False


def test_an_own_key_is_the_persons_own(core: Core, ada: Everywhere, team: Team) -> None:
    whose = team.second.removeprefix("user:")
    made, _ = credentials.create_key(core, ada.tenant_id, "hers", ["admin"], team.second, user_id=whose)
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    orders.approve(core, ada.tenant_id, order.id, f"key:{made.id}")
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    assert leaf["two_people"] is True
    assert models.ErasureOrder.get().state == "executed"
