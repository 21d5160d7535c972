"""An erasure and the person's requests: what ends with what, who hears of it, and who can't be in the way."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from flow import HandClock, at_once, leaves

from dxflow.engine.access.roles import Role
from dxflow.engine.core import Core
from dxflow.engine.desk import actions
from dxflow.engine.erasing import erasure, orders, plans
from dxflow.engine.errors import Conflict, Forbidden
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights import intake
from dxflow.engine.services.people import invitations, users
from dxflow.engine.store import models

from .conftest import EMAIL, Everywhere, Team

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
End = Callable[[Core, models.RightsRequest], object]


def asked(
    core: Core, ada: Everywhere, kind: str, email: str = EMAIL, *, proven: str | None = "channel"
) -> models.RightsRequest:
    """A request in her name; proven, it was looked at by an officer."""
    request = intake.create(core, ada.tenant_id, kind, Person(email, "+4930998877665"))
    models.RightsRequest.update(subject_id=ada.subject.id).where(
        models.RightsRequest.id == request.id
    ).execute()
    if proven:
        columns = {"state": "identity_verified", "verified_at": core.clock(), "verified_by": proven}
        models.RightsRequest.update(**columns).where(models.RightsRequest.id == request.id).execute()
    found: models.RightsRequest = models.RightsRequest.get_by_id(request.id)
    return found


def told(core: Core, kind: str) -> dict[str, str | None]:
    """To whom messages of a kind are on their way, and about which request."""
    row = models.Message
    return {
        core.keys.unseal(
            one.tenant_id, bytes(one.to_sealed), table="messages", column="to_sealed", row_id=one.id
        ).decode(): one.request_id
        for one in row.select().where(row.kind == kind, row.state == "pending")
    }


def state_of(request: models.RightsRequest) -> str:
    return str(models.RightsRequest.get_by_id(request.id).state)


def reject(core: Core, request: models.RightsRequest) -> object:
    return actions.reject(core, request.tenant_id, request.id, "user:1", "other", "")


def cancel(core: Core, request: models.RightsRequest) -> object:
    return actions.cancel(core, request.tenant_id, request.id, "requester")


@SQLITE
@pytest.mark.parametrize("end", [cancel, reject])
def test_the_order_of_a_request_that_ended_is_decided_with_it(
    end: End, core: Core, ada: Everywhere, team: Team
) -> None:
    request = asked(core, ada, "erasure")
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    end(core, request)
    assert orders.get(ada.tenant_id, order.id).state == "refused"
    (leaf,) = leaves(ada.tenant_id, "erasure.refused")
    assert (leaf["order"], leaf["request"], leaf["actor"]) == (order.id, request.id, "system")
    with pytest.raises(Conflict):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    with pytest.raises(Conflict, match="over"):
        orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    assert ada.known()
    made = plans.plan(core, ada.tenant_id, ada.subject.id, request_id=request.id)
    assert [one["code"] for one in made["blocked"]] == ["request_over"]


def test_of_a_withdrawal_and_an_approval_at_once_one_counts(core: Core, ada: Everywhere, team: Team) -> None:
    request = asked(core, ada, "erasure")
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    at_once(
        core,
        [
            lambda: orders.approve(core, ada.tenant_id, order.id, team.second),
            lambda: cancel(core, request),
        ],
    )
    state, decided = state_of(request), orders.get(ada.tenant_id, order.id).state
    assert (state == "cancelled", decided) in ((True, "refused"), (False, "executed"))
    assert ada.known() is (decided == "refused")


@SQLITE
def test_an_order_for_a_person_answers_the_request_that_they_proved(
    core: Core, ada: Everywhere, team: Team
) -> None:
    forged, own = asked(core, ada, "erasure", "eve@else.example", proven=None), asked(core, ada, "erasure")
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    assert order.request_id == own.id
    orders.approve(core, ada.tenant_id, order.id, team.second)
    assert {one.request_id for one in models.Obligation.select()} == {own.id}
    assert told(core, "erased") == {EMAIL: own.id}
    assert (state_of(own), state_of(forged)) == ("response_sent", "cancelled")
    assert told(core, "ended") == {"eve@else.example": forged.id}, "they don't hear of the erasure"
    assert told(core, "cancelled") == {}, "nor that they took it back, which they didn't"


@SQLITE
def test_what_else_the_person_asked_for_ends_and_they_hear_of_it(
    core: Core, ada: Everywhere, team: Team
) -> None:
    waiting, answered = asked(core, ada, "objection"), asked(core, ada, "rectification")
    actions.hold(core, ada.tenant_id, waiting.id, "user:1", "clarification")
    models.RightsRequest.update(state="response_sent").where(models.RightsRequest.id == answered.id).execute()
    stranger = intake.create(core, ada.tenant_id, "erasure", Person("else@shop.example"))
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    assert {one["request_id"] for one in order.plan["warnings"]} == {waiting.id, answered.id}
    orders.approve(core, ada.tenant_id, order.id, team.second)
    assert (state_of(waiting), state_of(answered)) == ("cancelled", "completed")
    assert told(core, "erased") == {EMAIL: waiting.id}
    assert state_of(stranger) == "received", "nobody else's request ends"
    assert models.RequestHold.get().ended_at is not None


@SQLITE
def test_who_erases_alone_ends_them_too_and_a_restore_tells_nobody_again(core: Core, ada: Everywhere) -> None:
    own = asked(core, ada, "erasure")
    erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="restored_backup")
    assert state_of(own) == "completed"
    assert told(core, "erased") == {}


@SQLITE
@pytest.mark.parametrize("kind", ["restriction", "complaint", "access"])
def test_nobody_keeps_a_person_from_being_erased_by_asking_in_their_name(
    kind: str, core: Core, ada: Everywhere, team: Team
) -> None:
    forged = asked(core, ada, kind, "eve@else.example", proven=None)
    asserted = asked(core, ada, kind, "eve@else.example", proven="asserted")
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    assert order.plan["blocked"] == []
    assert {one["request_id"] for one in order.plan["warnings"]} == {forged.id, asserted.id}
    assert orders.approve(core, ada.tenant_id, order.id, team.second).state == "executed"


@SQLITE
def test_the_answer_goes_to_what_is_on_file_and_not_to_what_was_typed(
    core: Core, ada: Everywhere, team: Team
) -> None:
    request = asked(core, ada, "erasure", "eve@else.example", proven="manual")
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    assert set(told(core, "erased")) == {EMAIL}


def invited(core: Core, tenant_id: str, by: str, email: str) -> str:
    _, token = invitations.invite(core, tenant_id, email, Role.DPO, actor=by)
    return f"user:{invitations.accept_new(core, token).user.id}"


@SQLITE
def test_who_was_brought_in_by_the_other_is_no_second_person(core: Core, ada: Everywhere, team: Team) -> None:
    whom = ada.subject.id
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=whom)
    puppet = invited(core, ada.tenant_id, team.first, "puppet@acme.example")
    second = invited(core, ada.tenant_id, puppet, "puppet-of-a-puppet@acme.example")
    for one in (puppet, second):
        with pytest.raises(Forbidden, match="could be both"):
            orders.approve(core, ada.tenant_id, order.id, one)


@SQLITE
@pytest.mark.parametrize(("days", "two"), [(0, False), (29, False), (31, True)])
def test_a_young_team_may_act_and_its_log_does_not_claim_two_people(
    days: int, two: bool, core: Core, ada: Everywhere, team: Team, clock: HandClock
) -> None:
    colleague = invited(core, ada.tenant_id, team.first, "colleague@acme.example")
    clock.forward(timedelta(days=days).total_seconds())
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    assert orders.approve(core, ada.tenant_id, order.id, colleague).state == "executed"
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    assert leaf["two_people"] is two


@SQLITE
def test_who_gave_the_other_a_new_password_is_no_second_person(
    core: Core, ada: Everywhere, team: Team
) -> None:
    order = orders.propose(core, ada.tenant_id, team.first, subject_id=ada.subject.id)
    users.renew_one_time(core, ada.tenant_id, team.second.removeprefix("user:"), actor=team.first)
    with pytest.raises(Forbidden, match="new password"):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    third = f"user:{users.create(core, ada.tenant_id, 'third@acme.example', Role.DPO)[0].id}"
    assert orders.approve(core, ada.tenant_id, order.id, third).state == "executed"


@SQLITE
@pytest.mark.parametrize(
    ("proposed", "approved", "said"),
    [
        (True, True, ["proposed", "approved"]),
        (True, False, ["proposed"]),
        (False, True, ["approved"]),
    ],
)
def test_whom_the_command_line_names_is_no_second_person(
    proposed: bool, approved: bool, said: list[str], core: Core, ada: Everywhere, team: Team
) -> None:
    order = orders.propose(
        core, ada.tenant_id, team.first, subject_id=ada.subject.id, by_command_line=proposed
    )
    orders.approve(core, ada.tenant_id, order.id, team.second, by_command_line=approved)
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    assert (leaf["two_people"], leaf["by_command_line"]) == (False, said)
    assert EMAIL not in json.dumps(leaf)
