"""Looking through a log: what is found, in which order, and how far a look goes."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flow import HandClock

from dxflow.engine.core import Core
from dxflow.engine.errors import Invalid
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import audit_search
from dxflow.engine.services.audit.audit_search import Found, Wanted
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

EVENT = "919108f7-52d1-4320-9bac-f847db4148a8"
KEY = "5a1f3c9e-7f7c-4a3b-9a53-0f3f6f1f7a01"


def append(core: Core, tenant: NewTenant, kind: str, actor: str, **body: object) -> int:
    with core.store.transaction():
        return core.log.append(tenant.controller.id, [Leaf(kind, {"actor": actor, **body})]).first


def look(
    core: Core, tenant: NewTenant, limit: int = 50, before: int | None = None, **wanted: object
) -> Found:
    return audit_search.search(
        core,
        tenant.controller.id,
        Wanted(**wanted),
        before=before,
        limit=limit,  # type: ignore[arg-type]
    )


def seqs(found: Found) -> list[int]:
    return [int(row.seq) for row in found.entries]


@pytest.fixture
def filled(core: Core, tenant: NewTenant, clock: HandClock) -> list[int]:
    """Forty entries a minute apart, every tenth of them an act; the indexes of the acts."""
    acts = []
    for number in range(40):
        clock.forward(60)
        if number % 10:
            append(core, tenant, "workflow.step", "workflow:webhook", event=core.new_id())
        else:
            acts.append(append(core, tenant, "api_key.revoked", f"user:{KEY}", key=core.new_id()))
    return acts


def test_entries_come_newest_first_page_after_page(core: Core, tenant: NewTenant, filled: list[int]) -> None:
    seen, before = list[int](), None
    while True:
        found = look(core, tenant, limit=7, before=before)
        seen += seqs(found)
        if found.before is None:
            break
        before = found.before
    assert seen == list(range(int(core.log.head(tenant.controller.id).size)))[::-1]


def test_a_kind_is_found_wherever_it_is(core: Core, tenant: NewTenant, filled: list[int]) -> None:
    assert seqs(look(core, tenant, kind="api_key.revoked")) == filled[::-1]
    assert seqs(look(core, tenant, kind="api_key.revoked", limit=2)) == filled[:-3:-1]
    assert look(core, tenant, kind="api_key.revoked", limit=2).before == filled[-2]
    assert len(seqs(look(core, tenant, kind="workflow.step"))) == 36
    assert look(core, tenant, kind="nothing.such") == Found([], None, None)


def test_somebody_and_something_are_found_in_what_entries_say(
    core: Core, tenant: NewTenant, filled: list[int]
) -> None:
    named = append(core, tenant, "event.replayed", f"user:{KEY}", event=EVENT)
    assert seqs(look(core, tenant, actor="user")) == [named, *filled[::-1]]
    assert seqs(look(core, tenant, about=EVENT)) == [named]
    assert seqs(look(core, tenant, about=KEY)) == [named, *filled[::-1]]
    assert seqs(look(core, tenant, actor="user", kind="event.replayed")) == [named]
    assert seqs(look(core, tenant, actor="key")) == []
    assert {row.kind for row in look(core, tenant, actor="system").entries} == {
        "tenant.created",
        "api_key.created",
    }


def test_times_narrow_to_what_was_written_between(
    core: Core, tenant: NewTenant, filled: list[int], clock: HandClock
) -> None:
    now: datetime = clock.now
    found = look(core, tenant, since=now - timedelta(minutes=10), until=now - timedelta(minutes=5))
    assert all(
        now - timedelta(minutes=10) <= row.recorded_at < now - timedelta(minutes=5) for row in found.entries
    )
    assert len(found.entries) == 5
    assert look(core, tenant, since=now + timedelta(days=1)) == Found([], None, None)
    assert look(core, tenant, until=now - timedelta(days=1)) == Found([], None, None)


def test_a_look_reads_a_stretch_and_says_where_it_stopped(
    core: Core, tenant: NewTenant, filled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "STRETCH", 15)
    size = int(core.log.head(tenant.controller.id).size)
    found, seen, looks = look(core, tenant, actor="user"), list[int](), 1
    assert (found.before, found.reached) == (size - 15, size - 15)
    seen += seqs(found)
    while found.before is not None:
        found, looks = look(core, tenant, actor="user", before=found.before), looks + 1
        seen += seqs(found)
    assert seen == filled[::-1]
    assert looks == 3
    assert found.reached is None


def test_a_kind_that_must_be_read_too_goes_as_many_of_its_own_back(
    core: Core, tenant: NewTenant, filled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_search, "STRETCH", 3)
    found = look(core, tenant, kind="api_key.revoked", actor="key")
    assert (found.entries, found.reached) == ([], filled[-3])
    assert look(core, tenant, kind="api_key.revoked", actor="key", before=found.before) == Found(
        [], None, None
    )


def test_an_entry_whose_writer_was_ahead_hides_nothing_at_the_ends_of_a_time(
    core: Core, tenant: NewTenant, clock: HandClock
) -> None:
    """Two writers whose clocks differ by less than a handful of seconds."""
    for number in range(24):
        ahead = 3 * (number % 7 == 0)
        clock.forward(1 + ahead)
        append(core, tenant, "workflow.step", "workflow:webhook", number=number)
        clock.forward(-ahead)
    rows = list(models.AuditEntry.select().where(models.AuditEntry.tenant_id == tenant.controller.id))
    for end in (row.recorded_at for row in rows):
        after, before = (
            sorted(row.seq for row in rows if (row.recorded_at < end) is b) for b in (False, True)
        )
        assert sorted(seqs(look(core, tenant, since=end))) == after
        assert sorted(seqs(look(core, tenant, until=end))) == before


def test_the_kinds_that_occur_are_known(core: Core, tenant: NewTenant, filled: list[int]) -> None:
    expected = [
        "activity.registered",
        "api_key.created",
        "api_key.revoked",
        "tenant.created",
        "workflow.step",
    ]
    assert audit_search.kinds(tenant.controller.id) == expected


def test_another_tenants_entries_are_nobodys_here(core: Core, tenant: NewTenant, filled: list[int]) -> None:
    other = tenants.create(core, "Other Shop", "FR")
    assert [row.tenant_id for row in look(core, other).entries] == [other.controller.id] * 2
    assert look(core, other, about=KEY).entries == []


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"kind": "no kind"}, "kind"),
        ({"actor": "nobody"}, "actor"),
        ({"about": "%"}, "about"),
        ({"about": "a.person@example.com"}, "about"),
    ],
)
def test_what_no_entry_can_have_is_refused(wanted: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        Wanted(**wanted)  # type: ignore[arg-type]
    assert refused.value.field == field
