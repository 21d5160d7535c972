"""Behind the scope that queries carry stands PostgreSQL itself: here it is asked in plain SQL."""

from __future__ import annotations

from collections.abc import Callable

import peewee
import pytest
from databases import execute

from dxflow.engine.core import Core
from dxflow.engine.errors import Unavailable
from dxflow.engine.services import isolation, tenants
from dxflow.engine.services.tenants import NewTenant
from dxflow.engine.store import Store, models, scope
from dxflow.engine.store.migrations.isolation import TABLES

EVERY_NOTICE = "SELECT tenant_id::text FROM notifications"
TABLES_OF_TENANTS = [str(model._meta.table_name) for model in models.tables(models.TenantRow)]


@pytest.fixture
def database_url(migrated: Callable[[str], str]) -> str:
    """PostgreSQL, as a role that is no superuser."""
    return migrated("postgresql")


@pytest.fixture
def other(core: Core) -> NewTenant:
    """A second data controller."""
    return tenants.create(core, "Beta Shop", "FR")


@pytest.fixture
def notices(core: Core, tenant: NewTenant, other: NewTenant) -> tuple[str, str]:
    """A notice of each; the ids of the tenants."""
    for owner in (tenant, other):
        _insert(core, owner.controller.id)
    return tenant.controller.id, other.controller.id


def _insert(core: Core, tenant_id: str) -> None:
    statement = "INSERT INTO notifications (tenant_id, kind, title) VALUES (%s, 'test', 'A notice')"
    core.store.database.execute_sql(statement, (tenant_id,))


def _seen(core: Core) -> set[str]:
    return {row[0] for row in core.store.database.execute_sql(EVERY_NOTICE).fetchall()}


def test_a_query_that_forgets_the_tenant_gets_the_scopes_rows_alone(
    core: Core, notices: tuple[str, str]
) -> None:
    mine, theirs = notices
    assert _seen(core) == {mine, theirs}
    with scope.of(mine):
        assert _seen(core) == {mine}
        assert core.store.database.execute_sql("UPDATE notifications SET title = 'x'").rowcount == 1
        assert core.store.database.execute_sql("DELETE FROM notifications").rowcount == 1
    assert _seen(core) == {theirs}


