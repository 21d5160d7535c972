"""What the desk does with a request: every state and act of the table, and what each leaves behind."""

from __future__ import annotations

import re
import threading
from contextlib import suppress
from typing import Any

import pytest
from flow import HandClock, at_once, drain, leaves, seeing

from dxflow.engine import machine
from dxflow.engine.core import Core
from dxflow.engine.desk import actions, answering, moves
from dxflow.engine.erasing import erasure
from dxflow.engine.errors import Conflict, Invalid, NotFound
from dxflow.engine.fulfilment import package
from dxflow.engine.mail import queue
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import acts
from dxflow.engine.services.audit import verifying
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

from .conftest import Ask

sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
ACTS = sorted({act for acts in machine.REQUESTS.values() for act in acts})


def _again(request: models.RightsRequest) -> models.RightsRequest:
    return models.RightsRequest.get_by_id(request.id)


@sqlite
@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("state", list(machine.REQUESTS))
def test_every_state_allows_the_acts_of_the_table_and_no_others(
    core: Core, tenant: NewTenant, ask: Ask, state: str, act: str
) -> None:
    request = ask()
    models.RightsRequest.update(state=state, held_from="review").execute()
    if act in machine.REQUESTS[state]:
        moved = moves.move(core, tenant.controller.id, request.id, act, "user:1")
        following = machine.REQUESTS[state][act]
        assert moved.state == _again(request).state == ("review" if following == machine.HELD else following)
        assert (moved.closed_at is not None) == (
            moved.state in ("completed", "rejected", "cancelled", "duplicate")
        )
        assert leaves(tenant.controller.id, "rights_request.moved")[-1]["state"] == moved.state
    else:
        size = core.log.head(tenant.controller.id).size
        with pytest.raises(Conflict, match=re.escape(f"not {act}")):
            moves.move(core, tenant.controller.id, request.id, act, "user:1")
        assert (_again(request).state, core.log.head(tenant.controller.id).size) == (state, size)


def test_a_request_goes_all_its_way(core: Core, tenant: NewTenant, ask: Ask) -> None:
    mine, request = tenant.controller.id, ask()
    drain(core)
    actions.verify(core, mine, request.id, "user:1", "came by in person")
    actions.step(core, mine, request.id, "user:1", "collect")
    actions.step(core, mine, request.id, "user:1", "review")
    answering.respond(core, mine, request.id, "user:1", "partly", "See the attachment.")
    done = actions.complete(core, mine, request.id, "user:1")
    assert (done.state, done.decision, done.verified_by, done.warn_at) == (
        "completed",
        "partly",
        "manual",
        None,
    )
    assert done.closed_at >= done.responded_at >= done.verified_at
    drain(core)
    assert verifying.verify_logs(core).problems == []
    said = " ".join(str(leaf) for leaf in leaves(mine))
    assert "in person" not in said
    assert "attachment" not in said


def test_another_tenants_request_is_no_request(core: Core, tenant: NewTenant, ask: Ask) -> None:
    request = ask()
    with pytest.raises(NotFound):
        actions.verify(core, core.new_id(), request.id, "user:1", "reason")
    assert _again(request).state == "received"
    assert tenant.controller.id == request.tenant_id


def test_two_officers_at_once_move_it_once(core: Core, tenant: NewTenant, ask: Ask) -> None:
    request, mine = ask(), tenant.controller.id

    def verify() -> str:
        return str(actions.verify(core, mine, request.id, "user:1", "looked at a passport").state)

    found = at_once(core, [verify, verify])
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "str"]
    assert len(leaves(mine, "rights_request.moved")) == 1


