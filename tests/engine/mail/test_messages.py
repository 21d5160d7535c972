"""From a row to a mailbox: once, in the right words, and then forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from flow import HandClock, claim, drain, events, leaves, run
from mailserver import DROP, MailServer, mail_server

from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure
from dxflow.engine.errors import TransientError
from dxflow.engine.mail import queue as messages
from dxflow.engine.mail.queue import queue
from dxflow.engine.mail.smtp import Smtp
from dxflow.engine.platforms.base import Person
from dxflow.engine.post import Post
from dxflow.engine.rights import team
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.steps import message as step
from dxflow.engine.store import models

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

SENDER = "privacy@acme.example"
ADA = "ada@people.example"


@pytest.fixture
def server() -> Iterator[MailServer]:
    with mail_server() as made:
        yield made


@pytest.fixture
def posting(core: Core, server: MailServer) -> Core:
    """The core with a mail server."""
    transport = Smtp.at(server.url(), SENDER, answer_s=0.5)
    return replace(core, post=Post(transport, SENDER, "https://edge.example"))


@pytest.fixture
def request_id(core: Core, tenant: NewTenant) -> str:
    made = requests.create(core, tenant.controller.id, "system", "access", Person(email=ADA))
    drain(core)
    models.Message.delete().execute()
    models.Event.delete().where(models.Event.workflow == "message").execute()
    return str(made.id)


def a_message(core: Core, tenant: NewTenant, kind: str = "cancelled", **more: object) -> models.Message:
    values = {"reference": "r-1", "type": "access", **more.pop("values", {})}  # type: ignore[dict-item]  # a test's own
    to = str(more.pop("to", ADA))
    with core.store.transaction():
        return queue(core, tenant.controller.id, kind, to, values=values, **more)  # type: ignore[arg-type]  # as above


def now(message: models.Message) -> models.Message:
    return models.Message.get_by_id(message.id)


def the_event(message: models.Message) -> models.Event:
    """The one that the message's INSERT started."""
    return next(one for one in events("message") if one.entity_id == message.id)


def test_a_message_is_sent_once_and_then_forgotten(
    posting: Core, tenant: NewTenant, server: MailServer, request_id: str
) -> None:
    message = a_message(posting, tenant, "acknowledged", values={}, request_id=request_id, language="de")
    drain(posting)
    [one] = server.received
    assert one.recipients == [ADA]
    assert one.message["From"] == f"Acme Shop <{SENDER}>"
    assert one.message["Message-ID"] == f"<{message.id}@acme.example>"
    assert one.message["References"] == f"<request-{request_id}@acme.example>"
    assert "Auskunft über Ihre personenbezogenen Daten" in one.text
    assert "Aktenzeichen: r-1" in one.text
    sent = now(message)
    assert (sent.state, sent.to_sealed, sent.text_sealed, sent.claimed_until) == ("sent", None, None, None)
    assert sent.sent_at is not None
    assert {event.state for event in events("message")} == {"done"}
    said = [leaf for leaf in leaves(tenant.controller.id, "workflow.step") if leaf["workflow"] == "message"]
    assert [leaf["outcome"] for leaf in said[-2:]] == ["sent", "unchanged"]
    assert (said[-2]["message"], said[-2]["request"]) == ("acknowledged", request_id)
    assert ADA not in str(said)


def test_receipt_is_confirmed_when_that_was_sent(
    posting: Core, tenant: NewTenant, server: MailServer, clock: HandClock
) -> None:
    """Not when it was written down, and not twice."""
    server.answers["*"] = ["450 later", "ok"]
    made = requests.create(posting, tenant.controller.id, "system", "access", Person(email=ADA))
    drain(posting)
    assert models.RightsRequest.get_by_id(made.id).acknowledged_at is None
    clock.forward(31)
    drain(posting)
    [message] = models.Message.select()
    assert message.kind == "acknowledged"
    assert models.RightsRequest.get_by_id(made.id).acknowledged_at == message.sent_at
    a_message(posting, tenant, "acknowledged", values={"received": "2099-01-01"}, request_id=made.id)
    drain(posting)
    assert models.RightsRequest.get_by_id(made.id).acknowledged_at == message.sent_at


def test_what_waits_is_sealed_and_nothing_says_whom_it_is_for(core: Core, tenant: NewTenant) -> None:
    message = a_message(core, tenant)
    raw = bytes(message.to_sealed) + bytes(message.text_sealed)
    assert b"people.example" not in raw
    assert b"Acme" not in raw
    read = messages.letter(core, now(message))
    assert read is not None
    assert (read.to, read.subject) == (ADA, "Your request was ended")


def test_an_event_that_comes_twice_sends_once(posting: Core, tenant: NewTenant, server: MailServer) -> None:
    a_message(posting, tenant)
    [dispatch] = [one for one in claim(posting) if one.workflow == "message"]
    run(posting, dispatch)
    run(posting, dispatch)
    assert len(server.received) == 1


