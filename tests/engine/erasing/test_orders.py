"""Two people erase somebody, what they agreed on is what is done, and nothing in between slips through."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from flow import at_once, drain, leaves

from dxflow.engine.core import Core
from dxflow.engine.erasing import certificate, certified, erasure, orders, plans
from dxflow.engine.errors import Conflict, Forbidden, Invalid, NotFound
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights import intake
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials
from dxflow.engine.store import models, scope

from .conftest import EMAIL, NAME, PHONE, Everywhere, Team

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def hold(core: Core, ada: Everywhere) -> None:
    models.LegalHold.create(
        id=core.new_id(),
        tenant_id=ada.tenant_id,
        subject_id=ada.subject.id,
        reason_sealed=b"x",
        placed_by="system",
        placed_at=core.clock(),
        force_insert=True,
    )


def propose(core: Core, ada: Everywhere, actor: str, **more: Any) -> models.ErasureOrder:
    return orders.propose(core, ada.tenant_id, actor, subject_id=ada.subject.id, **more)


def asked(core: Core, ada: Everywhere, kind: str = "erasure", *, proven: bool = True) -> models.RightsRequest:
    request = intake.create(core, ada.tenant_id, kind, Person(EMAIL, PHONE, NAME))
    if proven:
        request.verified_at, request.verified_by = core.clock(), "channel"
        request.state = "identity_verified"
        request.save(only=["verified_at", "verified_by", "state"])
    return request


def test_one_proposes_another_approves_and_the_person_is_gone(
    core: Core, ada: Everywhere, team: Team
) -> None:
    whom = ada.subject.id
    order = propose(core, ada, team.first)
    assert (order.state, ada.known()) == ("proposed", True)
    done = orders.approve(core, ada.tenant_id, order.id, team.second)
    assert (done.state, done.decided_by) == ("executed", team.second)
    assert models.DataSubject.get_by_id(whom).state == "erased"
    assert not ada.known()
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    said = {name: leaf[name] for name in ("actor", "two_people", "order", "proposed_by")}
    assert said == {
        "actor": team.second,
        "two_people": True,
        "order": order.id,
        "proposed_by": team.first,
    }
    assert [one["kind"] for one in leaves(ada.tenant_id) if str(one["kind"]).startswith("erasure.")] == [
        "erasure.proposed",
        "erasure.approved",
        "erasure.certified",
    ]


@SQLITE
def test_nobody_approves_their_own_proposal_by_any_key_of_theirs(
    core: Core, ada: Everywhere, team: Team
) -> None:
    tenant_id, person = ada.tenant_id, team.first.removeprefix("user:")
    own, _ = credentials.create_key(core, tenant_id, "mine", ["admin"], team.first, user_id=person)
    nobodys, _ = credentials.create_key(core, tenant_id, "machine", ["admin"], team.first)
    of_a_key, _ = credentials.create_key(core, tenant_id, "made by a machine", ["admin"], f"key:{nobodys.id}")
    selves = [team.first, f"key:{own.id}", f"key:{nobodys.id}", f"key:{of_a_key.id}"]
    for proposer in selves:
        order = propose(core, ada, proposer)
        for approver in selves:
            with pytest.raises(Forbidden):
                orders.approve(core, tenant_id, order.id, approver)
        assert ada.known()
        orders.refuse(core, tenant_id, order.id, proposer, "trying")


@SQLITE
def test_approving_takes_a_person(core: Core, ada: Everywhere, team: Team) -> None:
    key, _ = credentials.create_key(core, ada.tenant_id, "machine", ["admin"], "system")
    order = propose(core, ada, team.first)
    for actor in ("system", f"key:{key.id}", "user:", "workflow:webhook", "key:nothing", "anybody"):
        with pytest.raises(Forbidden):
            orders.approve(core, ada.tenant_id, order.id, actor)
    other, _ = credentials.create_key(
        core, ada.tenant_id, "hers", ["admin"], team.second, user_id=team.second.removeprefix("user:")
    )
    assert orders.approve(core, ada.tenant_id, order.id, f"key:{other.id}").state == "executed"


@SQLITE
def test_what_the_command_line_proposed_as_nobody_is_not_said_to_be_two_people(
    core: Core, ada: Everywhere, team: Team
) -> None:
    order = propose(core, ada, "system")
    orders.approve(core, ada.tenant_id, order.id, team.second)
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    assert leaf["two_people"] is False


@pytest.mark.parametrize("makers", [("system",), ("system", "a key of system's")])
def test_what_a_key_of_nobodys_proposed_takes_two_who_approve(
    core: Core, ada: Everywhere, team: Team, makers: tuple[str, ...]
) -> None:
    actor = "system"
    for name in makers:
        key, _ = credentials.create_key(core, ada.tenant_id, name, ["admin"], actor)
        actor = f"key:{key.id}"
    order = propose(core, ada, actor)
    adopted = orders.approve(core, ada.tenant_id, order.id, team.first)
    assert (adopted.state, adopted.adopted_by, adopted.decided_by) == ("proposed", team.first, None)
    assert ada.known()
    (entry,) = leaves(ada.tenant_id, "erasure.adopted")
    assert (entry["actor"], entry["order"], entry["proposed_by"]) == (team.first, order.id, actor)
    own, _ = credentials.create_key(
        core, ada.tenant_id, "own", ["admin"], team.first, user_id=team.first.removeprefix("user:")
    )
    for same in (team.first, f"key:{own.id}", actor):
        with pytest.raises(Forbidden):
            orders.approve(core, ada.tenant_id, order.id, same)
    assert orders.approve(core, ada.tenant_id, order.id, team.second).state == "executed"
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    said = {name: leaf[name] for name in ("actor", "two_people", "proposed_by", "adopted_by")}
    assert said == {
        "actor": team.second,
        "two_people": True,
        "proposed_by": actor,
        "adopted_by": team.first,
    }


def test_of_two_who_approve_it_at_the_same_moment_one_is_the_first(
    core: Core, ada: Everywhere, team: Team
) -> None:
    key, _ = credentials.create_key(core, ada.tenant_id, "machine", ["admin"], "system")
    order = propose(core, ada, f"key:{key.id}")
    each = [lambda one=one: orders.approve(core, ada.tenant_id, order.id, one) for one in vars(team).values()]
    found = at_once(core, each)
    assert all(isinstance(one, models.ErasureOrder | Conflict) for one in found), found
    (leaf,) = leaves(ada.tenant_id, "erasure.adopted")
    state = orders.get(ada.tenant_id, order.id).state
    assert (state == "executed") == (sum(isinstance(one, Conflict) for one in found) == 0)
    if state == "executed":
        assert leaves(ada.tenant_id, "data_subject.erased")[0]["actor"] != leaf["actor"]


@SQLITE
def test_a_first_yes_from_the_command_line_shows_no_second_person(
    core: Core, ada: Everywhere, team: Team
) -> None:
    key, _ = credentials.create_key(core, ada.tenant_id, "machine", ["admin"], "system")
    order = propose(core, ada, f"key:{key.id}")
    orders.approve(core, ada.tenant_id, order.id, team.first, by_command_line=True)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    assert (leaf["two_people"], leaf["by_command_line"]) == (False, ["adopted"])


@SQLITE
def test_one_alone_is_said_in_the_log(core: Core, ada: Everywhere) -> None:
    erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="request")
    (leaf,) = leaves(ada.tenant_id, "data_subject.erased")
    assert leaf["two_people"] is False
    assert "order" not in leaf


def test_two_approvals_at_the_same_moment_execute_once(core: Core, ada: Everywhere, team: Team) -> None:
    ada.connect("mailchimp")
    order = propose(core, ada, "system")

    def approving(actor: str) -> Callable[[], models.ErasureOrder]:
        return lambda: orders.approve(core, ada.tenant_id, order.id, actor)

    found = at_once(core, [approving(team.first), approving(team.second)] * 2)
    done = [one for one in found if isinstance(one, models.ErasureOrder)]
    assert len(done) == 1, found
    assert all(isinstance(one, Conflict) for one in found if one not in done), found
    assert len(leaves(ada.tenant_id, "data_subject.erased")) == 1
    assert models.Obligation.select().count() == 4


@SQLITE
def test_a_legal_hold_in_between_stops_it_whoever_asks(core: Core, ada: Everywhere, team: Team) -> None:
    order = propose(core, ada, team.first)
    hold(core, ada)
    with pytest.raises(Conflict, match="legal hold"):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    with pytest.raises(Conflict, match="legal hold"):
        erasure.erase(core, ada.tenant_id, ada.subject.id, "system", reason="request")
    assert ada.known()
    assert orders.get(ada.tenant_id, order.id).state == "proposed"
    assert models.Obligation.select().count() == 0
    models.LegalHold.update(lifted_at=core.clock()).execute()
    assert orders.approve(core, ada.tenant_id, order.id, team.second).state == "executed"
    assert models.LegalHold.select().count() == 0


@SQLITE
@pytest.mark.parametrize("kind", sorted(plans.FIRST))
def test_what_could_not_be_answered_afterwards_is_answered_first(
    kind: str, core: Core, ada: Everywhere, team: Team
) -> None:
    order = propose(core, ada, team.first)
    request = asked(core, ada, kind)
    with pytest.raises(Conflict, match=kind):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    request.state = "completed"
    request.save(only=["state"])
    assert orders.approve(core, ada.tenant_id, order.id, team.second).state == "executed"


@SQLITE
def test_another_request_for_erasure_is_nothing_to_wait_for(core: Core, ada: Everywhere, team: Team) -> None:
    asked(core, ada)
    order = propose(core, ada, team.first)
    assert orders.approve(core, ada.tenant_id, order.id, team.second).state == "executed"


@SQLITE
def test_nobody_is_erased_for_somebody_who_never_proved_who_they_are(
    core: Core, ada: Everywhere, team: Team
) -> None:
    request = asked(core, ada, proven=False)
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    assert [one["code"] for one in order.plan["blocked"]] == ["identity"]
    with pytest.raises(Conflict, match="proven"):
        orders.approve(core, ada.tenant_id, order.id, team.second)


@SQLITE
def test_a_recipient_more_than_was_agreed_on_refuses_the_approval(
    core: Core, ada: Everywhere, team: Team
) -> None:
    order = propose(core, ada, team.first)
    ada.connect("stripe")  # it was to be told by hand
    with pytest.raises(Conflict, match="changed since"):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    assert ada.known()
    orders.refuse(core, ada.tenant_id, order.id, team.second, "things changed")
    again = propose(core, ada, team.first)
    assert orders.approve(core, ada.tenant_id, again.id, team.second).state == "executed"


@SQLITE
def test_a_person_more_than_was_agreed_on_refuses_it_too(core: Core, ada: Everywhere, team: Team) -> None:
    order = propose(core, ada, team.first)
    with core.store.transaction():
        origin = Origin(ada.tenant_id, "api", None, None)
        other = core.subjects.match(origin, Person(email="other@shop.example"), create=True).subject
        assert other is not None
        core.subjects.merge(origin, ada.subject, other)
    with pytest.raises(Conflict, match="changed since"):
        orders.approve(core, ada.tenant_id, order.id, team.second)


@SQLITE
def test_a_delivery_more_changes_nothing_about_the_decision(core: Core, ada: Everywhere, team: Team) -> None:
    order = propose(core, ada, team.first)
    ada.speak("stripe", id="evt_2")
    assert orders.approve(core, ada.tenant_id, order.id, team.second).state == "executed"


@SQLITE
def test_an_order_is_decided_once(core: Core, ada: Everywhere, team: Team) -> None:
    order = propose(core, ada, team.first)
    with pytest.raises(Conflict, match="waits"):
        propose(core, ada, team.second)
    orders.refuse(core, ada.tenant_id, order.id, team.second, "not yet")
    for call in (
        lambda: orders.approve(core, ada.tenant_id, order.id, team.second),
        lambda: orders.refuse(core, ada.tenant_id, order.id, team.second, "again"),
    ):
        with pytest.raises(Conflict, match="refused already"):
            call()
    assert ada.known()


@SQLITE
def test_an_order_about_somebody_erased_meanwhile_has_nothing_to_decide(
    core: Core, ada: Everywhere, team: Team
) -> None:
    order, whom = propose(core, ada, team.first), ada.subject.id
    erasure.erase(core, ada.tenant_id, whom, "system", reason="request")
    assert orders.get(ada.tenant_id, order.id).state == "refused"
    with pytest.raises(Conflict):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    with pytest.raises(Conflict, match="erased already"):
        orders.propose(core, ada.tenant_id, team.first, subject_id=whom)


@SQLITE
def test_wrong_proposals_are_refused_with_a_reason(core: Core, ada: Everywhere, team: Team) -> None:
    access = asked(core, ada, "access")
    for more, error in (
        ({"reason": "because"}, Invalid),
        ({"reason": "restored_backup"}, Invalid),
        ({"subject_id": core.new_id()}, NotFound),
        ({"subject_id": None, "request_id": core.new_id()}, NotFound),
        ({"subject_id": None, "request_id": access.id}, Invalid),
        ({"subject_id": None}, Invalid),
    ):
        given: dict[str, Any] = {"subject_id": ada.subject.id, **more}
        with pytest.raises(error):
            orders.propose(core, ada.tenant_id, team.first, **given)
    assert models.ErasureOrder.select().count() == 0


@SQLITE
def test_another_tenants_order_is_not_there(core: Core, ada: Everywhere, team: Team) -> None:
    order = propose(core, ada, team.first)
    other = tenants.create(core, "Another", "DE").controller.id
    with pytest.raises(NotFound):
        orders.approve(core, other, order.id, team.second)
    token = scope.begin()
    try:
        with scope.of(other), pytest.raises(NotFound):
            orders.get(other, order.id)
    finally:
        scope.leave(token)


@SQLITE
def test_who_signs_in_here_goes_with_their_account_or_not_at_all(
    core: Core, ada: Everywhere, team: Team
) -> None:
    from dxflow.engine.services.people import users

    users.create(core, ada.tenant_id, EMAIL, "member")
    drain(core)
    order = propose(core, ada, team.first)
    with pytest.raises(Conflict, match="with-account"):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    orders.refuse(core, ada.tenant_id, order.id, team.first, "with their account, then")
    order = propose(core, ada, team.first, with_account=True)
    assert orders.approve(core, ada.tenant_id, order.id, team.second).state == "executed"


@SQLITE
def test_a_crash_in_the_middle_leaves_everything_as_it_was(
    core: Core, ada: Everywhere, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = propose(core, ada, team.first)
    before = core.log.head(ada.tenant_id).size

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(erasure, "with_proof", broken)
    with pytest.raises(RuntimeError):
        orders.approve(core, ada.tenant_id, order.id, team.second)
    assert ada.known()
    assert core.log.head(ada.tenant_id).size == before
    for model in (models.Obligation, models.Suppression, models.Message, models.Erasure):
        assert model.select().count() == 0, model
    monkeypatch.undo()
    assert orders.approve(core, ada.tenant_id, order.id, team.second).state == "executed"


@SQLITE
def test_who_asked_hears_of_it_at_their_address_with_their_receipt(
    core: Core, ada: Everywhere, team: Team
) -> None:
    request = asked(core, ada)
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    (message,) = models.Message.select().where(models.Message.kind == "erased")
    place = {"table": "messages", "row_id": message.id}
    to = core.keys.unseal(ada.tenant_id, bytes(message.to_sealed), column="to_sealed", **place)
    assert to == EMAIL.encode()
    raw = core.keys.unseal(ada.tenant_id, bytes(message.text_sealed), column="text_sealed", **place)
    text = json.loads(raw)["text"]
    receipt = json.loads(text[text.index('{"index"') :].partition("\n")[0])
    assert receipt["index"] == orders.get(ada.tenant_id, order.id).log_index
    note = certificate.current(core, ada.tenant_id, order.id)
    keys = core.signing.vkeys(core.log.head(ada.tenant_id).origin)
    assert certified.verify(note, keys, receipt)["about"], "what was mailed is all it takes"
    assert message.subject_id is None
    with pytest.raises(Conflict):
        orders.hand_over(core, ada.tenant_id, order.id, team.first)


@SQLITE
def test_the_receipt_goes_to_an_address_on_file_and_not_to_one_that_somebody_typed(
    core: Core, ada: Everywhere, team: Team
) -> None:
    subject = ada.subject.id
    request = intake.create(core, ada.tenant_id, "erasure", Person("mallory@evil.example"))
    proven = {"verified_at": core.clock(), "verified_by": "manual", "state": "identity_verified"}
    row = models.RightsRequest
    row.update(subject_id=subject, **proven).where(row.id == request.id).execute()
    order = orders.propose(core, ada.tenant_id, team.first, request_id=request.id)
    orders.approve(core, ada.tenant_id, order.id, team.second)
    (message,) = models.Message.select().where(models.Message.kind == "erased")
    place = {"table": "messages", "row_id": message.id, "column": "to_sealed"}
    assert core.keys.unseal(ada.tenant_id, bytes(message.to_sealed), **place) == EMAIL.encode()


@SQLITE
def test_where_nobody_asked_the_receipt_is_handed_over_once(core: Core, ada: Everywhere, team: Team) -> None:
    order = propose(core, ada, team.first, reason="retention_period")
    orders.approve(core, ada.tenant_id, order.id, team.second)
    receipt = orders.hand_over(core, ada.tenant_id, order.id, team.first)
    assert set(receipt) == {"index", "salt", "payload", "proof"}
    with pytest.raises(Conflict):
        orders.hand_over(core, ada.tenant_id, order.id, team.first)


@SQLITE
def test_the_plan_says_what_goes_where_by_when_and_what_remains_without_naming_anybody(
    core: Core, ada: Everywhere
) -> None:
    ada.connect("shopify", "stripe", "mailchimp")
    request = asked(core, ada)
    made = plans.plan(core, ada.tenant_id, ada.subject.id, request_id=request.id)
    assert made["what"]["people"] == 1
    assert (made["what"]["links"], made["what"]["deliveries"], made["what"]["marks"]) == (6, 4, 6)
    how = {one["platform"]: one["how"] for one in made["where"]["recipients"]}
    assert how == {"shopify": "api", "stripe": "api", "mailchimp": "api", "woocommerce": "by_hand"}
    when = {one["platform"]: one["when"] for one in made["where"]["recipients"]}
    assert "180 days" in when["shopify"]
    assert "90 days" in when["stripe"]
    assert made["deadline"] == {"request_id": request.id, "due": request.due}
    assert made["blocked"] == []
    assert {one["until"] for one in made["remains"]} >= {"never", "lifted"}
    told = json.dumps(made)
    assert not [one for one in (EMAIL, PHONE[1:], "Kanarie", "cus_kanarie01", "4242") if one in told]
