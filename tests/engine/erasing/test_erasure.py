"""A person who was erased can't be found, opened or confirmed by anybody; and every proof made before holds."""

from __future__ import annotations

import dataclasses
import hmac
import json
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import bodies
import peewee
import pytest
from databases import stored
from flow import Sender, customer, drain, seeing

from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure
from dxflow.engine.errors import Conflict, Invalid, NotFound, StaleFence, Unavailable
from dxflow.engine.identity import did
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.ledger import activity_leaf, leaves, proofs
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import acts, tenants
from dxflow.engine.services.audit import exports, verifying
from dxflow.engine.services.people import users
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects, timeline
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.shred_list import ShredList
from dxflow.engine.store import models

ADA = "ada.canary@shop.example"
PHONE = "+4930998877665"
BODY = customer(7_064_055, email=ADA, phone=PHONE)


def _subject(core: Core, tenant: NewTenant, email: str = ADA) -> models.DataSubject:
    found = core.subjects.find(tenant.controller.id, Person(email=email))
    assert found is not None
    return found


def _erase(core: Core, tenant: NewTenant, subject_id: str, **more: Any) -> erasure.Erased:
    return erasure.erase(core, tenant.controller.id, subject_id, "system", reason="request", **more)


@pytest.fixture
def known(core: Core, tenant: NewTenant, shopify: Sender) -> models.DataSubject:
    """Ada: by webhook, API and request, read by somebody together with Ben."""
    shopify.send("customers/create", BODY)
    shopify.send("customers/create", customer(8, email="ben@shop.example"))
    shopify.send("orders/create", bodies.order(email=ADA, phone=PHONE, customer={"id": 7_064_055}))
    drain(core)
    person = Person(email=ADA, phone=PHONE)
    requests.create(
        core, tenant.controller.id, "system", type="access", person=person, details=f"it is {ADA}"
    )
    drain(core)
    ada, ben = _subject(core, tenant), _subject(core, tenant, "ben@shop.example")
    acts.people_read(core, tenant.controller.id, "user:1", "data_subjects", [ada.id, ben.id])
    return ada


def test_what_could_open_or_find_the_person_is_gone(
    core: Core, tenant: NewTenant, known: models.DataSubject
) -> None:
    secrets = _secrets(core, known.id)
    assert len(secrets) > 8
    erased = _erase(core, tenant, known.id)
    assert erased.clean
    assert all(erased.counts[name] for name in ("links", "salts", "bodies", "requests", "acts"))
    left = stored()
    assert not [secret for secret in secrets if secret in left]
    row = models.DataSubject.get_by_id(known.id)
    assert (row.state, row.key_wrapped, row.profile_sealed, row.intake) == ("erased", None, None, None)
    assert core.subjects.find(tenant.controller.id, Person(email=ADA)) is None
    assert models.Did.get(models.Did.entity_id == known.id).deactivated_at is not None
    assert _subject(core, tenant, "ben@shop.example")


def _secrets(core: Core, subject_id: str) -> list[bytes]:
    """Every salt, key, link and ciphertext that concerns the person."""
    row = models.DataSubject.get_by_id(subject_id)
    concerned = models.AuditSaltSubject.select().where(models.AuditSaltSubject.subject_id == subject_id)
    seqs = [one.seq for one in concerned]
    salts = [
        bytes(one.salt)
        for one in models.AuditSalt.select()
        if one.seq in seqs and one.tenant_id == row.tenant_id
    ]
    activity, event, link = models.ProcessingActivity, models.Event, models.DataSubjectLink
    mine = [one.id for one in activity.select().where(activity.subject_id == subject_id)]
    salts += [bytes(one.salt) for one in models.ActivitySalt.select() if one.activity_id in mine]
    payloads = [
        bytes(one.payload_sealed)
        for one in event.select().where(event.subject_id == subject_id)
        if one.payload_sealed
    ]
    links = [one.link.encode() for one in link.select().where(link.subject_id == subject_id)]
    return [bytes(row.key_wrapped), bytes(row.profile_sealed), *salts, *payloads, *links]


