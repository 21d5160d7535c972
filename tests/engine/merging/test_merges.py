"""Merging by hand and taking it back: every row is as it was, and what came after stays with the survivor."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from flow import HandClock, at_once, check_invariants, leaves

from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure, orders
from dxflow.engine.errors import Conflict, Invalid, NotFound, TransientError
from dxflow.engine.fulfilment import collecting, handover, legal_holds, limiting, package
from dxflow.engine.identity.linkage import Linkage
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.merging import conflicts, merges, undoing
from dxflow.engine.platforms.base import Person
from dxflow.engine.rights import consent_sync
from dxflow.engine.rights.consent_order import Statement
from dxflow.engine.services import tenants
from dxflow.engine.services.rights import requests
from dxflow.engine.services.subjects import activities, consents, dids, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

ACTOR, REASON = "user:1", "the same person, as her letter says"
ADA = Person("ada@shop.example", None, "Ada", (("crm", "1"),))
EVE = Person(None, "+4930123456", "Eve", (("shopify", "7"),))


@pytest.fixture
def two(core: Core, tenant: NewTenant, drain: Callable[[], int]) -> tuple[str, str]:
    """Two data subjects with something about each: consents, an activity, a request, limits."""
    owner = tenant.controller.id
    ids = []
    for person, state in ((ADA, "granted"), (EVE, "withdrawn")):
        subject, _ = subjects.enter(core, owner, person, ACTOR)
        ids.append(subject.id)
        consents.state(core, owner, subject.id, "direct_marketing", "email", state, actor=ACTOR)
        activities.record(
            core, owner, ACTOR, activity_type="order", legal_basis="contract", purpose="orders",
            subject_id=subject.id,
        )  # fmt: skip
        requests.create(core, owner, ACTOR, "access", person)
    limiting.put(core, owner, ids[1], "sale_opt_out", "", None, ACTOR)
    drain()
    return ids[0], ids[1]


def snapshot(core: Core) -> dict[str, object]:
    """All that is stored of people, with what is sealed opened: ciphertext differs each time it is made."""
    stored = list(models.DataSubject.select().order_by(models.DataSubject.id))
    links = []
    for row in models.DataSubjectLink.select().order_by(models.DataSubjectLink.id):
        owner = models.DataSubject.get_by_id(row.subject_id)
        value = core.subjects.links.value(row, core.subjects.profiles.key(owner))
        links.append((row.id, row.subject_id, row.field, row.scope, row.link, row.key_version, value))
    current = models.ConsentCurrent
    return {
        "subjects": [
            (
                one.id,
                one.did,
                one.state,
                one.merged_into,
                one.limited,
                one.sources,
                core.subjects.profile(one),
            )
            for one in stored
        ],
        "links": links,
        "consents": sorted((r.id, r.subject_id, r.purpose, r.channel, r.state) for r in current.select()),
        "limits": sorted(
            (row.id, row.subject_id, row.kind, row.lifted_at) for row in models.SubjectLimit.select()
        ),
        "activities": sorted((row.id, row.subject_id) for row in models.ProcessingActivity.select()),
        "requests": sorted((row.id, row.subject_id) for row in models.RightsRequest.select()),
        "dids": sorted((row.did, row.deactivated_at) for row in models.Did.select()),
        "conflicts": sorted(
            (row.id, row.state, row.decided_by, row.merge_id) for row in models.LinkConflict.select()
        ),
    }


def resolved(core: Core, subject_id: str) -> bool:
    """Whether the DID of a data subject is active."""
    found = dids.resolve(core, models.DataSubject.get_by_id(subject_id).did, "https://dxflow.example")
    assert found is not None
    return not found.deactivated


def test_a_merge_moves_what_finds_and_binds_a_person_and_takes_the_did(
    core: Core, tenant: NewTenant, two: tuple[str, str], drain: Callable[[], int]
) -> None:
    kept, gone = two
    owner = tenant.controller.id
    merges.merge(core, owner, kept, gone, REASON, ACTOR)
    drain()
    assert {row.subject_id for row in models.DataSubjectLink.select()} == {kept}
    profile = core.subjects.profile(models.DataSubject.get_by_id(kept))
    assert profile == {
        "email": "ada@shop.example",
        "phone": "+4930123456",
        "name": "Ada",
        "external_ids": {"crm": "1", "shopify": "7"},
    }
    assert {row.subject_id for row in models.SubjectLimit.select()} == {kept}
    [held] = [row for row in models.ConsentCurrent.select() if row.subject_id == kept]
    assert held.state == "withdrawn"
    assert (resolved(core, kept), resolved(core, gone)) == (True, False)
    assert models.DataSubject.get_by_id(gone).merged_into == kept
    check_invariants(core)


def test_taken_back_every_row_is_as_it_was_before(
    core: Core, tenant: NewTenant, two: tuple[str, str], drain: Callable[[], int]
) -> None:
    kept, gone = two
    before = snapshot(core)
    merge = merges.merge(core, tenant.controller.id, kept, gone, REASON, ACTOR)
    drain()
    assert snapshot(core) != before
    undoing.unmerge(core, tenant.controller.id, merge.id, "two sisters", ACTOR)
    drain()
    assert snapshot(core) == before
    assert (resolved(core, kept), resolved(core, gone)) == (True, True)
    check_invariants(core)


def test_taken_back_before_the_merge_was_noticed_the_did_stays(
    core: Core, tenant: NewTenant, two: tuple[str, str], drain: Callable[[], int]
) -> None:
    before = snapshot(core)
    merge = merges.merge(core, tenant.controller.id, *two, REASON, ACTOR)
    undoing.unmerge(core, tenant.controller.id, merge.id, "two sisters", ACTOR)
    drain()
    assert snapshot(core) == before


def test_merged_twice_and_taken_back_twice_it_is_still_as_before(
    core: Core, tenant: NewTenant, two: tuple[str, str], drain: Callable[[], int]
) -> None:
    before = snapshot(core)
    for kept, gone in (two, two[::-1]):
        merge = merges.merge(core, tenant.controller.id, kept, gone, REASON, ACTOR)
        drain()
        undoing.unmerge(core, tenant.controller.id, merge.id, REASON, ACTOR)
        drain()
    assert snapshot(core) == before
    assert [one.row.undone_at is None for one in merges.of(core, two[0])] == [False, False]


def test_what_came_after_the_merge_stays_with_the_survivor(
    core: Core, tenant: NewTenant, two: tuple[str, str], drain: Callable[[], int]
) -> None:
    kept, gone = two
    owner = tenant.controller.id
    merge = merges.merge(core, owner, kept, gone, REASON, ACTOR)
    later = Person(None, None, "Eve Later", (("shopify", "7"), ("billing", "9")))
    subject, created = subjects.enter(core, owner, later, ACTOR)
    assert (subject.id, created) == (kept, False)
    drain()
    undoing.unmerge(core, owner, merge.id, REASON, ACTOR)
    drain()
    links = {(row.field, row.scope): row.subject_id for row in models.DataSubjectLink.select()}
    assert links["phone", ""] == links["external_id", "shopify"] == gone
    assert links["external_id", "billing"] == kept
    profile = core.subjects.profile(models.DataSubject.get_by_id(kept))
    # The name was said anew after the merge; id and telephone are the other's.
    assert profile == {
        "email": "ada@shop.example",
        "name": "Eve Later",
        "external_ids": {"crm": "1", "billing": "9"},
    }


def test_a_consent_given_after_the_merge_holds_for_the_survivor_alone(
    core: Core, tenant: NewTenant, two: tuple[str, str], clock: HandClock
) -> None:
    kept, gone = two
    owner = tenant.controller.id
    merge = merges.merge(core, owner, kept, gone, REASON, ACTOR)
    clock.forward(60)
    consents.state(core, owner, kept, "direct_marketing", "email", "granted", actor=ACTOR)
    undoing.unmerge(core, owner, merge.id, REASON, ACTOR)
    states = {row.subject_id: row.state for row in models.ConsentCurrent.select()}
    assert states == {kept: "granted", gone: "withdrawn"}


def worked_on(
    subject_id: str, verified_at: datetime | None = None, verified_by: str = "channel"
) -> models.RightsRequest:
    """The access request of somebody, proven and being worked on."""
    row = models.RightsRequest
    made = row.get(row.subject_id == subject_id)
    at = verified_at or made.created_at
    proven = {"state": "data_collection", "verified_at": at, "verified_by": verified_by}
    row.update(**proven).where(row.id == made.id).execute()
    return row.get_by_id(made.id)


def test_nobody_fetches_what_was_packed_up_of_both_once_the_merge_is_taken_back(
    core: Core, tenant: NewTenant, two: tuple[str, str], drain: Callable[[], int], clock: HandClock
) -> None:
    kept, gone = two
    owner = tenant.controller.id
    before = package.make(core, owner, worked_on(gone).id, ACTOR)
    clock.forward(60)
    merge = merges.merge(core, owner, kept, gone, REASON, ACTOR)
    drain()
    both = package.make(core, owner, worked_on(kept).id, ACTOR)
    assert not handover.over(core, both)
    undoing.unmerge(core, owner, merge.id, "two sisters", ACTOR)
    left = models.Package.get_by_id(both.id)
    assert (left.content, left.passphrase_sealed) == (None, None)
    assert handover.over(core, left)
    assert models.Package.get_by_id(before.id).content is not None, "it holds what is its owner's alone"
    again = package.make(core, owner, both.request_id, ACTOR)
    assert again.subject_id == kept


def test_a_package_isnt_kept_if_its_people_were_taken_apart_while_it_was_made(
    core: Core, tenant: NewTenant, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, gone = two
    owner = tenant.controller.id
    merge = merges.merge(core, owner, kept, gone, REASON, ACTOR)
    collect = collecting.collect

    def meanwhile(*given: Any) -> Any:
        data = collect(*given)
        undoing.unmerge(core, owner, merge.id, "two sisters", ACTOR)
        return data

    monkeypatch.setattr(collecting, "collect", meanwhile)
    with pytest.raises(Conflict, match="has just changed"):
        package.make(core, owner, worked_on(kept).id, ACTOR)
    assert not models.Package.select().exists()


@pytest.mark.parametrize("whose", [0, 1])
def test_what_was_proven_while_they_were_one_is_proven_anew(
    core: Core, tenant: NewTenant, two: tuple[str, str], whose: int, clock: HandClock
) -> None:
    owner, row = tenant.controller.id, models.RightsRequest
    other = row.get(row.subject_id == two[1 - whose])
    early = {"state": "data_collection", "verified_at": core.clock(), "verified_by": "channel"}
    row.update(**early).where(row.id == other.id).execute()
    clock.forward(60)
    merge = merges.merge(core, owner, *two, REASON, ACTOR)
    clock.forward(60)
    asked = worked_on(two[whose], core.clock())
    sent = {"code_mac": "x", "failures": 0, "sent_at": core.clock(), "expires_at": core.clock()}
    check = models.IdentityCheck.create(
        id=core.new_id(), tenant_id=owner, request_id=other.id, purpose="release", channel="email",
        on_file=True, force_insert=True, **sent,
    )  # fmt: skip
    undoing.unmerge(core, owner, merge.id, "two sisters", ACTOR)
    anew, before = row.get_by_id(asked.id), row.get_by_id(other.id)
    assert (anew.state, anew.verified_at, anew.verified_by) == ("received", None, None)
    assert (before.state, before.verified_by) == ("data_collection", "channel")
    assert models.IdentityCheck.get_by_id(check.id).ended_at is not None
    [leaf] = leaves(owner, "rights_request.unproven")
    assert (leaf["request"], leaf["actor"]) == (asked.id, ACTOR)


def test_an_officers_word_outlives_a_merge(core: Core, tenant: NewTenant, two: tuple[str, str]) -> None:
    owner = tenant.controller.id
    merge = merges.merge(core, owner, *two, REASON, ACTOR)
    asked = worked_on(two[0], core.clock(), "manual")
    undoing.unmerge(core, owner, merge.id, "two sisters", ACTOR)
    assert models.RightsRequest.get_by_id(asked.id).verified_by == "manual"


def test_what_is_said_late_of_the_one_who_is_gone_holds_for_the_survivor(
    core: Core, tenant: NewTenant, two: tuple[str, str], clock: HandClock
) -> None:
    """A delivery that was matched before the merge, and failed, is replayed after it."""
    gone, kept = two
    owner = tenant.controller.id
    consents.state(core, owner, kept, "newsletter", "email", "granted", actor=ACTOR)
    merges.merge(core, owner, kept, gone, REASON, ACTOR)
    clock.forward(60)
    said = Statement(owner, gone, "newsletter", "email", "withdrawn", "shopify", clock())
    with core.store.transaction():
        assert consent_sync.take(core, said) == consent_sync.RECORDED
    held = consent_sync.holding(owner, kept, "newsletter", "email")
    assert held is not None
    assert held.state == "withdrawn"


@pytest.mark.parametrize("moved", [False, True])
def test_a_delivery_that_waited_for_a_merge_finds_the_survivor(
    core: Core, tenant: NewTenant, two: tuple[str, str], monkeypatch: pytest.MonkeyPatch, moved: bool
) -> None:
    """It had read whose the links are when the merge moved them."""
    if core.store.dialect == "sqlite":
        pytest.skip("SQLite's writers take turns: nobody merges while another matches")
    kept, gone = two
    owner, owners, merged = tenant.controller.id, Linkage.owners, list[object]()

    def slowly(*asked: Any) -> dict[str, str]:
        found = owners(*asked)
        if not merged:
            merged.append(None)
            call = partial(merges.merge, core, owner, kept, gone, REASON, ACTOR)
            merged[0] = at_once(core, [call])[0]
        return found

    monkeypatch.setattr(Linkage, "owners", slowly)
    later = Person(None, None, "Eve Later", (("shopify", "7"), ("billing", "9")))
    origin = Origin(owner, "shopify", None, None)
    with pytest.raises(TransientError) if moved else nullcontext(), core.store.transaction():
        if moved:  # its step is tried again
            core.subjects.move(origin, Person(external_ids=(("shopify", "7"),)), later, "DE")
        else:
            core.subjects.match(origin, later, create=True)
    assert isinstance(merged[0], models.SubjectMerge)
    assert {row.subject_id for row in models.DataSubjectLink.select()} == {kept}
    if not moved:
        assert core.subjects.profile(models.DataSubject.get_by_id(kept))["name"] == "Eve Later"


def test_statements_taken_back_are_in_no_history_and_no_receipt(
    core: Core, tenant: NewTenant, two: tuple[str, str]
) -> None:
    kept, gone = two
    owner = tenant.controller.id
    merge = merges.merge(core, owner, kept, gone, REASON, ACTOR)
    undoing.unmerge(core, owner, merge.id, REASON, ACTOR)
    [standing] = consents.listing(owner, subject_id=kept).rows
    assert [row.state for row in standing.history] == ["granted"]
    assert standing.current.state == "granted"
    assert models.Consent.select().where(models.Consent.subject_id == kept).count() == 2


def test_both_are_written_down_with_reason_and_whom_under_a_commitment(
    core: Core, tenant: NewTenant, two: tuple[str, str]
) -> None:
    owner = tenant.controller.id
    merge = merges.merge(core, owner, *two, REASON, ACTOR)
    undoing.unmerge(core, owner, merge.id, "two sisters", ACTOR)
    for kind in (merges.KIND, undoing.KIND):
        [leaf] = leaves(owner, kind)
        assert (leaf["actor"], leaf["merge"]) == (ACTOR, merge.id)
        said = json.dumps(leaf)
        assert not any(word in said for word in (*two, "letter", "sisters"))
    assert merges.reason_of(core, merges.get(owner, merge.id)) == REASON


@pytest.mark.parametrize("reason", ["", "  ", "x" * 501])
def test_a_reason_is_needed(core: Core, tenant: NewTenant, two: tuple[str, str], reason: str) -> None:
    before = snapshot(core)
    with pytest.raises(Invalid, match="reason"):
        merges.merge(core, tenant.controller.id, *two, reason, ACTOR)
    assert snapshot(core) == before


def test_nobody_is_merged_with_themselves_or_with_somebody_of_another_tenant(
    core: Core, tenant: NewTenant, two: tuple[str, str]
) -> None:
    other = tenants.create(core, "Other", "DE").controller.id
    stranger, _ = subjects.enter(core, other, ADA, ACTOR)
    with pytest.raises(Invalid, match="this very data subject"):
        merges.merge(core, tenant.controller.id, two[0], two[0], REASON, ACTOR)
    for pair in ((two[0], stranger.id), (stranger.id, two[0])):
        with pytest.raises(NotFound):
            merges.merge(core, tenant.controller.id, *pair, REASON, ACTOR)
    merge = merges.merge(core, tenant.controller.id, *two, REASON, ACTOR)
    with pytest.raises(NotFound):
        undoing.unmerge(core, other, merge.id, REASON, ACTOR)


@pytest.mark.parametrize("side", [0, 1])
def test_a_legal_hold_an_order_to_erase_and_a_restriction_come_first(
    core: Core, tenant: NewTenant, two: tuple[str, str], side: int
) -> None:
    owner = tenant.controller.id
    hold = legal_holds.place(core, owner, two[side], "a lawsuit", ACTOR)
    before = snapshot(core)
    with pytest.raises(Conflict, match="legal hold") as refused:
        merges.merge(core, owner, *two, REASON, ACTOR)
    assert "lawsuit" not in str(refused.value)
    legal_holds.lift(core, owner, two[side], hold.id, ACTOR)
    order = orders.propose(core, owner, ACTOR, subject_id=two[side])
    with pytest.raises(Conflict, match="erasure order"):
        merges.merge(core, owner, *two, REASON, ACTOR)
    orders.refuse(core, owner, order.id, ACTOR, "not now")
    limiting.put(core, owner, two[side], "restriction", "", None, ACTOR)
    with pytest.raises(Conflict, match="restricted"):
        merges.merge(core, owner, *two, REASON, ACTOR)
    limiting.lift(core, owner, two[side], "restriction", "", ACTOR, informed=True)
    assert {name: rows for name, rows in snapshot(core).items() if name != "limits"} == {
        name: rows for name, rows in before.items() if name != "limits"
    }
    merges.merge(core, owner, *two, REASON, ACTOR)


def test_a_merge_isnt_taken_back_under_a_legal_hold_or_twice(
    core: Core, tenant: NewTenant, two: tuple[str, str]
) -> None:
    owner = tenant.controller.id
    merge = merges.merge(core, owner, *two, REASON, ACTOR)
    hold = legal_holds.place(core, owner, two[0], "a lawsuit", ACTOR)
    with pytest.raises(Conflict, match="legal hold"):
        undoing.unmerge(core, owner, merge.id, REASON, ACTOR)
    legal_holds.lift(core, owner, two[0], hold.id, ACTOR)
    undoing.unmerge(core, owner, merge.id, REASON, ACTOR)
    with pytest.raises(Conflict, match="before"):
        undoing.unmerge(core, owner, merge.id, REASON, ACTOR)


def test_a_chain_is_taken_back_from_its_end(core: Core, tenant: NewTenant, two: tuple[str, str]) -> None:
    owner = tenant.controller.id
    third, _ = subjects.enter(core, owner, Person("third@shop.example"), ACTOR)
    before = snapshot(core)
    first = merges.merge(core, owner, *two, REASON, ACTOR)
    between = snapshot(core)
    second = merges.merge(core, owner, third.id, two[0], REASON, ACTOR)
    with pytest.raises(Conflict, match="merged"):
        merges.merge(core, owner, third.id, two[1], REASON, ACTOR)
    with pytest.raises(Conflict, match="take that back first"):
        undoing.unmerge(core, owner, first.id, REASON, ACTOR)
    undoing.unmerge(core, owner, second.id, REASON, ACTOR)
    assert snapshot(core) == between
    undoing.unmerge(core, owner, first.id, REASON, ACTOR)
    assert snapshot(core) == before


def test_erasing_the_survivor_erases_who_was_merged_into_them_and_the_record_of_it(
    core: Core, tenant: NewTenant, two: tuple[str, str], drain: Callable[[], int]
) -> None:
    owner = tenant.controller.id
    merge = merges.merge(core, owner, *two, REASON, ACTOR)
    drain()
    erasure.erase(core, owner, two[0], ACTOR, reason="request")
    assert {row.state for row in models.DataSubject.select()} == {"erased"}
    assert models.SubjectMerge.select().count() == 0
    with pytest.raises(NotFound):
        undoing.unmerge(core, owner, merge.id, REASON, ACTOR)
    drain()
    assert (resolved(core, two[0]), resolved(core, two[1])) == (False, False)


def shared(core: Core, owner: str, ids: tuple[str, str]) -> models.LinkConflict:
    """An address of one and an id of the other, given together."""
    subjects.enter(core, owner, Person("ada@shop.example", None, None, (("shopify", "7"),)), ACTOR)
    return models.LinkConflict.get()


def test_a_conflict_is_decided_by_a_merge_and_open_again_when_that_is_taken_back(
    core: Core, tenant: NewTenant, two: tuple[str, str]
) -> None:
    owner = tenant.controller.id
    conflict = shared(core, owner, two)
    assert conflicts.waiting(owner) == 1
    merge = conflicts.merge(core, owner, conflict.id, two[0], REASON, ACTOR)
    assert (merge.kept_id, merge.gone_id) == two
    assert conflicts.get(owner, conflict.id).state == "merged"
    with pytest.raises(Conflict, match="decided"):
        conflicts.keep_apart(core, owner, conflict.id, REASON, ACTOR)
    undoing.unmerge(core, owner, merge.id, REASON, ACTOR)
    assert [row.id for row in conflicts.listing(owner).rows] == [conflict.id]


def test_a_platform_that_merges_two_decides_what_they_both_laid_claim_to(
    core: Core, tenant: NewTenant, two: tuple[str, str]
) -> None:
    owner = tenant.controller.id
    conflict = shared(core, owner, two)
    kept, gone = (models.DataSubject.get_by_id(one) for one in two)
    with core.store.transaction():
        core.subjects.merge(Origin(owner, "shopify", None, None), kept, gone)
    assert conflicts.waiting(owner) == 0
    assert conflicts.get(owner, conflict.id).decided_by is None
    with pytest.raises(Conflict, match="platform merged"):
        merges.standing(owner, gone.id)


def test_two_who_are_kept_apart_are_asked_about_no_more(
    core: Core, tenant: NewTenant, two: tuple[str, str]
) -> None:
    owner = tenant.controller.id
    conflict = shared(core, owner, two)
    before = snapshot(core)["links"]
    decided = conflicts.keep_apart(core, owner, conflict.id, "mother and daughter", ACTOR)
    assert (decided.state, conflicts.reason_of(core, decided)) == ("kept_apart", "mother and daughter")
    notices = models.Notification.select().count()
    shared(core, owner, two)
    assert models.LinkConflict.select().count() == 1
    assert models.Notification.select().count() == notices
    assert snapshot(core)["links"] == before
    [leaf] = leaves(owner, conflicts.KIND)
    assert leaf["conflict"] == conflict.id
    assert not any(one in json.dumps(leaf) for one in (*two, "daughter"))


def test_a_conflict_of_another_tenant_isnt_there(core: Core, tenant: NewTenant, two: tuple[str, str]) -> None:
    conflict = shared(core, tenant.controller.id, two)
    other = tenants.create(core, "Other", "DE").controller.id
    for act in (
        lambda: conflicts.get(other, conflict.id),
        lambda: conflicts.keep_apart(core, other, conflict.id, REASON, ACTOR),
        lambda: conflicts.merge(core, other, conflict.id, two[0], REASON, ACTOR),
    ):
        with pytest.raises(NotFound):
            act()