def test_one_that_was_handed_over_is_not_sent_again_whatever_became_of_its_event(
    posting: Core, tenant: NewTenant, server: MailServer
) -> None:
    message = a_message(posting, tenant)
    step.hand_over(posting, [the_event(message)], None)  # and then the process is gone
    assert (now(message).state, len(server.received)) == ("pending", 1)
    drain(posting)
    assert (now(message).state, len(server.received)) == ("sent", 1)


def test_one_whose_worker_died_while_it_spoke_waits_until_the_claim_is_over(
    posting: Core, tenant: NewTenant, server: MailServer, clock: HandClock
) -> None:
    message = a_message(posting, tenant)
    assert step._claim(posting, message)  # and then the process is gone
    drain(posting)
    assert server.received == []
    assert "another worker" in str(the_event(message).error)
    clock.forward(step.CLAIM_S)
    drain(posting)
    assert (now(message).state, len(server.received)) == ("sent", 1)


def test_a_server_that_puts_strangers_off_is_asked_again_after_minutes(
    posting: Core, tenant: NewTenant, server: MailServer, clock: HandClock
) -> None:
    server.answers["*"] = ["450 4.2.0 greylisted"]
    message = a_message(posting, tenant)
    waits = []
    for _ in range(posting.policy.max_attempts - 1):
        drain(posting)
        event = the_event(message)
        assert event.state == "retrying"
        assert event.due_at is not None
        waits.append(round((event.due_at - clock()).total_seconds()))
        clock.forward(waits[-1] + 1)
    assert waits == [30, 60, 120, 240, 480, 600, 600]
    server.answers.clear()
    drain(posting)
    assert now(message).state == "sent"
    assert len(server.received) == 1


def test_one_that_is_refused_for_good_fails_and_can_be_replayed(
    posting: Core, tenant: NewTenant, server: MailServer
) -> None:
    server.answers["gone@people.example"] = ["550 5.1.1 <gone@people.example> no such user"]
    lost, fine = a_message(posting, tenant, to="gone@people.example"), a_message(posting, tenant)
    drain(posting)
    event = the_event(lost)
    assert (event.state, event.attempts) == ("failed", 1)
    assert "550 5.1.1" in str(event.error)
    assert "gone@" not in str(event.error)
    assert (now(lost).state, now(lost).claimed_until) == ("pending", None)
    assert now(fine).state == "sent"
    assert now(lost).to_sealed is not None


def test_an_address_that_is_none_fails_by_itself(
    posting: Core, tenant: NewTenant, server: MailServer
) -> None:
    lost = a_message(posting, tenant, to="ada@people.example\r\nBcc: b@people.example")
    fine = a_message(posting, tenant)
    drain(posting)
    assert (the_event(lost).state, now(fine).state) == ("failed", "sent")
    assert "people" not in str(the_event(lost).error)
    assert len(server.received) == 1


def test_without_a_server_it_stays_readable_and_nothing_fails(core: Core, tenant: NewTenant) -> None:
    message, code = a_message(core, tenant), a_code(core, tenant)
    drain(core)
    assert (now(message).state, the_event(message).state) == ("unsent", "done")
    read = messages.letter(core, now(message))
    assert read is not None
    assert read.to == ADA
    assert now(message).sent_at is None
    assert (now(code).state, now(code).text_sealed) == ("withdrawn", None)


def a_code(core: Core, tenant: NewTenant, **more: object) -> models.Message:
    values = {"code": "123456", "link": "https://edge.example/x", "received": "2099-03-02"}
    return a_message(core, tenant, "code", values=values, **more)


def test_what_was_unsent_is_forgotten_one_day(core: Core, tenant: NewTenant, clock: HandClock) -> None:
    message = a_message(core, tenant)
    drain(core)
    assert messages.forget(core) == 0
    clock.forward(messages.KEPT.total_seconds() + 1)
    assert messages.forget(core) == 1
    assert (now(message).state, now(message).to_sealed) == ("withdrawn", None)
    drain(core)
    assert {event.state for event in events("message")} == {"done"}


def test_a_message_that_holds_no_longer_is_not_sent(
    posting: Core, tenant: NewTenant, server: MailServer, clock: HandClock
) -> None:
    late = a_code(posting, tenant, valid_until=clock())
    clock.forward(1)
    drain(posting)
    assert server.received == []
    assert (now(late).state, now(late).text_sealed) == ("withdrawn", None)


def test_who_is_erased_hears_of_that_and_of_nothing_else(
    posting: Core, tenant: NewTenant, server: MailServer
) -> None:
    subject, _ = subjects.enter(posting, tenant.controller.id, Person(email=ADA), "system")
    whose = str(subject.id)
    ordinary = a_message(posting, tenant, subject_id=whose)
    telling = a_message(posting, tenant, "erased", values={"gone": "all"}, subject_id=whose)
    erasure.erase(posting, tenant.controller.id, whose, "system", reason="request")
    drain(posting)
    assert (now(ordinary).state, now(ordinary).text_sealed) == ("withdrawn", None)
    assert now(telling).state == "sent"
    assert [one.message["Subject"] for one in server.received] == ["Your data was erased"]