@sqlite
class TestDenial:
    def test_a_reason_is_one_of_the_list(self, core: Core, tenant: NewTenant, ask: Ask) -> None:
        request = ask()
        with pytest.raises(Invalid, match="suspected_fraud"):
            actions.reject(core, tenant.controller.id, request.id, "user:1", "because")
        assert _again(request).state == "received"

    def test_the_person_is_told_and_the_log_says_why(self, core: Core, tenant: NewTenant, ask: Ask) -> None:
        request = ask()
        drain(core)
        done = actions.reject(
            core, tenant.controller.id, request.id, "user:1", "no_match", "Write to us again."
        )
        assert (done.state, done.decision, done.denial_reason) == ("rejected", "denied", "no_match")
        assert leaves(tenant.controller.id, "rights_request.moved")[-1]["denial_reason"] == "no_match"
        assert [row.kind for row in models.Message.select().where(models.Message.kind == "denial")] == [
            "denial"
        ]

    def test_what_was_ended_in_error_begins_anew_with_the_same_clock(
        self, core: Core, tenant: NewTenant, ask: Ask
    ) -> None:
        request = ask()
        actions.reject(core, tenant.controller.id, request.id, "user:1", "no_match")
        again = actions.reopen(core, tenant.controller.id, request.id, "user:1", "found after all")
        assert (again.state, again.decision, again.denial_reason, again.closed_at) == (
            "received",
            None,
            None,
            None,
        )
        assert (again.due, again.warn_at is not None) == (request.due, True)

    def test_who_asks_is_proven_anew(self, core: Core, tenant: NewTenant, ask: Ask) -> None:
        mine, request = tenant.controller.id, ask()
        actions.verify(core, mine, request.id, "user:1", "called back")
        actions.reject(core, mine, request.id, "user:1", "suspected_fraud")
        again = actions.reopen(core, mine, request.id, "user:1", "it was her")
        assert (again.state, again.verified_at, again.verified_by) == ("received", None, None)
        assert actions.verify(core, mine, request.id, "user:1", "passport").state == "identity_verified"

    @pytest.mark.parametrize(
        ("type", "columns", "by"),
        [("consent_withdrawal", {}, "none"), ("erasure", {"verified_by": "platform"}, "platform")],
    )
    def test_no_proof_is_waited_for_that_nobody_asks_for(
        self, core: Core, tenant: NewTenant, ask: Ask, type: str, columns: dict[str, str], by: str
    ) -> None:
        mine, request = tenant.controller.id, ask(type)
        models.RightsRequest.update(verified_at=core.clock(), state="identity_verified", **columns).execute()
        actions.reject(core, mine, request.id, "user:1", "no_match")
        again = actions.reopen(core, mine, request.id, "user:1", "found after all")
        assert (again.state, again.verified_by, again.verified_at is None) == ("identity_verified", by, False)


@sqlite
class TestExtension:
    def test_two_months_more_are_announced_and_counted_from_the_start(
        self, core: Core, tenant: NewTenant, ask: Ask
    ) -> None:
        request = ask()
        assert request.due == "2099-04-02"
        extended = actions.extend(core, tenant.controller.id, request.id, "user:1", "many sources")
        assert extended.due == "2099-06-02"
        assert any("Announce" in step["what"] for step in extended.clock)
        assert models.Message.get(kind="extension").request_id == request.id
        with pytest.raises(Conflict, match="already"):
            actions.extend(core, tenant.controller.id, request.id, "user:1", "again")

    def test_too_late_is_too_late(self, core: Core, tenant: NewTenant, ask: Ask, clock: HandClock) -> None:
        request = ask()
        clock.forward(32 * 86_400)
        with pytest.raises(Conflict, match="2099-04-02"):
            actions.extend(core, tenant.controller.id, request.id, "user:1", "we forgot")
        assert _again(request).extended_at is None

    def test_where_the_law_knows_none_there_is_none(self, core: Core, tenant: NewTenant, ask: Ask) -> None:
        request = ask("sale_opt_out", "US-CA")
        with pytest.raises(Invalid, match="no extension"):
            actions.extend(core, tenant.controller.id, request.id, "user:1", "busy")


