"""What the desk sees of messages: that they were, and what couldn't be sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from flow import HandClock, drain, leaves
from postbox import Postbox

from dxflow.engine.core import Core
from dxflow.engine.desk import checks, messages, settings
from dxflow.engine.errors import Conflict, NotFound
from dxflow.engine.services import tenants
from dxflow.engine.store import models

from .conftest import Ask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADA = "ada@shop.example"


@pytest.fixture
def unsent(core: Core, mine: str, ask: Ask) -> models.Message:
    """The confirmation of a request, in an installation without a mail server."""
    request = ask()
    drain(core)
    [message] = messages.listing(mine, request.id)
    assert (message.kind, message.state) == ("acknowledged", "unsent")
    return message


def test_what_couldnt_be_sent_is_read_and_that_is_written_down(
    core: Core, mine: str, unsent: models.Message
) -> None:
    read = messages.read(core, mine, unsent.id, "user:1")
    assert read is not None
    assert (read.to, read.subject) == (ADA, "We received your request")
    [leaf] = leaves(mine, "personal_data.read")
    assert (leaf["page"], leaf["message"], leaf["actor"]) == ("message", unsent.id, "user:1")


def test_sent_after_all_it_is_sent_once(
    core: Core, mine: str, unsent: models.Message, desk: Core, box: Postbox
) -> None:
    assert messages.send_after_all(core, mine, unsent.id, "user:1").state == "pending"
    drain(desk)
    assert len(box.to(ADA)) == 1
    assert messages.read(core, mine, unsent.id, "user:1") is None
    for decide in (messages.send_after_all, messages.withdraw):
        with pytest.raises(Conflict, match="sent"):
            decide(core, mine, unsent.id, "user:1")


def test_one_that_was_forgotten_meanwhile_cant_be_sent(core: Core, mine: str, unsent: models.Message) -> None:
    models.Message.update(to_sealed=None, text_sealed=None).where(models.Message.id == unsent.id).execute()
    with pytest.raises(Conflict, match="nothing is kept"):
        messages.send_after_all(core, mine, unsent.id, "user:1")
    assert messages.read(core, mine, unsent.id, "user:1") is None


def test_days_are_those_of_the_desks_time_zone(core: Core, mine: str, ask: Ask, clock: HandClock) -> None:
    """Received on Monday evening in UTC, which is Tuesday where the controller sits."""
    settings.change(core, mine, "system", {"zone": "Pacific/Auckland"})
    clock.now = datetime(2099, 3, 2, 23, 30, tzinfo=UTC)
    request = ask()
    drain(core)
    [message] = messages.listing(mine, request.id)
    read = messages.read(core, mine, message.id, "user:1")
    assert read is not None
    assert "Received: 3 March 2099" in read.text


def test_withdrawn_it_is_forgotten(core: Core, mine: str, unsent: models.Message) -> None:
    assert messages.withdraw(core, mine, unsent.id, "user:1").to_sealed is None
    with pytest.raises(Conflict, match="withdrawn"):
        messages.send_after_all(core, mine, unsent.id, "user:1")
    [leaf] = leaves(mine, "message.decided")
    assert (leaf["before"], leaf["state"]) == ("unsent", "withdrawn")


def test_a_code_is_shown_to_nobody_at_the_desk(core: Core, mine: str, ask: Ask, desk: Core) -> None:
    """Whoever reads it there could prove to be the person."""
    request = ask()
    checks.send(desk, mine, request.id, "user:1")
    [code] = [one for one in messages.listing(mine, request.id) if one.kind == "code"]
    assert code.text_sealed is not None
    assert messages.read(core, mine, code.id, "user:1") is None


def test_anothers_message_isnt_there(core: Core, unsent: models.Message) -> None:
    theirs = tenants.create(core, "Other", "DE").controller.id
    for call in (messages.read, messages.send_after_all, messages.withdraw):
        with pytest.raises(NotFound):
            call(core, theirs, unsent.id, "user:1")
    assert messages.listing(theirs, str(unsent.request_id)) == []


def test_an_officer_reads_beforehand_what_the_person_will(core: Core, ask: Ask) -> None:
    request = ask()
    read = messages.previews(core, request, ["extension", "denial", "fulfilled", "clarification", "no such"])
    assert set(read) == {"extension", "denial", "fulfilled", "clarification"}
    assert "2 June 2099" in read["extension"].text, "the day that it would be extended to"
    assert request.due == "2099-04-02"
    for written in read.values():
        assert "…" in written.text
        assert request.id in written.text
    assert models.Message.select().count() == 0


def test_what_is_read_beforehand_is_in_the_persons_language(core: Core, ask: Ask) -> None:
    request = ask()
    request.language = "de"
    read = messages.previews(core, request, ["denial"])
    assert read["denial"].language == "de"