def test_who_knows_exactly_what_a_leaf_said_cannot_confirm_it(
    core: Core, tenant: NewTenant, known: models.DataSubject
) -> None:
    activity = models.ProcessingActivity.get(models.ProcessingActivity.subject_id == known.id)
    payload = activity_leaf.payload(activity)
    registered = models.Registration.get_by_id(activity.id)
    salt = models.ActivitySalt.get_by_id(activity.id)
    assert leaves.commit(bytes(salt.salt), payload) == registered.commitment, (
        "before, whoever has the salt can"
    )
    _erase(core, tenant, known.id)
    kept = stored()
    said, committed = leaves.canonical(payload), bytes.fromhex(registered.commitment)
    tried = min(len(kept), 400_000) - 31
    confirmed = [n for n in range(tried) if hmac.digest(kept[n : n + 32], said, "sha256") == committed]
    assert confirmed == []
    leaf = json.loads(core.log.entry(tenant.controller.id, registered.log_index).leaf)
    assert leaf["commitment"] == registered.commitment, "the leaf itself stays"


def test_every_proof_made_before_still_holds(
    core: Core, tenant: NewTenant, known: models.DataSubject, tmp_path: Path
) -> None:
    tenant_id = tenant.controller.id
    activity = models.ProcessingActivity.get(models.ProcessingActivity.subject_id == known.id)
    proof, head = exports.activity_proof(core, tenant_id, activity.id), core.log.head(tenant_id)
    verifiers = core.signing.verifiers(head.origin)
    _erase(core, tenant, known.id)
    checkpoint = proofs.parse(proof).verify(verifiers)
    now = core.log.head(tenant_id)
    assert core.log.consistency(tenant_id, checkpoint.size, now.size) is not None
    assert verifying.verify_logs(core, fresh=True).problems == []
    exports.export(core, tenant_id, tmp_path / "after.zip")
    assert proofs.parse(exports.activity_proof(core, tenant_id, activity.id)).verify(verifiers)


def test_the_receipt_alone_shows_whom_the_leaf_is_about(
    core: Core, tenant: NewTenant, known: models.DataSubject
) -> None:
    erased = _erase(core, tenant, known.id)
    receipt: dict[str, Any] = erased.receipt
    proof = proofs.parse(receipt["proof"])
    proof.verify(core.signing.verifiers(core.log.head(tenant.controller.id).origin))
    leaf = json.loads(proof.leaf)
    assert (leaf["kind"], leaf["reason"]) == ("data_subject.erased", "request")
    assert receipt["payload"]["subject"] == did.derive(known.id, "dep")
    assert leaves.commit(bytes.fromhex(receipt["salt"]), receipt["payload"]) == leaf["commitment"]
    assert bytes.fromhex(receipt["salt"]) not in stored()
    assert did.derive(known.id, "dep") not in json.dumps(leaf)


def test_that_somebody_read_about_the_others_stays_provable(
    core: Core, tenant: NewTenant, known: models.DataSubject
) -> None:
    ben = _subject(core, tenant, "ben@shop.example")
    _erase(core, tenant, known.id)
    entry = models.AuditEntry.get(models.AuditEntry.kind == "personal_data.read_restated")
    found = acts.opened(core, tenant.controller.id, entry.seq)
    assert found.holds
    assert found.changed is not None
    assert found.changed["subjects"] == [ben.id]
    assert acts.opened(core, tenant.controller.id, found.leaf["of"]).holds is None
    assert (found.leaf["actor"], found.leaf["page"]) == ("user:1", "data_subjects")