@sqlite
class TestWaiting:
    def test_the_clock_stands_still_in_the_united_kingdom(
        self, core: Core, tenant: NewTenant, ask: Ask, clock: HandClock
    ) -> None:
        request = ask(jurisdiction="UK")
        assert request.due == "2099-04-02"
        clock.forward(2 * 86_400)
        held = actions.hold(
            core, tenant.controller.id, request.id, "user:1", "clarification", "Which account?"
        )
        assert (held.state, held.held_from) == ("on_hold", "received")
        clock.forward(9 * 86_400)
        back = actions.resume(core, tenant.controller.id, request.id, "user:1")
        assert back.state == "received"
        assert back.due == "2099-04-14"  # ten days more end on Easter Sunday; Easter Monday is off too
        assert models.Message.get(kind="clarification").request_id == request.id

    def test_it_goes_on_elsewhere(self, core: Core, tenant: NewTenant, ask: Ask, clock: HandClock) -> None:
        request = ask()
        actions.hold(core, tenant.controller.id, request.id, "user:1", "clarification")
        clock.forward(9 * 86_400)
        assert actions.resume(core, tenant.controller.id, request.id, "user:1").due == request.due

    def test_a_reason_is_one_of_the_list(self, core: Core, tenant: NewTenant, ask: Ask) -> None:
        request = ask()
        with pytest.raises(Invalid, match="clarification"):
            actions.hold(core, tenant.controller.id, request.id, "user:1", "later")
        assert models.RequestHold.select().count() == 0


@sqlite
class TestDuplicates:
    def test_only_who_proved_who_they_are_can_be_a_duplicate(
        self, core: Core, tenant: NewTenant, ask: Ask
    ) -> None:
        mine, first, second = tenant.controller.id, ask(), ask()
        with pytest.raises(Conflict):
            actions.mark_duplicate(core, mine, second.id, "user:1", first.id)
        actions.verify(core, mine, second.id, "user:1", "called back")
        with pytest.raises(Conflict, match="proven"):  # the first sender may be an impostor
            actions.mark_duplicate(core, mine, second.id, "user:1", first.id)
        actions.verify(core, mine, first.id, "user:1", "called back")
        ended = actions.mark_duplicate(core, mine, second.id, "user:1", first.id)
        assert (ended.state, ended.duplicate_of) == ("duplicate", first.id)
        assert _again(first).state == "identity_verified"

    def _repeated(self, core: Core, ask: Ask) -> tuple[models.RightsRequest, models.RightsRequest]:
        first, second = ask(), ask()
        for one in (first, second):
            actions.verify(core, one.tenant_id, one.id, "user:1", "called back")
        return first, second

    def test_the_person_is_told_which_request_is_answered(self, core: Core, ask: Ask) -> None:
        first, second = self._repeated(core, ask)
        actions.mark_duplicate(core, second.tenant_id, second.id, "user:1", first.id)
        [message] = models.Message.select().where(models.Message.kind == "duplicate")
        letter = queue.letter(core, message)
        assert letter is not None
        assert (message.request_id, letter.to) == (second.id, "ada@shop.example")
        assert first.id in letter.text

    def test_its_package_can_be_fetched_no_longer(self, core: Core, ask: Ask) -> None:
        first, second = self._repeated(core, ask)
        actions.step(core, second.tenant_id, second.id, "user:1", "collect")
        made = package.make(core, second.tenant_id, second.id, "user:1")
        actions.mark_duplicate(core, second.tenant_id, second.id, "user:1", first.id)
        assert models.Package.get_by_id(made.id).content is None

    @pytest.mark.parametrize("act", ["cancel", "reject"])
    def test_it_comes_back_when_the_first_one_ends_without_an_answer(
        self, core: Core, ask: Ask, act: str
    ) -> None:
        first, second = self._repeated(core, ask)
        actions.mark_duplicate(core, second.tenant_id, second.id, "user:1", first.id)
        reason = ("no_match",) if act == "reject" else ()
        getattr(actions, act)(core, first.tenant_id, first.id, "user:1", *reason)
        back = _again(second)
        assert (back.state, back.closed_at, back.duplicate_of) == ("identity_verified", None, None)
        assert (back.verified_by, back.due) == ("manual", second.due)
        last = leaves(second.tenant_id, "rights_request.moved")[-1]
        assert (last["request"], last["move"], last["actor"]) == (second.id, "reopen", "system")

    def test_neither_the_earlier_one_nor_another_right_is(
        self, core: Core, tenant: NewTenant, ask: Ask
    ) -> None:
        mine, first, second, other = tenant.controller.id, ask(), ask(), ask("erasure")
        for request in (first, second, other):
            actions.verify(core, mine, request.id, "user:1", "called back")
        for one, of in ((first, second), (first, first)):
            with pytest.raises(Invalid, match="earlier"):
                actions.mark_duplicate(core, mine, one.id, "user:1", of.id)
        with pytest.raises(Conflict, match="same"):
            actions.mark_duplicate(core, mine, other.id, "user:1", first.id)


