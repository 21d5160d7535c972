"""The store: migrations, append-only tables, change capture, on SQLite and PostgreSQL alike."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import peewee
import pytest

from dxflow.engine import machine
from dxflow.engine.errors import Unavailable
from dxflow.engine.store import Store, models, quick
from dxflow.engine.store.migrations import MIGRATIONS
from dxflow.engine.store.migrations.triggers import CAPTURES, DASHBOARD, MEMBERSHIPS, RIGHTS
from dxflow.engine.store.turns import Turns

TENANT = "919108f7-52d1-4320-9bac-f847db4148a8"


def _controller(store: Store) -> None:
    store.database.execute_sql(f"INSERT INTO data_controllers (id, name) VALUES ('{TENANT}', 'Acme')")


def _entry(store: Store) -> None:
    store.database.execute_sql(
        f"INSERT INTO audit_entries (tenant_id, seq, kind, leaf) VALUES ('{TENANT}', 0, 'test', '{{}}')"
    )


def test_migrations_apply_once_and_in_order(store: Store) -> None:
    assert store.version() == MIGRATIONS[-1].number
    assert store.migrate() == []
    assert store.up_to_date()


def test_an_existing_installation_takes_the_next_migration(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store(database_url) as store:
        with monkeypatch.context() as patch:
            patch.setattr("dxflow.engine.store.store.MIGRATIONS", MIGRATIONS[:1])
            assert store.migrate() == ["initial"]
        _controller(store)
        assert store.migrate() == [migration.name for migration in MIGRATIONS[1:]]
        assert store.up_to_date()
        assert models.DataController.get().queue_weight == 1
        assert models.Event.get().entity_id == TENANT


def test_what_was_granted_and_built_on_the_consents_that_hold_outlives_their_renewal(
    new_postgresql: Callable[[], str],
) -> None:
    with Store(new_postgresql()) as store:
        store.migrate(7)
        execute = store.database.execute_sql
        execute("GRANT SELECT ON consents_current TO PUBLIC")
        execute("CREATE VIEW a_report AS SELECT purpose, state FROM consents_current")
        assert store.migrate() == ["dashboard"]
        granted = "SELECT has_table_privilege('pg_monitor', 'consents_current', 'SELECT')"
        assert execute(granted).fetchone()[0] is True
        (options,) = execute("SELECT reloptions FROM pg_class WHERE relname = 'consents_current'").fetchone()
        assert options == ["security_invoker=true"]
        assert execute("SELECT count(*) FROM a_report").fetchone()[0] == 0


def test_two_processes_may_migrate_the_same_database_at_once(database_url: str) -> None:
    store = Store(database_url)
    errors: list[Exception] = []

    def migrate() -> None:
        try:
            store.migrate()
        except Exception as error:  # noqa: BLE001 - shown below, whatever it is
            errors.append(error)
        finally:
            store.close()

    threads = [threading.Thread(target=migrate) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert store.up_to_date()


def test_every_model_reads_what_its_table_holds(store: Store) -> None:
    tables = set(store.database.get_tables()) | {view.name for view in store.database.get_views()}
    for model in [*models.tables(), models.ConsentCurrent]:
        assert model._meta.table_name in tables
        assert list(model.select().limit(1)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_entries SET leaf = 'forged'",
        "DELETE FROM audit_entries",
        f"INSERT INTO audit_entries (tenant_id, seq, kind, leaf) VALUES ('{TENANT}', 0, 'test', 'forged') "
        "ON CONFLICT (tenant_id, seq) DO UPDATE SET leaf = 'forged'",
    ],
)
def test_the_database_refuses_to_rewrite_an_audit_entry(store: Store, statement: str) -> None:
    _entry(store)
    with pytest.raises(peewee.DatabaseError, match="append-only"):
        store.database.execute_sql(statement)
    assert [entry.leaf for entry in models.AuditEntry.select()] == ["{}"]


def test_sqlite_refuses_insert_or_replace_even_without_recursive_triggers(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path / 'x.db'}") as store:
        store.migrate()
        _entry(store)
        for verb in ("INSERT OR REPLACE", "REPLACE"):
            with pytest.raises(peewee.IntegrityError, match="append-only"):
                store.database.execute_sql(
                    f"{verb} INTO audit_entries (tenant_id, seq, kind, leaf) VALUES ('{TENANT}', 0, 'x', 'y')"
                )
        assert models.AuditEntry.get().leaf == "{}"


def test_postgresql_refuses_truncate(new_postgresql: Callable[[], str]) -> None:
    with Store(new_postgresql()) as store:
        store.migrate()
        _entry(store)
        with pytest.raises(peewee.DatabaseError, match="append-only"):
            store.database.execute_sql("TRUNCATE audit_entries")
        assert models.AuditEntry.select().count() == 1


def test_sqlite_commits_are_durable(tmp_path: Path) -> None:
    with Store(f"sqlite:///{tmp_path / 'x.db'}") as store:
        store.migrate()
        pragma = store.database.execute_sql
        assert pragma("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert pragma("PRAGMA synchronous").fetchone()[0] == 2  # FULL


@pytest.mark.parametrize(
    "capture", [*CAPTURES, MEMBERSHIPS, *RIGHTS, *DASHBOARD], ids=lambda capture: capture.table
)
def test_captured_workflows_and_first_steps_are_the_machines(capture: object) -> None:
    assert machine.first_step(capture.workflow) == capture.first_step  # type: ignore[attr-defined]


def test_a_plain_sql_insert_starts_its_workflow_in_the_same_transaction(store: Store) -> None:
    _controller(store)
    event = models.Event.get()
    assert (event.topic, event.workflow, event.step, event.state) == (
        "data_controllers.INSERT",
        "data_controller",
        "derive",
        "received",
    )
    assert (event.tenant_id, event.entity_id) == (TENANT, TENANT)
    assert event.due_at is not None
    with contextlib.suppress(RuntimeError), store.transaction():
        store.database.execute_sql("UPDATE data_controllers SET name = 'Other'")
        raise RuntimeError
    assert models.Event.select().count() == 1


def test_only_columns_that_mean_something_outside_are_captured(store: Store) -> None:
    _controller(store)
    store.database.execute_sql("UPDATE data_controllers SET did = 'did:dep:x'")
    store.database.execute_sql("UPDATE data_controllers SET name = 'Acme'")
    assert models.Event.select().count() == 1
    store.database.execute_sql("UPDATE data_controllers SET name = 'Acme Ltd'")
    assert [event.topic for event in models.Event.select().order_by(models.Event.seq)][1:] == [
        "data_controllers.UPDATE"
    ]


def test_ids_made_by_the_database_are_version_4(store: Store) -> None:
    import uuid

    store.database.execute_sql("INSERT INTO data_controllers (name) VALUES ('Acme')")
    made = uuid.UUID(models.DataController.get().id)
    assert (made.version, made.variant) == (4, uuid.RFC_4122)


def test_the_current_consent_is_the_newest_by_its_own_time(store: Store) -> None:
    _controller(store)
    subject = "b9a5ba51-0f26-4b0c-a3a9-5a7b0e1f5a10"
    store.database.execute_sql(f"INSERT INTO data_subjects (id, tenant_id) VALUES ('{subject}', '{TENANT}')")
    for state, at in (("withdrawn", "2026-02-01"), ("granted", "2026-01-01")):
        store.database.execute_sql(
            "INSERT INTO consents (tenant_id, subject_id, purpose, channel, state, source, occurred_at) VALUES "
            f"('{TENANT}', '{subject}', 'marketing', 'email', '{state}', 'test', '{at}T00:00:00.000Z')"
        )
    assert [consent.state for consent in models.ConsentCurrent.select()] == ["withdrawn"]
    with pytest.raises(peewee.DatabaseError, match="append-only"):
        store.database.execute_sql("UPDATE consents SET state = 'granted'")


def test_a_lost_connection_is_unavailable_and_the_next_call_connects_again(store: Store) -> None:
    store.ping()
    if store.dialect == "postgresql":
        pid = store.database.execute_sql("SELECT pg_backend_pid()").fetchone()[0]
        other = threading.Thread(
            target=lambda: (store.database.execute_sql(f"SELECT pg_terminate_backend({pid})"), store.close())
        )
        other.start()
        other.join()
        with pytest.raises(Unavailable):
            store.ping()
    store.ping()


def test_a_postgresql_that_takes_the_call_and_says_nothing_is_unavailable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("dxflow.engine.store.store._CONNECT_TIMEOUT_S", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        quiet = Store(f"postgresql://dxflow@127.0.0.1:{silent.getsockname()[1]}/dxflow")
        with pytest.raises(Unavailable):
            quiet.ping()


def test_quick_statements_speak_as_the_models_do(store: Store) -> None:
    row = {"id": TENANT, "name": "Acme", "jurisdiction": "EU", "created_at": "2026-01-01T00:00:00.000Z"}
    assert quick.insert(models.DataController, row) == 1
    assert quick.insert(models.DataController, row, ignore=True) == 0
    assert quick.update(models.DataController, {"id": TENANT}, {"region": "DE"}) == 1
    found = quick.get(models.DataController, id=TENANT)
    assert found is not None
    assert found.__data__ == models.DataController.get_by_id(TENANT).__data__
    assert quick.get(models.DataController, name="Nobody") is None


def test_turns_are_handed_over_in_the_order_they_were_asked_for() -> None:
    turns, order = Turns(), list[int]()
    threads = []
    with turns, turns:
        for number in range(5):
            thread = threading.Thread(target=lambda n=number: _take(turns, order, n))
            thread.start()
            while len(turns._waiting) <= number:
                threading.Event().wait(0.001)
            threads.append(thread)
    for thread in threads:
        thread.join()
    assert order == [0, 1, 2, 3, 4]


def _take(turns: contextlib.AbstractContextManager[object], order: list[int], number: int) -> None:
    with turns:
        order.append(number)


def test_an_urgent_turn_goes_before_the_others_but_never_twice_in_a_row() -> None:
    turns, order = Turns(), list[int]()
    threads = []
    with turns:
        for number in range(6):  # 0, 2 and 4 wait in the common line
            line = turns.urgent if number % 2 else turns
            thread = threading.Thread(target=lambda n=number, line=line: _take(line, order, n))
            thread.start()
            while len(turns._waiting) + len(turns._pressing) <= number:
                threading.Event().wait(0.001)
            threads.append(thread)
    for thread in threads:
        thread.join()
    assert order == [1, 0, 3, 2, 5, 4]