def test_a_delivery_that_nobody_could_match_goes_if_it_names_the_person(
    core: Core, tenant: NewTenant, known: models.DataSubject, shopify: Sender
) -> None:
    named = shopify.send("products/update", {"id": 1, "note": f"for {ADA.upper()}"})
    typed = shopify.send("products/update", {"id": 2, "note": "call 030 998 877-665"})
    other = shopify.send("products/update", {"id": 3, "note": "for adada.canary@shop.example"})
    waiting = shopify.send("customers/update", customer(9, email=ADA, first_name="Late"))
    _erase(core, tenant, known.id)
    kept = {row.id: row.payload_sealed is not None for row in models.Event.select()}
    assert [kept[one.event_id] for one in (named, typed, other, waiting)] == [False, False, True, False]
    assert models.Event.get(models.Event.id == waiting.event_id).state == "discarded"
    drain(core)
    assert core.subjects.find(tenant.controller.id, Person(email=ADA)) is None


def test_a_delivery_sent_again_does_not_bring_the_person_back(
    core: Core, tenant: NewTenant, known: models.DataSubject, shopify: Sender
) -> None:
    _erase(core, tenant, known.id)
    assert shopify.send("customers/create", BODY, "delivery-1").status == "duplicate"
    drain(core)
    assert core.subjects.find(tenant.controller.id, Person(email=ADA)) is None


def test_who_comes_back_is_somebody_new(core: Core, tenant: NewTenant, known: models.DataSubject) -> None:
    _erase(core, tenant, known.id)
    again, created = subjects.enter(core, tenant.controller.id, Person(email=ADA), "system")
    assert created
    assert again.id != known.id


def test_those_merged_into_the_person_go_too(
    core: Core, tenant: NewTenant, known: models.DataSubject
) -> None:
    origin = Origin(tenant.controller.id, "api", None, None)
    with core.store.transaction():
        gone = core.subjects.match(origin, Person(email="old.canary@shop.example"), create=True).subject
        assert gone is not None
        core.subjects.merge(origin, models.DataSubject.get_by_id(known.id), gone)
    with pytest.raises(Conflict, match=known.id):
        _erase(core, tenant, gone.id)
    _erase(core, tenant, known.id)
    assert models.DataSubject.get_by_id(gone.id).key_wrapped is None
    assert {row.subject_id for row in models.Erasure.select()} == {known.id, gone.id}


def test_erasing_twice_changes_nothing(core: Core, tenant: NewTenant, known: models.DataSubject) -> None:
    first = _erase(core, tenant, known.id)
    size = core.log.head(tenant.controller.id).size
    again = _erase(core, tenant, known.id)
    assert (again.already, again.log_index) == (True, first.log_index)
    assert core.log.head(tenant.controller.id).size == size


def test_what_was_under_way_is_swept_up(core: Core, tenant: NewTenant, known: models.DataSubject) -> None:
    _erase(core, tenant, known.id)
    drain(core)  # what the triggers noticed of the erasure itself
    erasure.sweep(core)
    concerned = models.AuditSaltSubject.select().where(models.AuditSaltSubject.subject_id == known.id)
    assert not concerned.exists()
    assert erasure.sweep(core) == 0
    assert verifying.verify_logs(core).problems == []


def test_wrong_wishes_are_refused(core: Core, tenant: NewTenant, known: models.DataSubject) -> None:
    with pytest.raises(Invalid, match="allowed are"):
        erasure.erase(core, tenant.controller.id, known.id, "system", reason="because")
    with pytest.raises(NotFound):
        _erase(core, tenant, core.new_id())


