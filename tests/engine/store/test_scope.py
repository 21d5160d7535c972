"""A query carries its tenant by construction: without one it raises, with one it reaches nobody else's rows."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from dxflow.engine.core import Core
from dxflow.engine.errors import NotFound, Trespass
from dxflow.engine.services import tenants
from dxflow.engine.services.people import credentials
from dxflow.engine.services.subjects import subjects
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.services.traffic import events
from dxflow.engine.store import models, quick, scope


@pytest.fixture
def other(core: Core) -> NewTenant:
    """A second data controller."""
    return tenants.create(core, "Beta Shop", "FR")


@contextmanager
def nobody() -> Iterator[None]:
    token = scope.begin()
    try:
        yield
    finally:
        scope.leave(token)


def of(tenant: NewTenant) -> Any:
    return scope.of(tenant.controller.id)


def notice(core: Core, tenant: NewTenant) -> dict[str, object]:
    """A row of a tenant's, to be inserted."""
    named = {"id": core.new_id(), "tenant_id": tenant.controller.id, "kind": "test"}
    return {**named, "severity": "info", "title": "A notice", "body": "", "created_at": core.clock()}


READING: dict[str, Callable[[type[models.TenantRow]], object]] = {
    "select": lambda model: list(model.select()),
    "count": lambda model: model.select().count(),
    "get": lambda model: model.get_or_none(),
    "delete": lambda model: model.delete().execute(),
    "quick.get": lambda model: quick.get(model, tenant_id="919108f7-52d1-4320-9bac-f847db4148a8"),
}


@pytest.mark.parametrize("how", READING)
@pytest.mark.parametrize("model", models.tables(models.TenantRow), ids=lambda model: model.__name__)
def test_whoever_says_no_tenant_gets_an_error_and_no_rows(how: str, model: type[models.TenantRow]) -> None:
    with nobody(), pytest.raises(Trespass):
        READING[how](model)


def test_nobody_can_write_either(core: Core, tenant: NewTenant) -> None:
    row = notice(core, tenant)
    key = {"id": row["id"]}
    with nobody():
        for write in (
            lambda: quick.insert(models.Notification, row),
            lambda: quick.insert_all(models.Notification, [row]),
            lambda: quick.update(models.Notification, key, {"title": "x"}),
            lambda: quick.put(models.AuditTile, {"tenant_id": tenant.controller.id}, "tenant_id"),
            lambda: models.Notification.create(**row, force_insert=True),
            lambda: models.Notification.update(title="x").execute(),
        ):
            with pytest.raises(Trespass):
                write()


def test_a_thread_begins_with_nobody(tenant: NewTenant) -> None:
    held = list[str]()
    with of(tenant):
        thread = threading.Thread(target=lambda: held.append(scope.current()))
        thread.start()
        thread.join()
    assert held == [scope.NOBODY]


def test_in_a_scope_every_query_finds_the_tenants_rows_alone(
    core: Core, tenant: NewTenant, other: NewTenant
) -> None:
    mine, theirs = notice(core, tenant), notice(core, other)
    quick.insert_all(models.Notification, [mine, theirs])
    row = models.Notification
    with of(tenant):
        assert [found.id for found in row.select().where(row.kind == "test")] == [mine["id"]]
        assert row.get_or_none(id=theirs["id"]) is None
        assert row.get_or_none(id=theirs["id"], tenant_id=other.controller.id) is None
        assert quick.get(row, id=theirs["id"]) is None
        assert quick.get(row, id=theirs["id"], tenant_id=other.controller.id) is None
        assert quick.lock(row, id=theirs["id"]) is None
        assert set(quick.by_ids(row, [mine["id"], theirs["id"]])) == {mine["id"]}
        assert quick.update(row, {"id": theirs["id"]}, {"title": "changed"}) == 0
        assert row.update(title="changed").where(row.id == theirs["id"]).execute() == 0
        assert row.delete().where(row.id == theirs["id"]).execute() == 0
        assert not quick.newer(models.Event, 0, tenant_id=other.controller.id)
        assert {event.tenant_id for event in quick.newer(models.Event, 0)} == {tenant.controller.id}
    assert row.get_by_id(theirs["id"]).title == "A notice"


def test_a_joined_table_carries_the_tenant_too(core: Core, tenant: NewTenant, other: NewTenant) -> None:
    mine, theirs = notice(core, tenant), notice(core, other)
    quick.insert_all(models.Notification, [mine, theirs])
    controller, row = models.DataController, models.Notification
    query = lambda: controller.select(controller.id, row.id).join(row, on=row.tenant_id == controller.id)  # noqa: E731
    with of(tenant):
        assert {found.id for found in query()} == {tenant.controller.id}
    with nobody(), pytest.raises(Trespass):
        query()


def test_a_row_of_another_tenant_cant_be_written(core: Core, tenant: NewTenant, other: NewTenant) -> None:
    theirs = notice(core, other)
    row = models.Notification
    mine = row.create(**notice(core, tenant), force_insert=True)
    with of(tenant):
        for write in (
            lambda: quick.insert(row, theirs),
            lambda: quick.insert_all(row, [notice(core, tenant), theirs]),
            lambda: quick.update(row, {"id": mine.id}, {"tenant_id": other.controller.id}),
            lambda: row.create(**theirs, force_insert=True),
            lambda: row.update(tenant_id=other.controller.id).execute(),
            lambda: row.update({row.tenant_id: other.controller.id}).execute(),
            lambda: row.insert_many([theirs]),
            lambda: row.raw("SELECT * FROM notifications"),
            lambda: row.alias(),
        ):
            with pytest.raises(Trespass):
                write()


def test_inside_one_tenants_scope_anothers_cant_be_entered(tenant: NewTenant, other: NewTenant) -> None:
    with of(tenant):
        with of(tenant):
            assert scope.current() == tenant.controller.id
        with pytest.raises(Trespass), of(other):
            pytest.fail("entered")
        with scope.everyone("a test"):
            assert scope.current() == scope.EVERYONE
        assert scope.current() == tenant.controller.id


@pytest.mark.parametrize("name", ["", "*", "none", "x' OR '1'='1", "919108F7-52D1-4320-9BAC-F847DB4148A8"])
def test_a_scope_takes_a_tenants_id_and_nothing_else(name: str) -> None:
    with pytest.raises(Trespass), scope.of(name):
        pytest.fail("entered")


def test_everyone_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="reason"), scope.everyone(""):
        pytest.fail("entered")


def test_services_asked_for_another_tenant_than_the_scopes_find_nothing(
    core: Core, tenant: NewTenant, other: NewTenant
) -> None:
    known = models.DataSubject.create(
        id=core.new_id(), tenant_id=tenant.controller.id, sources={}, state="active",
        created_at=core.clock(), updated_at=core.clock(), force_insert=True,
    )  # fmt: skip
    event = models.Event.get(tenant_id=tenant.controller.id)
    with of(other):
        assert credentials.keys(tenant.controller.id) == []
        assert events.listing(tenant.controller.id) == []
        for find in (
            lambda: subjects.get(tenant.controller.id, known.id),
            lambda: events.show(tenant.controller.id, event.id),
            lambda: events.show(None, event.id),
        ):
            with pytest.raises(NotFound):
                find()


def test_every_table_is_a_tenants_own_or_named_as_everybodys() -> None:
    tables = set(models.tables())
    owned = set(models.tables(models.TenantRow))
    assert owned | set(models.GLOBAL) == tables
    assert not owned & set(models.GLOBAL)
    assert all("tenant_id" in model._meta.fields for model in owned)
    assert all(models.GLOBAL.values())
