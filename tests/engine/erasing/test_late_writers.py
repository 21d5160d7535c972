"""Somebody is still writing about a person who is being erased, or was: nothing of it stays."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import timedelta

import bodies
import pytest
from flow import HandClock, Sender, advance, at_once, claim, customer, drain, leaves, run, seeing

from dxflow.engine.core import Core
from dxflow.engine.desk import moves
from dxflow.engine.erasing import erasure, rows
from dxflow.engine.errors import StaleFence, Unavailable
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights.telling import tell
from dxflow.engine.services import acts
from dxflow.engine.services.audit import verifying
from dxflow.engine.services.rights import requests
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models
from waiting import wait_until

ADA = "ada.canary@shop.example"
BODY = customer(1, email=ADA)


def _subject(core: Core, tenant: NewTenant) -> models.DataSubject:
    found = core.subjects.find(tenant.controller.id, Person(email=ADA))
    assert found is not None
    return found


@pytest.fixture
def ada(core: Core, tenant: NewTenant, shopify: Sender) -> models.DataSubject:
    """A customer, worked to the end."""
    shopify.send("customers/create", BODY)
    drain(core)
    return _subject(core, tenant)


def _erase(core: Core, tenant: NewTenant, subject_id: str) -> erasure.Erased:
    return erasure.erase(core, tenant.controller.id, subject_id, "system", reason="request")


def _nothing_is_left(core: Core, subject_id: str) -> None:
    """Nothing that opens, finds or confirms, and the log is whole."""
    row = models.DataSubject.get_by_id(subject_id)
    assert (row.state, row.key_wrapped, row.profile_sealed, row.intake) == ("erased", None, None, None)
    assert not rows.left_behind([subject_id])
    event, salt = models.Event, models.AuditSalt
    events = {one.id for one in event.select(event.id).where(event.subject_id == subject_id)}
    entries = models.AuditEntry.select().join(
        salt,
        on=(salt.tenant_id == models.AuditEntry.tenant_id) & (salt.seq == models.AuditEntry.seq),
    )
    assert [entry.seq for entry in entries if json.loads(entry.leaf).get("event") in events] == []
    assert verifying.verify_logs(core).problems == []


def test_no_salt_is_left_of_any_step_of_the_person_s_events(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    """Also of those before the steps knew whom it was about."""
    _erase(core, tenant, ada.id)
    _nothing_is_left(core, ada.id)
    assert drain(core), "the triggers noticed the erasure itself"
    _nothing_is_left(core, ada.id)
    assert erasure.sweep(core) == 0


def test_what_is_logged_about_somebody_erased_keeps_neither_salt_nor_act(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    _erase(core, tenant, ada.id)
    before = models.ActPayload.select().count()
    with core.store.transaction():
        about = (Leaf("workflow.step", {}, {"subject": one}, (one,)) for one in (ada.id, core.new_id()))
        closed = core.log.append(tenant.controller.id, list(about)).first
        acts.record(core, tenant.controller.id, "rights_request.created", "user:1", subjects=[ada.id])
    salts = {row.seq for row in models.AuditSalt.select() if row.seq >= closed}
    assert salts == {closed + 1}, "only that of the other person's"
    assert models.ActPayload.select().count() == before
    _nothing_is_left(core, ada.id)


def test_an_activity_under_way_is_registered_as_it_was_committed_to_and_nobody_can_open_it(
    core: Core, tenant: NewTenant, shopify: Sender, ada: models.DataSubject
) -> None:
    shopify.send("orders/create", bodies.order(email=ADA, customer=BODY))
    waiting = advance(core, "register")
    (pending,) = models.ProcessingActivity.select().where(
        models.ProcessingActivity.registration_state == "queued"
    )
    committed = models.ActivitySalt.get_by_id(pending.id).commitment
    _erase(core, tenant, ada.id)
    for dispatch in waiting:
        for following in run(core, dispatch).follow_ups:
            run(core, following)
    drain(core)
    registered = models.ProcessingActivity.get_by_id(pending.id)
    assert registered.registration_state == "registered"
    leaf = json.loads(core.log.entry(tenant.controller.id, registered.log_index).leaf)
    assert leaf["commitment"] == committed
    _nothing_is_left(core, ada.id)


def test_an_activity_that_plain_sql_adds_later_gets_a_leaf_without_a_salt(
    core: Core, tenant: NewTenant, ada: models.DataSubject, clock: HandClock
) -> None:
    _erase(core, tenant, ada.id)
    clock.forward(timedelta(days=400).total_seconds())
    known = models.ProcessingActivity.get().__data__
    fresh = {"id": core.new_id(), "event_id": None, "did": None, "registration_state": "pending"}
    unregistered = {"log_index": None, "tree_size": None, "registered_at": None}
    models.ProcessingActivity.insert(**{**known, **fresh, **unregistered}).execute()
    drain(core)
    assert models.ProcessingActivity.get_by_id(fresh["id"]).registration_state == "registered"
    _nothing_is_left(core, ada.id)


def test_who_was_erased_is_not_made_known_again_by_plain_sql(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    _erase(core, tenant, ada.id)
    row = models.DataSubject
    row.update(intake={"email": ADA}).where(row.id == ada.id).execute()
    drain(core)
    assert core.subjects.find(tenant.controller.id, Person(email=ADA)) is None
    _nothing_is_left(core, ada.id)


def test_a_worker_that_read_the_person_before_gets_to_write_nothing(
    core: Core, tenant: NewTenant, shopify: Sender, ada: models.DataSubject
) -> None:
    """It took its message before the erasure, and goes on after it."""
    late = shopify.send("customers/update", {**BODY, "first_name": "Late"})
    (dispatch,) = claim(core)
    _erase(core, tenant, ada.id)
    run(core, dispatch)
    drain(core)
    event = models.Event.get(models.Event.id == late.event_id)
    assert (event.state, event.history[-1]["act"]) == ("discarded", "data_subject.erased")
    assert core.subjects.find(tenant.controller.id, Person(email=ADA)) is None
    _nothing_is_left(core, ada.id)


def test_a_merge_of_somebody_erased_meanwhile_is_not_made(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    origin = Origin(tenant.controller.id, "api", None, None)
    with core.store.transaction():
        kept = core.subjects.match(origin, Person(email="ben@shop.example"), create=True).subject
    assert kept is not None
    stale = models.DataSubject.get_by_id(ada.id)
    _erase(core, tenant, ada.id)
    with pytest.raises(Exception, match="erased meanwhile"), core.store.transaction():
        core.subjects.merge(origin, kept, stale)
    assert models.DataSubject.get_by_id(ada.id).state == "erased"
    _nothing_is_left(core, ada.id)


def test_erasures_and_deliveries_of_several_people_at_the_same_moment(
    core: Core, tenant: NewTenant, shopify: Sender
) -> None:
    people = [customer(number, email=f"person{number}@shop.example") for number in range(4)]
    for person in people:
        shopify.send("customers/create", person)
    drain(core)
    subjects = [row.id for row in models.DataSubject.select()]
    for number in range(40):
        shopify.send("customers/update", {**people[number % 4], "first_name": f"N{number}"})

    def deliver() -> None:
        for number in range(10):
            person = people[number % 4]
            shopify.send("orders/create", bodies.order(email=person["email"], customer=person))
            with suppress(StaleFence):  # both register without the tenant's lock: one is told to come again
                drain(core)

    done = at_once(
        core, [deliver, *((lambda one=one: _erase(core, tenant, one)) for one in subjects), deliver]
    )
    assert [one for one in done if isinstance(one, BaseException)] == []
    drain(core)
    erasure.sweep(core)  # a worker may have salted an activity in the moment between
    for subject_id in subjects:
        _nothing_is_left(core, subject_id)
    assert len(leaves(tenant.controller.id, "data_subject.erased")) == len(subjects)


def test_two_who_erase_the_same_person_at_once_write_one_leaf(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    done = at_once(core, [lambda: _erase(core, tenant, ada.id)] * 3)
    assert sorted(one.already for one in done if isinstance(one, erasure.Erased)) == [False, True, True]
    assert len(leaves(tenant.controller.id, "data_subject.erased")) == 1


def test_an_erasure_that_the_database_ends_for_a_deadlock_begins_again(
    core: Core, tenant: NewTenant, ada: models.DataSubject, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, ended = rows.lock_log, list[str]()

    def deadlocked(tenant_id: str) -> None:
        if not ended:
            ended.append(tenant_id)
            raise Unavailable("the database doesn't answer (OperationalError)")
        lock(tenant_id)

    monkeypatch.setattr(rows, "lock_log", deadlocked)
    assert not _erase(core, tenant, ada.id).already
    assert ended
    assert len(leaves(tenant.controller.id, "data_subject.erased")) == 1


def test_a_delivery_about_nobody_that_named_the_person_is_known_again_for_thirty_days(
    core: Core, tenant: NewTenant, shopify: Sender, ada: models.DataSubject, clock: HandClock
) -> None:
    named = shopify.send("products/update", {"id": 1, "note": f"for {ADA}"}, "delivery-9")
    _erase(core, tenant, ada.id)
    assert shopify.send("products/update", {"id": 1, "note": f"for {ADA}"}, "delivery-9") == type(named)(
        named.event_id, "duplicate"
    )
    clock.forward(erasure.REDELIVERIES.total_seconds())
    erasure.sweep(core)
    assert models.Event.get(models.Event.id == named.event_id).dedup_key is None
    assert erasure.sweep(core) == 0


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_a_message_that_is_being_written_while_its_person_is_erased_goes_with_them(
    core: Core, tenant: NewTenant, ada: models.DataSubject
) -> None:
    request = requests.create(core, tenant.controller.id, "system", "access", Person(email=ADA))
    written, erasing = threading.Event(), threading.Event()

    def write() -> None:
        with core.store.transaction():
            tell(core, moves.locked(core, request.tenant_id, request.id), "clarification", question="Which?")
            written.set()
            assert erasing.wait(30)
        core.store.close()

    def erase() -> None:
        assert written.wait(30)
        _erase(core, tenant, ada.id)
        core.store.close()

    threads = [threading.Thread(target=seeing(one)) for one in (write, erase)]
    for thread in threads:
        thread.start()
    wait_until(lambda: _somebody_waits(core), timeout=30)
    erasing.set()
    for thread in threads:
        thread.join(60)
    row = models.Message
    assert not row.select().where(row.kind == "clarification", row.to_sealed.is_null(False)).exists()


def _somebody_waits(core: Core) -> bool:
    found = core.store.database.execute_sql("SELECT count(*) FROM pg_locks WHERE NOT granted")
    return bool(found.fetchone()[0])