def test_who_signs_in_here_is_erased_with_their_account_or_not_at_all(core: Core, tenant: NewTenant) -> None:
    users.create(core, tenant.controller.id, ADA, "dpo")
    drain(core)
    user = models.User.get()
    assert user.subject_id is not None
    with pytest.raises(Conflict, match="--with-account"):
        _erase(core, tenant, user.subject_id)
    assert models.DataSubject.get_by_id(user.subject_id).state == "active"
    identity_id, place = core.new_id(), {"table": "sso_identities", "column": "subject_sealed"}
    provider = models.SsoProvider.create(
        id=core.new_id(),
        tenant_id=tenant.controller.id,
        issuer="https://accounts.example",
        client_id="acme",
        secret_sealed=b"sealed",
        created_at=core.clock(),
        force_insert=True,
    )
    models.SsoIdentity.create(
        id=identity_id,
        provider_id=provider.id,
        tenant_id=tenant.controller.id,
        user_id=user.id,
        subject_link="link",
        subject_sealed=core.keys.seal_own(b"sub-1", **place, row_id=identity_id),
        created_at=core.clock(),
        force_insert=True,
    )
    _erase(core, tenant, user.subject_id, with_account=True)
    assert models.SsoIdentity.select().count() == 0
    row = models.User.get_by_id(user.id)
    assert (row.active, row.email_sealed, row.email_link, row.subject_id) == (False, None, None, None)


def test_the_shred_list_has_the_person_before_the_commit(
    core: Core, tenant: NewTenant, known: models.DataSubject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = dataclasses.replace(core, shred_list=ShredList(tmp_path / "shred-list"))

    def fail(*_: object) -> None:
        raise peewee.OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(erasure, "_log", fail)
        with pytest.raises(Unavailable):
            _erase(listed, tenant, known.id)
    assert listed.shred_list is not None
    assert [one.subject_id for one in listed.shred_list.entries()] == [known.id]
    assert models.DataSubject.get_by_id(known.id).state == "active"
    assert _erase(listed, tenant, known.id).log_index


def test_an_erased_person_is_shown_as_such(core: Core, tenant: NewTenant, known: models.DataSubject) -> None:
    _erase(core, tenant, known.id)
    row = subjects.get(tenant.controller.id, known.id)
    shown = subjects.overview(core, row, "system")
    assert (shown.subject.state, shown.profile, shown.links) == ("erased", {}, [])
    assert timeline.of_people(tenant.controller.id, [known.id]).rows


def test_erasing_while_deliveries_about_the_person_pour_in(
    core: Core, tenant: NewTenant, known: models.DataSubject, shopify: Sender
) -> None:
    over, faults = threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            while not over.is_set():
                with suppress(
                    StaleFence
                ):  # both register without the tenant's lock: one is told to come again
                    drain(core)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test shows it
            faults.append(error)
        finally:
            core.store.close()

    for number in range(60):
        shopify.send("customers/update", customer(7_064_055, email=ADA, first_name=f"N{number}"))
    threads = [threading.Thread(target=seeing(work)) for _ in range(2)]
    for thread in threads:
        thread.start()
    _erase(core, tenant, known.id)
    over.set()
    for thread in threads:
        thread.join()
    drain(core)
    erasure.sweep(core)
    assert faults == []
    row = models.DataSubject.get_by_id(known.id)
    assert (row.state, row.key_wrapped, row.profile_sealed) == ("erased", None, None)
    assert verifying.verify_logs(core).problems == []


def test_nothing_of_the_person_is_left_in_the_files_of_sqlite(tmp_path: Path, core: Core) -> None:
    """Thousands of rows in between, so that pages were split and rows moved while the person was there."""
    if core.store.dialect != "sqlite":
        pytest.skip("looks at SQLite's files")
    tenant = tenants.create(core, "Acme Shop", "DE")
    shopify = Sender(core, tenant.controller.id)
    for number in range(40):
        shopify.send("customers/create", customer(10_000 + number, email=f"p{number}@shop.example"))
    drain(core)
    for number in range(6):
        shopify.send("orders/create", bodies.order(email=ADA, phone=PHONE, customer={"id": 7_064_055}))
        shopify.send("customers/create", customer(20_000 + number, email=f"q{number}@shop.example"))
        drain(core)
    subject = _subject(core, tenant)
    secrets = _secrets(core, subject.id)
    for number in range(40):
        shopify.send("customers/create", customer(30_000 + number, email=f"r{number}@shop.example"))
    drain(core)
    assert _erase(core, tenant, subject.id).clean
    files = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert len(files) > 500_000
    found = [secret for secret in secrets if secret in files]
    assert found == []