def test_nobody_sees_nothing(core: Core, notices: tuple[str, str]) -> None:
    token = scope.begin()
    try:
        assert _seen(core) == set()
        for table in TABLES_OF_TENANTS:
            assert core.store.database.execute_sql(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    finally:
        scope.leave(token)
    assert _seen(core) == set(notices)


def test_a_row_of_another_tenant_is_refused(core: Core, notices: tuple[str, str]) -> None:
    mine, theirs = notices
    with scope.of(mine):
        with pytest.raises(peewee.ProgrammingError, match="row-level security"):
            _insert(core, theirs)
        with pytest.raises(peewee.ProgrammingError, match="row-level security"):
            core.store.database.execute_sql("UPDATE notifications SET tenant_id = %s", (theirs,))
    assert _seen(core) == {mine, theirs}


def test_the_view_of_consents_is_bound_too(core: Core, notices: tuple[str, str]) -> None:
    for owner in notices:
        subject = core.new_id()
        core.store.database.execute_sql(
            "INSERT INTO data_subjects (id, tenant_id) VALUES (%s, %s)", (subject, owner)
        )
        core.store.database.execute_sql(
            "INSERT INTO consents (tenant_id, subject_id, purpose, channel, state, source) "
            "VALUES (%s, %s, 'marketing', 'email', 'given', 'sql')",
            (owner, subject),
        )
    seen = "SELECT tenant_id::text FROM consents_current"
    assert len(core.store.database.execute_sql(seen).fetchall()) == 2
    with scope.of(notices[0]):
        assert core.store.database.execute_sql(seen).fetchall() == [(notices[0],)]


class Broken(Exception):
    """Undoes a transaction."""


def _break(core: Core, tenant_id: str) -> None:
    assert _seen(core) == {tenant_id}
    raise Broken


def _undone_by_transaction(core: Core, tenant_id: str) -> None:
    with pytest.raises(Broken), core.store.transaction(), scope.of(tenant_id):
        _break(core, tenant_id)


def _undone_by_savepoint(core: Core, tenant_id: str) -> None:
    with core.store.transaction():
        with pytest.raises(Broken), core.store.savepoint(), scope.of(tenant_id):
            _break(core, tenant_id)
        assert len(_seen(core)) == 2


def _undone_by_peewees_savepoint(core: Core, tenant_id: str) -> None:
    with core.store.transaction():
        with pytest.raises(Broken), core.store.database.savepoint(), scope.of(tenant_id):
            _break(core, tenant_id)
        assert len(_seen(core)) == 2


def _undone_by_a_failed_statement(core: Core, tenant_id: str) -> None:
    with scope.of(tenant_id), pytest.raises(peewee.ProgrammingError):
        core.store.database.execute_sql("SELECT no_such_column FROM notifications")


def _undone_without_a_word(core: Core, tenant_id: str) -> None:
    """COMMIT of a transaction in which something failed is a rollback."""
    with core.store.transaction(), scope.of(tenant_id):
        assert _seen(core) == {tenant_id}
        with pytest.raises(peewee.ProgrammingError):
            core.store.database.execute_sql("SELECT no_such_column FROM notifications")


@pytest.mark.parametrize(
    "undone",
    [
        _undone_by_transaction,
        _undone_by_savepoint,
        _undone_by_peewees_savepoint,
        _undone_by_a_failed_statement,
        _undone_without_a_word,
    ],
)
def test_after_whatever_is_undone_the_session_is_told_anew(
    core: Core, notices: tuple[str, str], undone: Callable[[Core, str], None]
) -> None:
    mine, theirs = notices
    for owner in (mine, theirs, mine):
        undone(core, owner)
        assert _seen(core) == {mine, theirs}
        with scope.of(owner):
            assert _seen(core) == {owner}
    with core.store.transaction(), scope.of(theirs):
        assert _seen(core) == {theirs}
    with scope.of(mine):
        assert _seen(core) == {mine}


def test_a_lost_connection_is_told_anew(core: Core, notices: tuple[str, str]) -> None:
    mine = notices[0]
    with scope.of(mine):
        assert _seen(core) == {mine}
        with pytest.raises(Unavailable), core.store.reachable():
            core.store.database.execute_sql("SELECT pg_terminate_backend(pg_backend_pid())")
        assert _seen(core) == {mine}


def test_a_session_of_ours_belongs_to_nobody_even_when_all_is_rolled_back(
    core: Core, notices: tuple[str, str]
) -> None:
    core.store.close()
    with pytest.raises(Broken), core.store.transaction(), scope.of(notices[0]):
        _break(core, notices[0])
    told = core.store.database.connection().cursor()
    told.execute("SELECT current_setting('dxflow.tenant')")
    assert told.fetchone() == (scope.NOBODY,)


def test_what_a_trigger_captures_belongs_to_the_row_that_changed(
    core: Core, tenant: NewTenant, other: NewTenant
) -> None:
    """A user is everybody's: whoever changes one, whose event it is was settled when they came in."""
    mine, theirs = tenant.controller.id, other.controller.id
    user = core.new_id()
    core.store.database.execute_sql("INSERT INTO users (id, tenant_id) VALUES (%s, %s)", (user, mine))
    with scope.of(theirs):
        core.store.database.execute_sql("UPDATE users SET active = false WHERE id = %s", (user,))
        assert models.Event.get_or_none(entity_id=user) is None
    owners = {event.tenant_id for event in models.Event.select().where(models.Event.entity_id == user)}
    assert owners == {mine}


def test_plain_sql_of_the_tables_owner_goes_on_working(
    core: Core, notices: tuple[str, str], database_url: str
) -> None:
    execute(
        database_url,
        f"INSERT INTO notifications (tenant_id, kind, title) VALUES ('{notices[1]}', 'test', 'By hand')",
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM notifications) = 3; END $$",
    )


def test_every_table_of_tenants_has_a_policy_that_binds_its_owner_too(store: Store) -> None:
    bound = store.database.execute_sql(
        "SELECT c.relname FROM pg_class c JOIN pg_policies p ON p.tablename = c.relname "
        "WHERE c.relrowsecurity AND c.relforcerowsecurity AND p.cmd = 'ALL' AND p.policyname = 'one_tenant'"
    ).fetchall()
    assert sorted(name for (name,) in bound) == sorted(TABLES_OF_TENANTS)
    assert set(TABLES) <= set(TABLES_OF_TENANTS)


def test_doctor_says_whether_it_stands_behind(store: Store, postgresql: str) -> None:
    assert "stands behind every query" in isolation.said(store)
    with Store(postgresql) as above:
        assert "is a superuser" in isolation.said(above)


def test_every_policy_is_said_as_a_case_which_planners_estimate_well(store: Store) -> None:
    found = "SELECT tablename, qual FROM pg_policies WHERE policyname = 'one_tenant'"
    with scope.everyone("a test looks at everything"):
        policies = dict(store.database.execute_sql(found).fetchall())
    assert policies.keys() >= set(TABLES_OF_TENANTS) - {"consents_current"}
    assert [table for table, qual in policies.items() if not qual.strip("( \n").startswith("CASE")] == []
