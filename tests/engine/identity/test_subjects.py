"""Matching: who a body is about, by keyed links alone, and never by a silent merge."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import pytest
from flow import at_once
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Invalid, TransientError
from dxflow.engine.identity import did
from dxflow.engine.identity.subjects import Match, Origin
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

TELEPHONE = "+4930123456"
EARLY, LATE = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def _match(
    core: Core, tenant: NewTenant, at: datetime | None = None, create: bool = True, **person: object
) -> Match:
    origin = Origin(tenant.controller.id, "test", None, at)
    with core.store.transaction():
        return core.subjects.match(origin, Person(**person), create=create, region="DE")  # type: ignore[arg-type]


def _id(match: Match) -> str:
    assert match.subject is not None
    return str(match.subject.id)


@pytest.mark.parametrize(
    "spelling", ["Ada@Shop.Example", " ada@shop.example ", "ADA@SHOP.EXAMPLE", "ada@shop.example"]
)
def test_every_spelling_of_an_address_finds_the_same_subject(
    core: Core, tenant: NewTenant, spelling: str
) -> None:
    first = _match(core, tenant, email="ada@shop.example")
    again = _match(core, tenant, email=spelling)
    assert (first.outcome, again.outcome) == ("created", "matched")
    assert _id(first) == _id(again)


@pytest.mark.parametrize("spelling", ["030 123456", "+49 30 123456", "0049 30/123456", "+4930123456"])
def test_every_spelling_of_a_telephone_finds_the_same_subject(
    core: Core, tenant: NewTenant, spelling: str
) -> None:
    first = _match(core, tenant, phone=TELEPHONE)
    assert _id(_match(core, tenant, phone=spelling)) == _id(first)


def test_links_of_two_tenants_have_no_byte_string_in_common(core: Core, tenant: NewTenant) -> None:
    other = tenants.create(core, "Other", "DE")
    person = Person("ada@shop.example", TELEPHONE, "Ada", (("crm", "1"),))
    ours, theirs = (
        {link.link for link in core.subjects.links.of(owner.controller.id, person, "DE")}
        for owner in (tenant, other)
    )
    assert len(ours) == len(theirs) == 3
    assert not ours & theirs


def test_equal_texts_of_two_kinds_are_two_links(core: Core, tenant: NewTenant) -> None:
    person = Person(phone=TELEPHONE, external_ids=(("", TELEPHONE), ("crm", TELEPHONE)))
    links = core.subjects.links.of(tenant.controller.id, person, "DE")
    assert len({link.link for link in links}) == 3


def test_a_name_never_matches_and_never_creates(core: Core, tenant: NewTenant) -> None:
    _match(core, tenant, email="ada@shop.example", name="Ada Byron")
    assert _match(core, tenant, name="Ada Byron") == Match("unknown", None)


@pytest.mark.parametrize(
    "nothing", [{}, {"email": "no address"}, {"phone": "12"}, {"external_ids": (("crm", " "),)}]
)
def test_what_identifies_nobody_creates_nobody(
    core: Core, tenant: NewTenant, nothing: dict[str, object]
) -> None:
    assert _match(core, tenant, **nothing).outcome == "unknown"
    assert models.DataSubject.select().count() == 0


def test_somebody_unknown_is_created_only_when_that_is_allowed(core: Core, tenant: NewTenant) -> None:
    assert _match(core, tenant, create=False, email="ada@shop.example").outcome == "unknown"
    assert models.DataSubject.select().count() == 0


def test_a_new_identifier_joins_the_subject_its_companions_found(core: Core, tenant: NewTenant) -> None:
    first = _match(core, tenant, email="ada@shop.example")
    both = _match(core, tenant, email="ada@shop.example", external_ids=(("crm", "1"),))
    alone = _match(core, tenant, external_ids=(("crm", "1"),))
    assert _id(first) == _id(both) == _id(alone)


def test_the_stronger_identifier_decides_and_the_other_is_a_conflict(core: Core, tenant: NewTenant) -> None:
    by_mail = _match(core, tenant, email="ada@shop.example")
    by_id = _match(core, tenant, external_ids=(("crm", "1"),))
    both = {"email": "ada@shop.example", "external_ids": (("crm", "1"),)}
    plain = _match(core, tenant, **both)
    verified = _match(core, tenant, **both, email_verified=True)
    assert (_id(plain), plain.conflicts) == (_id(by_id), ("email",))
    assert (_id(verified), verified.conflicts) == (_id(by_mail), ("external_id",))
    owners = {link.subject_id for link in models.DataSubjectLink.select()}
    assert owners == {_id(by_mail), _id(by_id)}


def test_no_profile_shows_an_identifier_that_is_somebody_elses(core: Core, tenant: NewTenant) -> None:
    _match(core, tenant, email="eve@shop.example", phone=TELEPHONE)
    ada = _match(core, tenant, email="ada@shop.example", external_ids=(("crm", "1"),))
    both = _match(
        core, tenant, email="eve@shop.example", phone=TELEPHONE, name="Ada", external_ids=(("crm", "1"),)
    )
    assert (_id(both), both.conflicts) == (_id(ada), ("email", "phone"))
    said = core.subjects.profile(models.DataSubject.get_by_id(_id(ada)))
    assert said == {"email": "ada@shop.example", "name": "Ada", "external_ids": {"crm": "1"}}


def test_who_moves_to_somebody_elses_address_keeps_their_own(core: Core, tenant: NewTenant) -> None:
    ada = _match(core, tenant, email="ada@shop.example")
    _match(core, tenant, email="eve@shop.example")
    origin = Origin(tenant.controller.id, "test", None, None)
    before, after = Person(email="ada@shop.example"), Person(email="eve@shop.example", name="Ada")
    with core.store.transaction():
        moved = core.subjects.move(origin, before, after, "DE")
    assert (moved.outcome, moved.conflicts) == ("moved", ("email",))
    said = core.subjects.profile(models.DataSubject.get_by_id(_id(ada)))
    assert said == {"email": "ada@shop.example", "name": "Ada"}


def test_a_shared_telephone_joins_nobody_who_has_another_address(core: Core, tenant: NewTenant) -> None:
    first = _match(core, tenant, email="ada@shop.example", phone=TELEPHONE)
    second = _match(core, tenant, email="eve@shop.example", phone=TELEPHONE)
    assert (second.outcome, second.conflicts) == ("created", ("phone",))
    assert _id(first) != _id(second)
    assert _id(_match(core, tenant, phone=TELEPHONE)) == _id(first)


def test_a_telephone_alone_may_find_its_owner_and_bring_the_first_address(
    core: Core, tenant: NewTenant
) -> None:
    first = _match(core, tenant, phone=TELEPHONE)
    second = _match(core, tenant, email="ada@shop.example", phone=TELEPHONE)
    assert (second.outcome, _id(second)) == ("matched", _id(first))


def test_an_older_statement_of_the_same_source_changes_nothing(core: Core, tenant: NewTenant) -> None:
    _match(core, tenant, LATE, email="ada@shop.example", name="New")
    stale = _match(core, tenant, EARLY, email="ada@shop.example", name="Old", phone=TELEPHONE)
    assert stale.outcome == "stale"
    assert core.subjects.profile(models.DataSubject.get())["name"] == "New"
    assert models.DataSubjectLink.select().count() == 1
    assert _match(core, tenant, LATE, email="ada@shop.example", name="Same time").outcome == "matched"
    assert _match(core, tenant, None, email="ada@shop.example", name="Timeless").outcome == "matched"


def test_what_a_later_body_leaves_out_stays_known(core: Core, tenant: NewTenant) -> None:
    _match(core, tenant, email="ada@shop.example", name="Ada", external_ids=(("crm", "1"),))
    _match(core, tenant, email="ada@shop.example", phone=TELEPHONE)
    assert core.subjects.profile(models.DataSubject.get()) == {
        "email": "ada@shop.example",
        "name": "Ada",
        "phone": TELEPHONE,
        "external_ids": {"crm": "1"},
    }


def test_a_subject_has_the_did_of_its_id_and_a_sealed_profile(core: Core, tenant: NewTenant) -> None:
    subject = _match(core, tenant, email="ada@shop.example").subject
    assert subject is not None
    assert subject.did == did.derive(subject.id)
    assert b"ada@" not in bytes(models.DataSubject.get().profile_sealed)


def test_a_profile_opens_in_its_own_row_alone(core: Core, tenant: NewTenant) -> None:
    _match(core, tenant, email="ada@shop.example")
    _match(core, tenant, email="eve@shop.example")
    ada, eve = models.DataSubject.select()
    eve.profile_sealed, eve.key_wrapped = ada.profile_sealed, ada.key_wrapped
    with pytest.raises(Exception, match="altered"):
        core.subjects.profile(eve)


def test_a_did_is_never_given_to_a_second_record(core: Core, tenant: NewTenant) -> None:
    entity = str(uuid.uuid4())
    with core.store.transaction():
        name = core.subjects.claim(entity, "data_subject", tenant.controller.id)
        assert core.subjects.claim(entity, "data_subject", tenant.controller.id) == name
        with pytest.raises(Conflict):
            core.subjects.claim(entity, "processing_activity", tenant.controller.id)
        with pytest.raises(Conflict):
            core.subjects.claim(entity, "data_subject", str(uuid.uuid4()))


def test_a_subject_under_an_id_that_can_be_guessed_is_refused(core: Core, tenant: NewTenant) -> None:
    origin = Origin(tenant.controller.id, "test", None, None)
    person, guessable = Person(email="ada@shop.example"), "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
    with pytest.raises(Invalid), core.store.transaction():
        core.subjects.match(origin, person, create=True, subject_id=guessable)
    assert models.Did.select().where(models.Did.kind == "data_subject").count() == 0


def test_links_that_keep_changing_are_a_matter_of_trying_again(
    core: Core, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    _match(core, tenant, email="ada@shop.example")
    monkeypatch.setattr(type(core.subjects.links), "owners", lambda *_: {})
    with pytest.raises(TransientError):
        _match(core, tenant, email="ada@shop.example")
    assert models.DataSubject.select().count() == 1


def test_fifty_threads_that_meet_somebody_new_make_one_subject(core: Core, tenant: NewTenant) -> None:
    calls = [
        lambda n=n: _match(core, tenant, email="ada@shop.example", external_ids=(("crm", str(n % 5)),))
        for n in range(50)
    ]
    results = at_once(core, calls)
    assert all(isinstance(result, Match) for result in results), results
    assert len({_id(result) for result in results}) == 1  # type: ignore[arg-type]
    assert sorted({result.outcome for result in results}) == ["created", "matched"]  # type: ignore[union-attr]
    assert models.DataSubject.select().count() == 1
    assert models.DataSubjectLink.select().count() == 6
    assert models.Did.select().where(models.Did.kind == "data_subject").count() == 1


def test_two_people_who_trade_identifiers_at_once_end_without_a_merge(core: Core, tenant: NewTenant) -> None:
    people = [{"email": f"p{n % 3}@shop.example", "external_ids": (("crm", str(n % 4)),)} for n in range(24)]
    results = at_once(core, [lambda person=person: _match(core, tenant, **person) for person in people])
    assert any(isinstance(result, Match) for result in results)
    assert {type(result).__name__ for result in results} <= {"Match", "Unavailable"}, (
        "a deadlock's victim waits"
    )
    links = models.DataSubjectLink
    assert links.select().count() == links.select(links.link).distinct().count()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=st.text(max_size=40), other=st.text(max_size=40))
def test_external_ids_are_one_link_exactly_when_they_are_one_text(
    core: Core, tenant: NewTenant, value: str, other: str
) -> None:
    one, two = (
        [
            link.link
            for link in core.subjects.links.of(tenant.controller.id, Person(external_ids=(("crm", v),)))
        ]
        for v in (value, other)
    )
    assert (one == two) == (value.strip() == other.strip())