@sqlite
def test_nothing_is_complete_while_a_recipient_owes_something(
    core: Core, tenant: NewTenant, ask: Ask
) -> None:
    mine, request = tenant.controller.id, ask("erasure")
    models.RightsRequest.update(state="response_sent").execute()
    row = {"id": core.new_id(), "tenant_id": mine, "request_id": request.id, "kind": "erase"}
    models.Obligation.create(
        **row, recipient="stripe", state="waiting", receipt={}, created_at=core.clock(), force_insert=True
    )
    with pytest.raises(Conflict, match="stripe"):
        actions.complete(core, mine, request.id, "user:1")
    models.Obligation.update(state="closed").execute()
    assert actions.complete(core, mine, request.id, "user:1").state == "completed"


def test_what_people_write_with_a_move_is_opened_by_its_entry_and_goes_with_the_person(
    core: Core, tenant: NewTenant, ask: Ask
) -> None:
    """An entry's act is the id of its sealed text; the move must not stand in its place."""
    mine, request = tenant.controller.id, ask()
    actions.verify(core, mine, request.id, "user:1", "I know her voice")
    [entry] = leaves(mine, "rights_request.moved")
    assert entry["move"] == "verify"
    found = acts.opened(core, mine, int(str(entry["seq"])))
    assert found.holds
    assert found.changed is not None
    assert found.changed["reason"] == "I know her voice"
    erasure.erase(core, mine, str(request.subject_id), "system", reason="request")
    assert models.ActPayload.get_or_none(id=entry["act"]) is None
    assert acts.opened(core, mine, int(str(entry["seq"]))).changed is None


def test_an_entry_that_would_lose_its_own_act_isnt_written(core: Core, tenant: NewTenant) -> None:
    with pytest.raises(ValueError, match="are its own"):
        acts.record(core, tenant.controller.id, "rights_request.moved", "user:1", act="verify")


@sqlite
def test_a_shared_telephone_makes_nobodys_request_somebody_elses(
    core: Core, tenant: NewTenant, ask: Ask
) -> None:
    ask()
    mine = tenant.controller.id
    subjects.enter(core, mine, Person("ada@shop.example", "+4930901820", "Ada"), "system")
    bob = requests.create(core, mine, "system", "erasure", Person("bob@shop.example", "+4930901820", "Bob"))
    assert bob.subject_id is None
    alone = requests.create(core, mine, "system", "erasure", Person(None, "+4930901820", None))
    assert alone.subject_id is not None


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
@pytest.mark.parametrize("act", ["cancel", "reject"])
def test_a_wait_that_begins_while_a_request_ends_ends_with_it(
    core: Core, ask: Ask, act: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would stop the clock for ever, once the request is reopened."""
    request, real, began = ask(jurisdiction="UK"), actions._end_waits, list[threading.Thread]()
    mine = request.tenant_id

    def hold() -> None:
        with suppress(Conflict):
            actions.hold(core, mine, request.id, "user:2", "clarification", "Which shop?")
        core.store.close()

    def meanwhile(*given: Any) -> None:
        real(*given)
        began.append(threading.Thread(target=seeing(hold)))
        began[0].start()
        began[0].join(0.5)  # it waits for whoever has the request first

    monkeypatch.setattr(actions, "_end_waits", meanwhile)
    reason = ("other",) if act == "reject" else ()
    getattr(actions, act)(core, mine, request.id, "user:1", *reason)
    began[0].join(30)
    assert not models.RequestHold.select().where(models.RequestHold.ended_at.is_null()).exists()
