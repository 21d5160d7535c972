"""Links for auditors: what opens, what doesn't any more, and what the log says of it."""

from __future__ import annotations

import json

import pytest

from dxflow.engine.access.roles import Permission
from dxflow.engine.core import Core
from dxflow.engine.errors import Forbidden, Invalid, NotFound, TooManyAttempts
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import auditor_links
from dxflow.engine.services.people.devices import NOWHERE, Client
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models

DAY = 86_400


def said(core: Core, tenant: NewTenant, kind: str) -> list[dict[str, object]]:
    """What the log's entries of a kind say."""
    entry = models.AuditEntry
    rows = entry.select().where(entry.tenant_id == tenant.controller.id, entry.kind == kind)
    return [json.loads(row.leaf) for row in rows.order_by(entry.seq)]


def make(core: Core, tenant: NewTenant, days: int = 30) -> tuple[models.AuditorLink, str]:
    return auditor_links.create(core, tenant.controller.id, " Dr.  Example ", days, "user:7")


def test_a_link_opens_the_log_of_its_tenant_and_nothing_but_looking(core: Core, tenant: NewTenant) -> None:
    tenants.create(core, "Other Shop", "FR")
    row, token = make(core, tenant)
    auditor = auditor_links.enter(core, token, NOWHERE)
    assert (auditor.tenant_id, auditor.tenant_name) == (tenant.controller.id, "Acme Shop")
    assert (auditor.name, auditor.actor) == ("Dr. Example", f"auditor:{row.id}")
    assert [one for one in Permission if auditor.may(one)] == [Permission.LOOK]
    auditor.require(Permission.LOOK)
    with pytest.raises(Forbidden):
        auditor.require(Permission.READ_PEOPLE)


def test_the_token_is_kept_nowhere(core: Core, tenant: NewTenant) -> None:
    row, token = make(core, tenant)
    auditor_links.enter(core, token, NOWHERE)
    kept = json.dumps([str(vars(one)) for one in models.AuditorLink.select()])
    logged = json.dumps([one.leaf for one in models.AuditEntry.select()])
    assert token not in kept
    assert token not in logged
    assert "Example" not in logged
    assert row.token_hash == auditor_links.hash_of(token)


def test_making_using_and_revoking_stand_in_the_log(core: Core, tenant: NewTenant) -> None:
    row, token = make(core, tenant, days=7)
    auditor_links.enter(core, token, NOWHERE)
    for _ in range(2):
        auditor_links.revoke(core, tenant.controller.id, row.id, "user:8")
    (made,) = said(core, tenant, "auditor_link.created")
    (used,) = said(core, tenant, "auditor_link.used")
    (revoked,) = said(core, tenant, "auditor_link.revoked")
    assert (made["actor"], made["link"], made["days"]) == ("user:7", row.id, 7)
    assert (used["actor"], used["link"]) == (f"auditor:{row.id}", row.id)
    assert (revoked["actor"], revoked["link"]) == ("user:8", row.id)


def test_each_day_of_use_is_one_entry(core: Core, tenant: NewTenant, clock: object) -> None:
    _, token = make(core, tenant)
    for _ in range(3):
        for _ in range(4):
            assert auditor_links.find(core, token) is not None
            clock.forward(600)  # type: ignore[attr-defined]
        clock.forward(DAY)  # type: ignore[attr-defined]
    assert len(said(core, tenant, "auditor_link.used")) == 3


def test_a_look_within_the_minute_writes_nothing(core: Core, tenant: NewTenant, clock: object) -> None:
    row, token = make(core, tenant)
    auditor_links.find(core, token)
    seen = models.AuditorLink.get_by_id(row.id).last_seen_at
    auditor_links.find(core, token)
    assert models.AuditorLink.get_by_id(row.id).last_seen_at == seen
    clock.forward(61)  # type: ignore[attr-defined]
    auditor_links.find(core, token)
    assert models.AuditorLink.get_by_id(row.id).last_seen_at > seen


def test_a_link_that_is_over_revoked_or_unknown_opens_nothing(
    core: Core, tenant: NewTenant, clock: object
) -> None:
    over, revoked = make(core, tenant, days=1), make(core, tenant, days=90)
    auditor_links.revoke(core, tenant.controller.id, revoked[0].id, "user:7")
    clock.forward(DAY + 1)  # type: ignore[attr-defined]
    for token in (over[1], revoked[1], "nothing", "", "\ud800"):
        assert auditor_links.find(core, token) is None
        with pytest.raises(NotFound, match="opens nothing"):
            auditor_links.enter(core, token, NOWHERE)
    states = [auditor_links.state(row, core.clock()) for row in auditor_links.listing(tenant.controller.id)]
    assert sorted(states) == ["expired", "revoked"]


def test_another_tenants_link_is_not_there(core: Core, tenant: NewTenant) -> None:
    row, token = make(core, tenant)
    other = tenants.create(core, "Other Shop", "FR").controller.id
    assert auditor_links.listing(other) == []
    for name in (row.id, "nonsense", core.new_id()):
        with pytest.raises(NotFound):
            auditor_links.revoke(core, other, name, "user:9")
    assert auditor_links.find(core, token) is not None


@pytest.mark.parametrize(
    ("name", "days", "field"),
    [(" ", 7, "name"), ("x" * 101, 7, "name"), ("BfDI", 0, "days"), ("BfDI", 91, "days")],
)
def test_a_link_has_a_name_and_an_end(
    core: Core, tenant: NewTenant, name: str, days: int, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        auditor_links.create(core, tenant.controller.id, name, days, "user:7")
    assert refused.value.field == field
    assert not models.AuditorLink.select().exists()


def test_guessing_from_one_address_is_stopped_and_a_right_link_costs_nothing(
    core: Core, tenant: NewTenant
) -> None:
    _, token = make(core, tenant)
    guesser, auditor = Client("203.0.113.7"), Client("203.0.113.8")
    for _ in range(60):
        auditor_links.enter(core, token, auditor)
    for _ in range(50):
        with pytest.raises(NotFound):
            auditor_links.enter(core, "a guess", guesser)
    with pytest.raises(TooManyAttempts):
        auditor_links.enter(core, token, guesser)
    auditor_links.enter(core, token, auditor)
