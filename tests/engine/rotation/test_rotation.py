"""Keys change while everything runs: nobody is doubled or lost, nothing sealed becomes unreadable, and a
rotation that was killed goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flow import HandClock, seeing

from dxflow.engine import core as cores
from dxflow.engine import rotation
from dxflow.engine.core import Core
from dxflow.engine.errors import Conflict, Undecipherable
from dxflow.engine.identity.keys import INSTALLATION, LINK, SEAL, KeyRing
from dxflow.engine.identity.roots import KeyFile, RootRing, root_id
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.inbox import Arrival, Inbox, open_payload
from dxflow.engine.platforms.base import Person
from dxflow.engine.rotation import links, roots, sealed, versions
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import verifying
from dxflow.engine.services.connectors import connectors
from dxflow.engine.services.people import users
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models

ADA = Person(email="ada@shop.example", phone="+4930123456", external_ids=(("shopify", "7"),))


LATE = "44444444-0000-4000-8000-000000000000"


class Killed(BaseException):
    """Stands for kill -9: nothing after it runs."""


def _origin(tenant: NewTenant) -> Origin:
    return Origin(tenant.controller.id, "api", None, None)


def _match(core: Core, tenant: NewTenant, person: Person) -> str:
    found = core.store.in_one_go(lambda: core.subjects.match(_origin(tenant), person, create=True))
    assert found.subject is not None
    return str(found.subject.id)


def _another_process(core: Core) -> Core:
    return cores.build(core.store, core.keys.roots, host="dxflow.example", clock=core.clock)


@pytest.fixture
def inhabited(core: Core, tenant: NewTenant) -> Core:
    """A tenant with something in every place that its keys seal."""
    subjects.enter(core, tenant.controller.id, ADA, "system")
    for number in range(300):
        _match(core, tenant, Person(email=f"p{number}@shop.example"))
    connector = connectors.add(core, tenant.controller.id, "shopify", ["a secret of enough length"])
    _deliver(core, tenant, connector.id, "one")
    requests.create(core, tenant.controller.id, "system", type="access", person=ADA, details="all of it")
    users.create(core, tenant.controller.id, "dpo@shop.example", "dpo")
    return core


def _deliver(core: Core, tenant: NewTenant, connector_id: str, key: str) -> str:
    arrival = Arrival(
        tenant.controller.id,
        connector_id,
        "shopify",
        "orders/create",
        "signed",
        (key,),
        b'{"a":1}',
        {},
        False,
    )
    return Inbox(core).accept(arrival).status


def test_subjects_seen_before_and_after_a_link_rotation_stay_one(inhabited: Core, tenant: NewTenant) -> None:
    before = _match(inhabited, tenant, ADA)
    found = rotation.rotate_links(inhabited, tenant.controller.id)
    assert (found["version"], found["retired"], found["left"]) == (2, [1], 0)
    assert {row.key_version for row in models.DataSubjectLink.select()} == {2}
    for person in (ADA, Person(phone=ADA.phone), Person(external_ids=ADA.external_ids)):
        assert _match(inhabited, tenant, person) == before
        assert _match(_another_process(inhabited), tenant, person) == before
    assert models.DataSubject.select().count() == 301


def test_links_are_all_others_after_a_rotation(inhabited: Core, tenant: NewTenant) -> None:
    before = {row.link for row in models.DataSubjectLink.select()}
    rotation.rotate_links(inhabited, tenant.controller.id)
    after = {row.link for row in models.DataSubjectLink.select()}
    assert len(after) == len(before) == 303
    assert not after & before


def test_a_process_that_slept_through_a_rotation_cannot_double_anybody(
    inhabited: Core, tenant: NewTenant
) -> None:
    asleep = _another_process(inhabited)
    stale = asleep.keys.versions(tenant.controller.id, LINK)
    assert stale.active == (1,)
    rotation.rotate_links(inhabited, tenant.controller.id)
    new = Person(email="new@shop.example")
    first = _match(inhabited, tenant, new)
    assert _match(asleep, tenant, new) == first
    later = Person(email="later@shop.example")
    assert _match(_another_process(inhabited), tenant, later) == _match(asleep, tenant, later)
    assert {row.key_version for row in models.DataSubjectLink.select()} == {2}


def test_while_a_rotation_is_under_way_new_people_are_linked_under_both_versions(
    inhabited: Core, tenant: NewTenant
) -> None:
    asleep = _another_process(inhabited)
    asleep.keys.versions(tenant.controller.id, LINK)
    versions.begin(inhabited, tenant.controller.id, LINK)
    person = Person(email="between@shop.example")
    first = _match(asleep, tenant, person)
    assert _match(inhabited, tenant, person) == first
    mine = models.DataSubjectLink.select().where(models.DataSubjectLink.subject_id == first)
    assert sorted(row.key_version for row in mine) == [1, 2]
    assert rotation.rotate_links(inhabited, tenant.controller.id)["left"] == 0
    assert _match(inhabited, tenant, person) == first


def test_an_identifier_nobody_can_read_any_more_keeps_the_old_version_until_it_is_seen(
    inhabited: Core, tenant: NewTenant
) -> None:
    link = models.DataSubjectLink
    subject = _match(inhabited, tenant, Person(email="old@shop.example", external_ids=(("crm", "1"),)))
    # As before 0.2: no sealed value, and the profile has another address by now.
    link.update(value_sealed=None).where(link.subject_id == subject).execute()
    _match(inhabited, tenant, Person(email="newer@shop.example", external_ids=(("crm", "1"),)))
    found = rotation.rotate_links(inhabited, tenant.controller.id)
    assert (found["left"], found["retired"]) == (1, [])
    assert _match(inhabited, tenant, Person(email="old@shop.example")) == subject
    again = rotation.rotate_links(inhabited, tenant.controller.id)
    assert (again["left"], again["retired"], again["version"]) == (0, [1], 2)
    assert _match(inhabited, tenant, Person(email="old@shop.example")) == subject


@pytest.mark.parametrize("pages", [0, 1, 2])
@pytest.mark.parametrize("purpose", [SEAL, LINK])
def test_a_killed_rotation_goes_on_where_it_was(
    inhabited: Core, tenant: NewTenant, purpose: str, pages: int
) -> None:
    rotate = rotation.rotate_seal if purpose == SEAL else rotation.rotate_links
    seen = []

    def kill(_: int) -> None:
        seen.append(1)
        if len(seen) > pages:
            raise Killed

    with pytest.raises(Killed):
        rotate(inhabited, tenant.controller.id, kill)
    before = _match(_another_process(inhabited), tenant, ADA)
    found = rotate(_another_process(inhabited), tenant.controller.id)
    assert (found["version"], found["retired"]) == (2, [1])
    assert _match(inhabited, tenant, ADA) == before
    _everything_opens(inhabited, tenant)
    assert verifying.verify_logs(inhabited).problems == []


def test_everything_opens_after_a_seal_rotation_and_nothing_is_under_the_old_version(
    inhabited: Core, tenant: NewTenant
) -> None:
    tenant_id = tenant.controller.id
    sampled = models.DataSubject.select().first()
    key = inhabited.subjects.profiles.key(sampled)
    found = rotation.rotate_seal(inhabited, tenant_id)
    assert int(str(found["done"])) > 300
    assert sealed.remaining(tenant_id, 2) == 0
    _everything_opens(_another_process(inhabited), tenant)
    again = models.DataSubject.get_by_id(sampled.id)
    assert inhabited.subjects.profiles.key(again) == key, "only its wrapping is new"


def test_every_sealed_column_belongs_to_a_rotation() -> None:
    named = {(place.table, place.column) for place in (*sealed.TENANTS, *sealed.OWN)}
    under_the_subjects_own = {
        ("data_subjects", "profile_sealed"),
        ("data_subject_links", "value_sealed"),
        ("subject_merges", "moved_sealed"),
    }
    tables = [model for model in models.tables() if model._meta.table_name]
    columns = {
        (str(model._meta.table_name), name)
        for model in tables
        for name in model._meta.fields
        if name.endswith("_sealed") or name == "key_wrapped"
    }
    assert columns == named | under_the_subjects_own


def test_a_retired_seal_key_is_destroyed_a_day_later_and_not_before_the_last_straggler(
    inhabited: Core, tenant: NewTenant, clock: HandClock
) -> None:
    tenant_id = tenant.controller.id
    place = {
        "table": "act_payloads",
        "column": "payload_sealed",
        "row_id": "4" * 8 + "-0000-4000-8000-" + "0" * 12,
    }
    late = inhabited.keys.seal(tenant_id, b"{}", **place)
    rotation.rotate_seal(inhabited, tenant_id)
    models.ActPayload.create(id=place["row_id"], tenant_id=tenant_id, payload_sealed=late, force_insert=True)
    assert rotation.finish(inhabited) == []
    clock.forward(25 * 3600)
    assert rotation.finish(inhabited) == [f"{tenant_id} seal 1"]
    row = models.ActPayload.get_by_id(place["row_id"])
    assert inhabited.keys.unseal(tenant_id, bytes(row.payload_sealed), **place) == b"{}"
    with pytest.raises(Undecipherable):
        inhabited.keys.unseal(tenant_id, late, **place)


def test_a_delivery_sent_again_is_known_after_a_rotation_and_after_the_old_key_is_gone(
    inhabited: Core, tenant: NewTenant, clock: HandClock
) -> None:
    connector = models.Connector.get()
    rotation.rotate_links(inhabited, tenant.controller.id)
    clock.forward(60)
    late = _another_process(inhabited)
    assert _deliver(late, tenant, connector.id, "one") == "duplicate"
    assert _deliver(late, tenant, connector.id, "two") == "ignored"
    assert _deliver(late, tenant, connector.id, "two") == "duplicate"
    clock.forward(31 * 86_400)
    assert rotation.finish(late) == [f"{tenant.controller.id} link 1"]
    event = models.Event.get(models.Event.body_mac.is_null(False))
    assert event.body_mac == late.keys.mac(tenant.controller.id, "body", open_payload(late, event))


def test_who_comes_in_while_the_installations_link_key_rotates_is_found_afterwards(
    inhabited: Core, tenant: NewTenant, clock: HandClock
) -> None:
    stale = _another_process(inhabited)
    stale.keys.versions(INSTALLATION, LINK)  # what it relies on for some seconds
    came: list[str] = []

    def meanwhile(seconds: float) -> None:
        email = f"person{len(came)}@shop.example"
        users.create(stale if not came else inhabited, tenant.controller.id, email, "member")
        came.append(email)
        clock.forward(max(seconds, 4))

    assert rotation.rotate_links(inhabited, INSTALLATION, pause=meanwhile)["retired"] == [1]
    assert len(came) > 1
    late = _another_process(inhabited)
    assert all(users.by_email(late, email) is not None for email in came)


def test_the_installations_own_keys_rotate_too(inhabited: Core, clock: HandClock) -> None:
    signing = [key.vkey for key in inhabited.signing.active()]
    assert rotation.rotate_seal(inhabited, INSTALLATION)["retired"] == [1]
    assert rotation.rotate_links(inhabited, INSTALLATION, pause=clock.forward)["retired"] == [1]
    late = _another_process(inhabited)
    assert [key.vkey for key in late.signing.active()] == signing
    found = users.by_email(late, "dpo@shop.example")
    assert found is not None
    assert users.email_of(late, found) == "dpo@shop.example"
    assert sealed.remaining(INSTALLATION, 2) == 0


def _everything_opens(core: Core, tenant: NewTenant) -> None:
    for subject in models.DataSubject.select():
        assert core.subjects.profile(subject)
    for event in models.Event.select().where(models.Event.payload_sealed.is_null(False)):
        assert open_payload(core, event) == b'{"a":1}'
    request = models.RightsRequest.get()
    assert requests.details_of(core, request) == "all of it"
    assert connectors.secrets_of(core, models.Connector.get())


@pytest.fixture
def file(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "root.key")


@pytest.fixture
def filed(store: Store, clock: HandClock, file: KeyFile) -> Callable[[], Core]:
    """Makes processes whose root key lies in the file."""
    return lambda: cores.build(store, RootRing(file), host="dxflow.example", clock=clock)


def test_a_root_rotation_wraps_every_key_again_and_forgets_the_old_one(
    filed: Callable[[], Core], file: KeyFile
) -> None:
    core, running = filed(), filed()
    made = [tenants.create(core, f"Shop {n}", "DE").controller.id for n in range(3)]
    running.keys.mac(made[0], "dedup", "a")
    (old,) = file.load()
    found = rotation.rotate_root(core)
    (new,) = file.load()
    assert new != old
    assert (found["version"], found["retired"]) == (root_id(new), [root_id(old)])
    assert {row.root_id for row in models.WrappedKey.select()} == {root_id(new)}
    assert running.keys.mac(made[2], "dedup", "a") == filed().keys.mac(made[2], "dedup", "a")
    tenants.create(running, "Made by a process that read the old file", "DE")
    assert {row.root_id for row in models.WrappedKey.select()} == {root_id(new)}
    with pytest.raises(Undecipherable):
        KeyRing(old, core.clock).mac(made[0], "dedup", "a")
    assert verifying.verify_logs(core).problems == []


def test_a_killed_root_rotation_leaves_both_keys_and_goes_on(
    filed: Callable[[], Core], file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots, "PAGE", 3)
    core = filed()
    made = [tenants.create(core, f"Shop {n}", "DE").controller.id for n in range(6)]

    def kill(_: int) -> None:
        raise Killed

    with pytest.raises(Killed):
        rotation.rotate_root(core, kill)
    assert len(file.load()) == 2
    assert len({row.root_id for row in models.WrappedKey.select()}) == 2
    assert all(filed().keys.mac(one, "dedup", "a") for one in made)
    rotation.rotate_root(filed())
    assert len(file.load()) == 1
    assert len({row.root_id for row in models.WrappedKey.select()}) == 1


def test_a_root_key_in_the_environment_is_the_operators_to_bring(core: Core, tenant: NewTenant) -> None:
    before = core.keys.mac(tenant.controller.id, "dedup", "a")
    with pytest.raises(Conflict, match="DXFLOW_ROOT_KEY=new,old"):
        rotation.rotate_root(core)
    both = cores.build(core.store, RootRing.of(b"n" * 32, b"k" * 32), host="dxflow.example", clock=core.clock)
    assert rotation.rotate_root(both)["retired"] == [root_id(b"k" * 32)]
    alone = cores.build(core.store, b"n" * 32, host="dxflow.example", clock=core.clock)
    assert alone.keys.mac(tenant.controller.id, "dedup", "a") == before


def test_links_rotate_under_traffic(core: Core, tenant: NewTenant) -> None:
    """Four threads see the same people again and again while the link key is rotated twice."""
    people = [
        Person(email=f"t{number}@shop.example", external_ids=(("crm", f"{number}"),)) for number in range(40)
    ]
    over, faults = threading.Event(), list[BaseException]()

    def work(number: int) -> None:
        mine, turn = _another_process(core), 0
        try:
            while not over.is_set() or turn < len(people):
                _match(mine, tenant, people[(turn * 7 + number * 3) % len(people)])
                turn += 1
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test shows it
            faults.append(error)
        finally:
            mine.store.close()

    threads = [threading.Thread(target=seeing(work), args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(2):
            rotation.rotate_links(core, tenant.controller.id)
            rotation.rotate_seal(core, tenant.controller.id)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert faults == []
    assert models.DataSubject.select().count() == len(people)
    links = models.DataSubjectLink.select()
    assert {row.key_version for row in links} == {3}
    assert len(links) == 2 * len(people)


def test_a_link_that_moves_while_its_subject_is_waited_for_is_held_with_the_other(
    core: Core, tenant: NewTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (_match(core, tenant, Person(email=f"{name}@shop.example")) for name in "ab")
    row = models.DataSubjectLink
    real, moved = core.store.for_update, list[str]()

    def while_it_waits(query: Any) -> Any:
        if not moved:
            moved.append(second)
            row.update(subject_id=second).where(row.subject_id == first).execute()
        return real(query)

    monkeypatch.setattr(core.store, "for_update", while_it_waits)
    its = [one.id for one in row.select().where(row.subject_id == first)]
    with core.store.transaction():
        held, owners = links._held(core, row.select().where(row.id.in_(its)))
    assert {one.subject_id for one in held} == set(owners) == {second}
