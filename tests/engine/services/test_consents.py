"""What holds of everybody, page by page, without ranking everything that was ever said."""

from __future__ import annotations

import pytest
from flow import HandClock

from dxflow.engine.core import Core
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.services.subjects import consents, subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import models


def test_pages_of_all_consents_hold_what_the_view_holds_in_its_order(
    core: Core, tenant: NewTenant, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consents, "_LOOKED", 4)
    owner, other = tenant.controller.id, tenants.create(core, "Other Shop", "FR").controller.id
    for number in range(18):
        person = Person(email=f"person{number % 5}@shop.example")
        for at in (owner, other):
            subject, _ = subjects.enter(core, at, person, "user:1")
            state = "granted" if number % 2 else "withdrawn"
            consents.state(core, at, subject.id, "newsletter", "email", state, actor="user:1")
        clock.forward(1)
    current = models.ConsentCurrent
    query = current.select().where(current.tenant_id == owner).order_by(current.seq.desc())
    expected = [one.id for one in query]
    found, cursor = list[str](), None
    while True:
        page = consents.listing(owner, limit=2, cursor=cursor)
        found += [one.current.id for one in page.rows]
        assert all(one.history[0].id == one.current.id for one in page.rows)
        if (cursor := page.next_cursor) is None:
            break
    assert found == expected
    assert len(found) == 5
