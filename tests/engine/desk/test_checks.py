"""Proof of who asks, attacked: guessed at, used twice, sent to strangers, asked of the wrong person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flow import HandClock, Sender, customer, drain, leaves
from postbox import Postbox, with_post

from dxflow.engine import rotation
from dxflow.engine.core import Core
from dxflow.engine.desk import actions, checks
from dxflow.engine.desk.checks import confirm, confirm_link, send
from dxflow.engine.desk.duplicates import find_duplicates
from dxflow.engine.errors import Conflict, Invalid, NotAuthentic, NotFound, TooManyAttempts
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.people.devices import Client
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.store import models

from .conftest import Ask

pytestmark = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)

ADA, MALLORY = "ada@shop.example", "mallory@evil.example"


def stranger(core: Core, mine: str, type: str = "access", email: str = MALLORY) -> models.RightsRequest:
    """Somebody who isn't on file asks."""
    return requests.create(core, mine, "system", type, Person(email=email), jurisdiction="DE")


def now(request: models.RightsRequest) -> models.RightsRequest:
    return models.RightsRequest.get_by_id(request.id)


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_the_code_proves_who_asks_and_the_request_goes_on(
    desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    request = ask()
    until = send(desk, mine, request.id, "system")
    assert until - clock() < checks.LIVES
    code = box.code(desk, ADA)
    assert "10 minutes" in box.to(ADA, "code")[0]
    found = confirm(desk, mine, request.id, f" {code[:3]} {code[3:]} ")
    assert (found.level, found.enough, found.purpose) == ("channel", True, "verify")
    proven = now(request)
    assert (proven.state, proven.verified_by) == ("identity_verified", "channel")
    assert proven.verified_at is not None


def test_the_link_does_the_same(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    token = box.token(desk, ADA)
    assert f"https://edge.example/request/{mine}/confirm?token={token}" in box.to(ADA, "code")[0]
    assert confirm_link(desk, token).request_id == request.id
    assert now(request).state == "identity_verified"


def test_neither_code_nor_link_is_kept(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code, token = box.code(desk, ADA), box.token(desk, ADA)
    [row] = checks.listing(mine, request.id)
    assert code not in str(row.__data__)
    assert token not in str(row.__data__)
    assert code not in str(leaves(mine))
    assert models.Message.get(kind="code").text_sealed is None


def test_a_code_or_link_is_used_once(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code, token = box.code(desk, ADA), box.token(desk, ADA)
    confirm_link(desk, token)
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, request.id, code)
    with pytest.raises(NotAuthentic):
        confirm_link(desk, token)


def test_a_code_takes_three_guesses_and_the_right_one_comes_too_late_then(
    desk: Core, mine: str, ask: Ask, box: Postbox
) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code = box.code(desk, ADA)
    for _ in range(checks.GUESSES):
        with pytest.raises(NotAuthentic):
            confirm(desk, mine, request.id, wrong(code))
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, request.id, code)
    assert now(request).verified_at is None
    [failed] = leaves(mine, "identity_check.failed")
    assert failed["request"] == request.id


def test_others_guesses_dont_keep_the_person_from_their_link(
    desk: Core, mine: str, ask: Ask, box: Postbox
) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    token = box.token(desk, ADA)
    for _ in range(checks.GUESSES):
        with pytest.raises(NotAuthentic):
            confirm(desk, mine, request.id, "not it")
    assert confirm_link(desk, token).enough


def test_the_third_guess_may_be_right(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code = box.code(desk, ADA)
    for _ in range(checks.GUESSES - 1):
        with pytest.raises(NotAuthentic):
            confirm(desk, mine, request.id, wrong(code))
    assert confirm(desk, mine, request.id, code).enough


@pytest.mark.parametrize(
    "given", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "\0\0\0\0\0\0", "12 34\n", "-12345"]
)
def test_what_is_no_code_is_refused_and_counted(desk: Core, mine: str, ask: Ask, given: str) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, request.id, given)
    assert checks.listing(mine, request.id)[0].failures == 1


def test_after_ten_minutes_it_is_over(
    desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code, token = box.code(desk, ADA), box.token(desk, ADA)
    clock.forward(checks.LIVES.total_seconds())
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, request.id, code)
    with pytest.raises(NotAuthentic):
        confirm_link(desk, token)


def test_one_that_was_delayed_past_its_life_isnt_sent(
    desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    clock.forward(checks.LIVES.total_seconds())
    assert box.codes(desk) == []
    assert models.Message.get(kind="code").state == "withdrawn"


def test_a_new_code_ends_the_one_before(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    first, link = box.code(desk, ADA), box.token(desk, ADA)
    send(desk, mine, request.id, "system")
    second = box.code(desk, ADA)
    with pytest.raises(NotAuthentic):
        confirm_link(desk, link)
    if first != second:
        with pytest.raises(NotAuthentic):
            confirm(desk, mine, request.id, first)
    assert confirm(desk, mine, request.id, second).enough


def test_a_code_is_good_for_its_own_request_and_purpose_alone(
    desk: Core, mine: str, ask: Ask, box: Postbox
) -> None:
    one, other = ask(), ask("erasure")
    send(desk, mine, one.id, "system")
    code = box.code(desk, ADA)
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, other.id, code)
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, one.id, code, purpose="release")
    assert confirm(desk, mine, one.id, code).request_id == one.id


def test_another_data_controllers_request_isnt_there(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code = box.code(desk, ADA)
    theirs = tenants.create(desk, "Other", "DE").controller.id
    with pytest.raises(NotFound):
        send(desk, theirs, request.id, "system")
    with pytest.raises(NotAuthentic):
        confirm(desk, theirs, request.id, code)
    assert confirm(desk, mine, request.id, code).tenant_id == mine


def test_five_codes_an_hour(desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock) -> None:
    request = ask()
    for _ in range(checks.AN_HOUR):
        send(desk, mine, request.id, "system")
        clock.forward(600)
    with pytest.raises(TooManyAttempts) as caught:
        send(desk, mine, request.id, "system")
    assert 0 < caught.value.seconds <= 3600
    clock.forward(caught.value.seconds + 1)
    send(desk, mine, request.id, "system")


def test_it_goes_to_the_address_on_file_and_not_to_the_one_that_came_with_the_request(
    desk: Core, mine: str, box: Postbox
) -> None:
    """Pavur: whoever knows a telephone number and a name asked for the data to be sent to them. The telephone
    alone joins it to nobody; here an officer did."""
    ada, _ = subjects.enter(desk, mine, Person(ADA, "+4930123456"), "system")
    request = requests.create(
        desk, mine, "system", "access", Person(MALLORY, "+4930123456", "Ada"), jurisdiction="DE"
    )
    assert request.subject_id is None
    models.RightsRequest.update(subject_id=ada.id).execute()
    send(desk, mine, request.id, "system")
    assert box.codes(desk) == [ADA]


def test_an_address_that_came_after_the_request_proves_nothing(
    desk: Core, mine: str, box: Postbox, clock: HandClock
) -> None:
    subject, _ = subjects.enter(desk, mine, Person(phone="+4930123456"), "system")
    request = requests.create(
        desk, mine, "system", "access", Person(MALLORY, "+4930123456"), jurisdiction="DE"
    )
    clock.forward(60)
    subjects.enter(desk, mine, Person(MALLORY, "+4930123456"), "system")
    assert desk.subjects.profile(models.DataSubject.get_by_id(subject.id))["email"] == MALLORY
    until = send(desk, mine, request.id, "system")
    assert until > clock()
    assert box.codes(desk) == []


def test_an_address_that_a_platform_changed_after_the_request_proves_nothing(
    desk: Core, mine: str, box: Postbox, clock: HandClock
) -> None:
    shop = Sender(desk, mine)
    shop.send("customers/create", customer(1, email=ADA))
    drain(desk)
    clock.forward(1)
    request = requests.create(desk, mine, "system", "access", Person(email=ADA), jurisdiction="DE")
    shop.send("customers/update", customer(1, email=MALLORY, updated_at="2098-03-01T10:00:00Z"))
    drain(desk)
    subject = models.DataSubject.get_by_id(request.subject_id)
    assert desk.subjects.profile(subject)["email"] == MALLORY
    send(desk, mine, request.id, "system")
    assert box.codes(desk) == []


def test_who_is_merged_is_reached_where_they_are_known_now(
    desk: Core, mine: str, ask: Ask, box: Postbox
) -> None:
    request = ask()
    other, _ = subjects.enter(desk, mine, Person("ada@new.example"), "system")
    kept = models.DataSubject.get_by_id(request.subject_id)
    models.DataSubject.update(state="merged", merged_into=kept.id).where(
        models.DataSubject.id == other.id
    ).execute()
    models.RightsRequest.update(subject_id=other.id).where(models.RightsRequest.id == request.id).execute()
    send(desk, mine, request.id, "system")
    assert box.codes(desk) == [ADA]


def test_a_rotated_link_key_makes_no_address_younger(
    desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    request = ask()
    before = {row.created_at for row in models.DataSubjectLink.select()}
    clock.forward(60)
    rotation.rotate_links(desk, mine)
    assert {row.key_version for row in models.DataSubjectLink.select()} == {2}
    assert {row.created_at for row in models.DataSubjectLink.select()} == before
    send(desk, mine, request.id, "system")
    assert box.codes(desk) == [ADA]


def test_who_is_on_file_cant_be_asked(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    """Three senders: one on file, one nobody knows, one who is known and can't be reached. All see the same."""
    subjects.enter(desk, mine, Person(phone="+4930123456"), "system")
    unreachable = requests.create(
        desk, mine, "system", "access", Person(MALLORY, "+4930123456"), jurisdiction="DE"
    )
    three = [ask(), stranger(desk, mine), unreachable]
    sent = [send(desk, mine, one.id, "system") for one in three]
    assert {type(one) for one in sent} == {type(sent[0])}
    assert max(sent) - min(sent) < timedelta(seconds=1)
    said = []
    for one in three:
        for _ in range(checks.GUESSES + 1):
            with pytest.raises(NotAuthentic) as caught:
                confirm(desk, mine, one.id, "not it")
            said.append(str(caught.value))
    assert len(set(said)) == 1
    logged = leaves(mine, "identity_check.sent")
    shapes = {tuple(sorted(set(leaf) - {"seq"})) for leaf in logged}
    assert len(shapes) == 1
    assert len(leaves(mine, "identity_check.failed")) == 3
    assert not any("on_file" in leaf or "sent" in leaf for leaf in logged)
    assert sorted(box.codes(desk)) == sorted([ADA, MALLORY])


def test_a_check_that_went_to_nobody_cant_be_passed(
    desk: Core, mine: str, box: Postbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    subjects.enter(desk, mine, Person(phone="+4930123456"), "system")
    request = requests.create(
        desk, mine, "system", "access", Person(MALLORY, "+4930123456"), jurisdiction="DE"
    )
    monkeypatch.setattr(checks.secrets, "randbelow", lambda _: 42)
    send(desk, mine, request.id, "system")
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, request.id, "000042")
    assert checks.listing(mine, request.id)[0].channel == checks.NO_CHANNEL


def test_who_nobody_knows_proves_an_address_and_no_more(desk: Core, mine: str, box: Postbox) -> None:
    """Enough to object, not to see or erase anything: the request stays where it is."""
    access, objection = stranger(desk, mine), stranger(desk, mine, "objection")
    for request in (access, objection):
        send(desk, mine, request.id, "system")
        found = confirm(desk, mine, request.id, box.code(desk, MALLORY))
        assert found.level == "asserted"
        assert found.enough == (request is objection)
    assert (now(access).state, now(access).verified_at) == ("received", None)
    assert (now(objection).state, now(objection).verified_by) == ("identity_verified", "asserted")


def test_a_package_goes_to_a_channel_on_file_alone(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    known, unknown = ask(), stranger(desk, mine)
    for request in (known, unknown):
        send(desk, mine, request.id, "system", purpose="release", link="/packages/{token}")
    assert box.codes(desk) == [ADA]
    assert "https://edge.example/packages/" in box.to(ADA, "code")[0]
    found = confirm(desk, mine, known.id, box.code(desk, ADA), purpose="release")
    assert (found.purpose, found.enough) == ("release", True)
    assert now(known).state == "received"
    lately = timedelta(minutes=5)
    assert checks.passed(desk, mine, known.id, "release", lately) == found.check_id
    assert checks.passed(desk, mine, known.id, "verify", lately) is None
    assert checks.passed(desk, mine, unknown.id, "release", lately) is None


def test_one_on_hold_for_proof_goes_on(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    request = ask()
    actions.hold(desk, mine, request.id, "system", "identity")
    send(desk, mine, request.id, "system")
    confirm(desk, mine, request.id, box.code(desk, ADA))
    assert now(request).state == "identity_verified"
    assert models.RequestHold.get().ended_at is not None


def test_one_on_hold_for_something_else_stays_and_goes_on_as_proven(
    desk: Core, mine: str, ask: Ask, box: Postbox
) -> None:
    request = ask()
    actions.hold(desk, mine, request.id, "system", "clarification")
    send(desk, mine, request.id, "system")
    confirm(desk, mine, request.id, box.code(desk, ADA))
    assert (now(request).state, now(request).verified_by) == ("on_hold", "channel")
    actions.resume(desk, mine, request.id, "system")
    assert now(request).state == "identity_verified"


def test_nothing_is_sent_for_what_is_over_or_proven(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    over, done = ask(), ask("erasure")
    actions.cancel(desk, mine, over.id, "system")
    send(desk, mine, done.id, "system")
    confirm(desk, mine, done.id, box.code(desk, ADA))
    for request in (over, done):
        with pytest.raises(Conflict):
            send(desk, mine, request.id, "system")
    assert len(box.codes(desk)) == 1


def test_a_code_for_a_request_that_ended_meanwhile_opens_nothing(
    desk: Core, mine: str, ask: Ask, box: Postbox
) -> None:
    request = ask()
    send(desk, mine, request.id, "system")
    code = box.code(desk, ADA)
    actions.cancel(desk, mine, request.id, "system")
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, request.id, code)
    assert now(request).verified_at is None


def test_without_a_mail_server_people_hear_so_at_once(core: Core, mine: str, ask: Ask) -> None:
    request = ask()
    with pytest.raises(Conflict, match="DXFLOW_SMTP_URL"):
        send(core, mine, request.id, "system")
    assert checks.listing(mine, request.id) == []


@pytest.mark.parametrize(
    ("given", "field"), [({"channel": "fax"}, "channel"), ({"purpose": "fun"}, "purpose")]
)
def test_what_isnt_there_is_named(desk: Core, mine: str, ask: Ask, given: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        send(desk, mine, ask().id, "system", **given)  # type: ignore[arg-type]  # one of two texts
    assert caught.value.field == field


def test_a_guess_inside_a_transaction_would_not_stay_counted(desk: Core, mine: str, ask: Ask) -> None:
    request = ask()
    with desk.store.transaction(), pytest.raises(RuntimeError):
        confirm(desk, mine, request.id, "123456")
    with desk.store.transaction(), pytest.raises(RuntimeError):
        send(desk, mine, request.id, "system")


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "\ud800", "é" * 43])
def test_a_link_that_nobody_sent_opens_nothing(desk: Core, mine: str, ask: Ask, token: str) -> None:
    send(desk, mine, ask().id, "system")
    with pytest.raises(NotAuthentic):
        confirm_link(desk, token)


# Fides, GHSA-fq34-xw6c-fphf: limits counted the proxy's address, in the memory of one process.


def test_guesses_are_counted_for_each_client_address_in_the_shared_database(
    desk: Core, mine: str, ask: Ask
) -> None:
    """Two processes (two cores on one database), one guesser who changes the request with every try."""
    other = with_post(desk, Postbox())
    one, blocked = Client(address="203.0.113.7"), 0
    target = ask()
    for number in range(60):
        core = desk if number % 2 else other
        with pytest.raises((NotAuthentic, TooManyAttempts)) as caught:
            confirm(core, mine, core.new_id(), "123456", client=one)
        blocked += caught.type is TooManyAttempts
    assert blocked == 10
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, target.id, "123456", client=Client(address="203.0.113.8"))


def test_guesses_are_counted_for_each_request_wherever_they_come_from(
    desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    """A botnet gets no more tries than one machine."""
    request, refused = ask(), 0
    for number in range(12):
        if number % checks.GUESSES == 0:
            clock.forward(1)
            send(desk, mine, request.id, "system")
        with pytest.raises((NotAuthentic, TooManyAttempts)) as caught:
            confirm(desk, mine, request.id, "not it", client=Client(address=f"203.0.113.{number}"))
        refused += caught.type is TooManyAttempts
    assert refused == 7


def test_a_right_code_gives_its_tries_back(desk: Core, mine: str, ask: Ask, box: Postbox) -> None:
    here = Client(address="203.0.113.7")
    request = ask()
    send(desk, mine, request.id, "system")
    code = box.code(desk, ADA)
    with pytest.raises(NotAuthentic):
        confirm(desk, mine, request.id, wrong(code), client=here)
    confirm(desk, mine, request.id, code, client=here)
    names = {row.name: row.failures for row in models.Attempt.select()}
    assert desk.keys.link_own("attempt_identity_code", request.id) not in names
    assert names[desk.keys.link_own("attempt_address", "203.0.113.7")] == 1


def test_nobodys_mailbox_is_filled_by_many_requests_in_their_name(
    desk: Core, mine: str, ask: Ask, box: Postbox
) -> None:
    """And who asks isn't told: it would say that the address is on file."""
    for _ in range(12):
        send(desk, mine, ask().id, "system")
    assert len(box.codes(desk)) == 5


# Fides, GHSA-qx5f-ghc2-7g5c: an unproven duplicate locked the real person out, and could be approved.


def test_an_unproven_request_in_somebodys_name_locks_nobody_out(
    desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    attackers = ask("erasure")
    clock.forward(60)
    theirs = ask("erasure")
    send(desk, mine, theirs.id, "system")
    confirm(desk, mine, theirs.id, box.code(desk, ADA))
    assert now(theirs).state == "identity_verified"
    assert find_duplicates(desk, now(theirs)) == []
    assert find_duplicates(desk, now(attackers)) == []
    with pytest.raises(Conflict):
        actions.mark_duplicate(desk, mine, theirs.id, "system", attackers.id)


def test_an_unproven_request_is_never_taken_for_a_proven_one(
    desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    """Neither marked, nor let through beside the one that was proven."""
    theirs = ask("erasure")
    send(desk, mine, theirs.id, "system")
    confirm(desk, mine, theirs.id, box.code(desk, ADA))
    clock.forward(60)
    attackers = ask("erasure")
    assert find_duplicates(desk, now(attackers)) == []
    with pytest.raises(Conflict):
        actions.mark_duplicate(desk, mine, attackers.id, "system", theirs.id)
    with pytest.raises(Conflict):
        actions.step(desk, mine, attackers.id, "system", "collect")
    assert now(theirs).state == "identity_verified"


def test_of_two_proven_requests_the_later_is_the_duplicate_and_the_first_goes_on(
    desk: Core, mine: str, ask: Ask, box: Postbox, clock: HandClock
) -> None:
    made = []
    for type in ("erasure", "access", "erasure"):
        made.append(ask(type))
        send(desk, mine, made[-1].id, "system")
        confirm(desk, mine, made[-1].id, box.code(desk, ADA))
        clock.forward(60)
    first, _, later = (now(one) for one in made)
    assert [one.id for one in find_duplicates(desk, later)] == [first.id]
    assert find_duplicates(desk, first) == []
    actions.mark_duplicate(desk, mine, later.id, "system", first.id)
    assert (now(later).state, now(first).state) == ("duplicate", "identity_verified")
    actions.cancel(desk, mine, first.id, "system")
    assert find_duplicates(desk, later) == []


def test_a_proven_address_is_not_a_proven_person(
    desk: Core, mine: str, box: Postbox, clock: HandClock
) -> None:
    """Two objections from one address that nobody knows are no duplicates: nothing says whose they are."""
    made = []
    for _ in range(2):
        made.append(stranger(desk, mine, "objection"))
        send(desk, mine, made[-1].id, "system")
        confirm(desk, mine, made[-1].id, box.code(desk, MALLORY))
        clock.forward(60)
    assert find_duplicates(desk, now(made[1])) == []


@pytest.mark.parametrize(
    ("type", "jurisdiction"),
    [
        ("sale_opt_out", "US-CA"),
        ("sensitive_limit", "CCPA"),
        ("consent_withdrawal", "DE"),
        ("complaint", "UK"),
    ],
)
def test_where_the_law_asks_for_no_proof_none_is_waited_for(
    desk: Core, mine: str, ask: Ask, type: str, jurisdiction: str
) -> None:
    request = ask(type, jurisdiction)
    assert (now(request).state, now(request).verified_by) == ("identity_verified", "none")
    with pytest.raises(Conflict):
        send(desk, mine, request.id, "system")
    assert actions.step(desk, mine, request.id, "system", "collect").state == "data_collection"


def test_two_that_nobody_proved_are_no_duplicates_though_both_go_on(
    desk: Core, mine: str, ask: Ask, clock: HandClock
) -> None:
    """Anybody can opt somebody out; nobody can so end what the person asked for."""
    first = ask("sale_opt_out", "US-CA")
    clock.forward(60)
    later = ask("sale_opt_out", "US-CA")
    assert find_duplicates(desk, now(later)) == []
    with pytest.raises(Conflict):
        actions.mark_duplicate(desk, mine, later.id, "system", first.id)


def test_a_proof_that_wasnt_asked_for_moves_no_clock(ask: Ask) -> None:
    request = ask("complaint", "UK")
    assert not [
        step for step in now(request).clock if "proven" in str(step) or "verified" in str(step).lower()
    ]
