"""What stands as told was told: where people are reached once they are proven, and where nobody is."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flow import HandClock, drain, leaves
from postbox import Postbox

from dxflow.engine.core import Core
from dxflow.engine.desk import acknowledging, actions, answering, checks
from dxflow.engine.desk.checks import confirm, confirm_link, send
from dxflow.engine.errors import Conflict, Invalid
from dxflow.engine.mail import queue
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights.reaching import reach
from dxflow.engine.services import acts
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.store import models

from .conftest import Ask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADA, MALLORY, PHONE = "ada@shop.example", "mallory@evil.example", "+4930123456"
OTHERWISE = "by telephone, on 2 March"


def _now(request: models.RightsRequest) -> models.RightsRequest:
    return models.RightsRequest.get_by_id(request.id)


def _typed(core: Core, mine: str, person: Person, type: str = "access") -> models.RightsRequest:
    """A request about Ada with whatever somebody typed."""
    request = requests.create(core, mine, "system", type, person, jurisdiction="DE")
    subject = core.subjects.find(mine, Person(ADA))
    assert subject is not None
    row = models.RightsRequest
    row.update(subject_id=subject.id).where(row.id == request.id).execute()
    return _now(request)


def _phone_only(core: Core, mine: str, jurisdiction: str = "DE") -> models.RightsRequest:
    return requests.create(core, mine, "system", "access", Person(phone=PHONE), jurisdiction=jurisdiction)


def _messages(kind: str) -> list[models.Message]:
    return list(models.Message.select().where(models.Message.kind == kind))


class TestReaching:
    def test_who_is_proven_by_the_address_on_file_is_answered_there_and_not_where_somebody_typed(
        self, desk: Core, mine: str, ask: Ask, box: Postbox
    ) -> None:
        ask()
        request = _typed(desk, mine, Person(MALLORY, PHONE, "Ada"))
        send(desk, mine, request.id, "system")
        confirm_link(desk, box.token(desk, ADA))
        actions.reject(desk, mine, request.id, "user:1", "no_match", "You live in Kanariengasse 7.")
        drain(desk)
        assert "Kanariengasse" in box.to(ADA, "answer")[0]
        assert box.to(MALLORY, "answer") == []

    def test_an_officers_word_sends_nothing_to_a_typed_address_while_one_is_on_file(
        self, desk: Core, mine: str, ask: Ask
    ) -> None:
        ask()
        request = _typed(desk, mine, Person(MALLORY))
        assert reach(desk, request) == MALLORY
        actions.verify(desk, mine, request.id, "user:1", "knows the last order")
        assert reach(desk, _now(request)) == ADA

    def test_who_gave_a_telephone_alone_is_reached_on_file_once_proven(
        self, desk: Core, mine: str, ask: Ask
    ) -> None:
        ask()
        request = _typed(desk, mine, Person(phone=PHONE))
        assert reach(desk, request) is None
        actions.verify(desk, mine, request.id, "user:1", "called back")
        assert reach(desk, _now(request)) == ADA

    def test_an_address_that_came_after_the_request_isnt_written_to_after_a_code(
        self, desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
    ) -> None:
        ask()
        request = _typed(desk, mine, Person(MALLORY))
        send(desk, mine, request.id, "system")
        confirm_link(desk, box.token(desk, ADA))
        clock.forward(60)
        subject = models.DataSubject.get_by_id(request.subject_id)
        models.DataSubjectLink.update(created_at=clock()).execute()
        assert desk.subjects.profile(subject)["email"] == ADA
        assert reach(desk, _now(request)) is None


Act = Callable[[Core, str, str, str], object]
ACTS: dict[str, Act] = {
    "extend": lambda core, mine, id, told: actions.extend(core, mine, id, "user:1", "many", told),
    "reject": lambda core, mine, id, told: actions.reject(core, mine, id, "user:1", "no_match", "", told),
    "hold": lambda core, mine, id, told: actions.hold(
        core, mine, id, "user:1", "clarification", "Which?", told
    ),
    "respond": lambda core, mine, id, told: answering.respond(
        core, mine, id, "user:1", "partly", "No.", told
    ),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_reaches_nobody_is_undone_until_somebody_says_how_they_were_told(
    core: Core, mine: str, act: str, clock: HandClock
) -> None:
    request = _phone_only(core, mine)
    if act == "respond":
        models.RightsRequest.update(state="review").execute()
    before, size = _now(request).__data__, core.log.head(mine).size
    with pytest.raises(Conflict, match="told_otherwise"):
        ACTS[act](core, mine, request.id, "  ")
    assert (_now(request).__data__, core.log.head(mine).size) == (before, size)
    clock.forward(1)
    ACTS[act](core, mine, request.id, OTHERWISE)
    assert _now(request).version == before["version"] + 1
    kind = "rights_request.extended" if act == "extend" else "rights_request.moved"
    [entry] = leaves(mine, kind)
    assert OTHERWISE not in str(entry)
    opened = acts.opened(core, mine, core.log.head(mine).size - 1)
    assert OTHERWISE in str(opened)


def test_a_platforms_request_without_an_address_is_no_exception(core: Core, mine: str) -> None:
    request = _phone_only(core, mine)
    models.RightsRequest.update(
        source="shopify", state="review", verified_at=core.clock(), verified_by="platform"
    ).execute()
    with pytest.raises(Conflict, match="told_otherwise"):
        answering.respond(core, mine, request.id, "user:1", "partly", "Not the letters.")


class TestHold:
    def test_a_clock_that_would_stop_stops_for_nothing_but_a_question(
        self, core: Core, mine: str, ask: Ask
    ) -> None:
        request = ask(jurisdiction="UK")
        with pytest.raises(Invalid, match="question"):
            actions.hold(core, mine, request.id, "user:1", "clarification", " ")
        assert models.RequestHold.select().count() == 0
        actions.hold(core, mine, request.id, "user:1", "clarification", "Which account?")
        assert len(_messages("clarification")) == 1

    def test_one_that_was_asked_otherwise_stops_it_too(self, core: Core, mine: str) -> None:
        request = _phone_only(core, mine, "UK")
        with pytest.raises(Conflict, match="told_otherwise"):
            actions.hold(core, mine, request.id, "user:1", "identity", "Who are you?")
        held = actions.hold(core, mine, request.id, "user:1", "identity", told_otherwise=OTHERWISE)
        assert held.state == "on_hold"


class TestCodes:
    def test_the_mail_says_what_is_confirmed_and_since_when(
        self, desk: Core, mine: str, ask: Ask, box: Postbox
    ) -> None:
        send(desk, mine, ask("erasure").id, "system")
        drain(desk)
        [text] = box.to(ADA, "code")
        assert "What was asked for: erasure of your personal data" in text
        assert "Received: 2 March 2099" in text

    def test_many_requests_in_somebodys_name_dont_keep_the_code_of_their_package_from_them(
        self, desk: Core, mine: str, ask: Ask, box: Postbox
    ) -> None:
        hers = ask()
        for _ in range(8):  # more than an address is sent in an hour
            send(desk, mine, ask().id, "system")
        drain(desk)
        before = len(box.to(ADA))
        send(desk, mine, hers.id, "system", purpose="release")
        drain(desk)
        assert len(box.to(ADA)) == before + 1
        assert box.to(ADA, "fetch your data")[-1].startswith("Somebody, most likely you, wants to fetch")

    def test_sending_to_nobody_counts_and_writes_as_much_as_sending_to_somebody(
        self, desk: Core, mine: str, ask: Ask, statements: list[str]
    ) -> None:
        subjects.enter(desk, mine, Person(phone=PHONE), "system")
        known, nobody = ask(), _phone_only(desk, mine)
        writing, seen = ("INSERT", "UPDATE", "DELETE", "BEGIN", "COMMIT"), []
        for request in (known, nobody):
            statements.clear()
            send(desk, mine, request.id, "system")
            written = [one for one in statements if one.split(" ", 1)[0] in writing]
            seen.append([" ".join(one.split("VALUES")[0].split()[:3]) for one in written])
        assert seen[0] == seen[1]
        assert len(seen[0]) > 3
        states = {one.request_id: (one.state, one.to_sealed is None) for one in _messages("code")}
        assert states == {known.id: (queue.PENDING, False), nobody.id: (queue.WITHDRAWN, True)}
        with pytest.raises(Exception, match="wrong"):
            confirm(desk, mine, nobody.id, "000000")
        drain(desk)
        assert checks.listing(mine, nobody.id)[0].channel == checks.NO_CHANNEL


class TestReceipt:
    def _notices(self, kind: str) -> list[str]:
        row = models.Notification
        return [str(one.entity_id) for one in row.select().where(row.kind == f"rights_request.{kind}")]

    def test_a_request_without_an_address_is_a_notice_at_once(self, core: Core, mine: str, ask: Ask) -> None:
        ask()
        request = _phone_only(core, mine)
        drain(core)
        assert self._notices("unconfirmed") == [request.id]

    def test_the_day_to_confirm_receipt_by_is_told_once_where_nobody_did(
        self, core: Core, mine: str, ask: Ask, clock: HandClock
    ) -> None:
        late, confirmed, german = ask(jurisdiction="US-CA"), ask(jurisdiction="US-CA"), ask()
        assert (late.acknowledge_by, german.acknowledge_by) == ("2099-03-16", None)
        actions.acknowledge(core, mine, confirmed.id, "user:1")
        told = []
        for _ in range(20):
            clock.forward(86_400)
            if acknowledging.sweep(core):
                told.append(clock().date().isoformat())
        assert told == ["2099-03-16"]
        assert self._notices("acknowledgement_due") == [late.id]
        [entry] = leaves(mine, acknowledging.KIND)
        assert entry["request"] == late.id

    def test_an_answer_confirms_receipt(self, core: Core, mine: str, ask: Ask, clock: HandClock) -> None:
        request = ask(jurisdiction="US-CA")
        models.RightsRequest.update(state="review").execute()
        answering.respond(core, mine, request.id, "user:1", "partly", "Not the letters.")
        clock.forward(30 * 86_400)
        assert acknowledging.sweep(core) == 0
        assert self._notices("acknowledgement_due") == []