def test_erasing_withdraws_what_waits(core: Core, tenant: NewTenant, request_id: str) -> None:
    whose = core.new_id()
    kept = [
        a_message(core, tenant, "erased", values={"gone": "all"}, subject_id=whose),
        a_message(core, tenant, subject_id=core.new_id()),
        a_message(core, tenant, "team_received", values={"received": "2099-01-01"}, request_id=request_id),
    ]
    gone = [a_message(core, tenant, subject_id=whose), a_message(core, tenant, request_id=request_id)]
    with core.store.transaction():
        assert messages.withdraw_all(tenant.controller.id, [whose], [request_id]) == 2
    assert {now(one).state for one in gone} == {"withdrawn"}
    assert {now(one).state for one in kept} == {"pending"}


def test_a_row_that_was_withdrawn_or_deleted_sends_nothing(
    posting: Core, tenant: NewTenant, server: MailServer
) -> None:
    withdrawn, deleted = a_message(posting, tenant), a_message(posting, tenant)
    messages.close(withdrawn, "withdrawn", posting.clock())
    deleted.delete_instance()
    drain(posting)
    assert server.received == []
    assert {event.state for event in events("message")} == {"done"}


def test_released_after_a_server_was_set_it_is_sent(
    core: Core, posting: Core, tenant: NewTenant, server: MailServer
) -> None:
    message = a_message(core, tenant)
    drain(core)
    models.Message.update(state="pending").where(models.Message.id == message.id).execute()
    drain(posting)
    assert (now(message).state, len(server.received)) == ("sent", 1)


def test_withdrawn_while_it_is_handed_over_it_was_sent(
    posting: Core, tenant: NewTenant, server: MailServer
) -> None:
    message = a_message(posting, tenant)
    event = the_event(message)
    prepared = step.hand_over(posting, [event], None)
    messages.close(message, "withdrawn", posting.clock())
    assert step.send(posting, event, prepared).name == "sent"
    assert now(message).state == "sent"


def test_what_others_write_meanwhile_is_not_taken_for_sent(
    posting: Core, tenant: NewTenant, server: MailServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message that appears while a batch is under way was prepared by nobody; it waits for its own turn."""
    first, made = a_message(posting, tenant), []
    real = step.close

    def close_and_write(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]  # as it was called
        if not made:
            made.append(a_message(posting, tenant))

    monkeypatch.setattr(step, "close", close_and_write)
    drain(posting)
    assert (now(first).state, now(made[0]).state) == ("sent", "sent")
    assert len(server.received) == 2
    assert the_event(made[0]).attempts == 0


def test_a_batch_whose_connection_breaks_loses_nothing_and_repeats_nothing(
    posting: Core, tenant: NewTenant, server: MailServer, clock: HandClock
) -> None:
    server.answers["DATA"] = ["ok", DROP, "ok", "451 later", "ok"]
    written = [a_message(posting, tenant) for _ in range(5)]
    drain(posting)
    clock.forward(31)
    drain(posting)
    assert {now(one).state for one in written} == {"sent"}
    ids = [str(one.message["Message-ID"]) for one in server.received]
    assert sorted(ids) == sorted(f"<{one.id}@acme.example>" for one in written)


def test_answers_to_a_person_reach_the_team_and_the_team_hears_in_its_language(
    posting: Core, tenant: NewTenant, server: MailServer, request_id: str
) -> None:
    owner = tenant.controller.id
    request = models.RightsRequest.get_by_id(request_id)
    team.tell_of_request(posting, request)
    assert not models.Message.select().where(models.Message.kind == "team_received").exists()
    place = {"table": "rights_desks", "column": "team_email_sealed", "row_id": owner}
    models.RightsDesk.create(
        tenant_id=owner,
        team_email_sealed=posting.keys.seal(owner, b"team@acme.example", **place),
        zone="Europe/Berlin",
        languages=["fr", "en"],
        embed_origins=[],
        form_open=True,
        package_days=14,
        updated_at=posting.clock(),
        force_insert=True,
    )
    team.tell_of_request(posting, request)
    a_message(posting, tenant, request_id=request_id)
    drain(posting)
    to_team, to_person = server.received
    assert to_team.recipients == ["team@acme.example"]
    assert to_team.message["Reply-To"] is None
    assert "Nouvelle demande" in str(to_team.message["Subject"])
    assert f"https://edge.example/dashboard/requests/{request_id}" in to_team.text
    assert ADA not in to_team.text
    assert to_person.message["Reply-To"] == "team@acme.example"


def test_an_unknown_kind_writes_nothing(core: Core, tenant: NewTenant) -> None:
    with pytest.raises(LookupError):
        a_message(core, tenant, "greeting")
    assert models.Message.select().count() == 0


def test_a_database_that_is_away_is_not_the_messages_fault(
    posting: Core, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = a_message(posting, tenant)
    event = the_event(message)

    def away(*_: object) -> bool:
        raise TransientError("away")

    monkeypatch.setattr(step, "_claim", away)
    prepared = step.hand_over(posting, [event], None)
    assert isinstance(prepared[event.id], TransientError)
