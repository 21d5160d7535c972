"""What was backed up comes back as it was, somewhere else."""

from __future__ import annotations

from pathlib import Path

import pytest
from places import Place

from dxflow.engine.backups import postgresql, restoring
from dxflow.engine.core import Core
from dxflow.engine.services.audit import verifying
from dxflow.engine.store import models
from dxflow.engine.store import store as store_module
from dxflow.engine.store.migrations import MIGRATIONS, Migration


def counts() -> dict[str, int]:
    """Rows by table."""
    return {str(model._meta.table_name): model.select().count() for model in models.tables()}


def test_everything_comes_back_on_another_machine(place: Place, elsewhere: Place, tmp_path: Path) -> None:
    before = counts()
    made = place.backup(tmp_path / "backups", tmp_path / "safe")
    found = elsewhere.restore(made)
    core = elsewhere.core()
    after = counts()
    assert found.logs == 2
    assert after.pop("audit_entries") == before.pop("audit_entries") + 1  # that it was restored
    ignored = {"audit_tiles"}
    assert {name: after[name] for name in after.keys() - ignored} == {
        name: before[name] for name in before.keys() - ignored
    }
    assert verifying.verify_logs(core).ok


def test_the_same_people_are_recognised_afterwards(place: Place, elsewhere: Place, tmp_path: Path) -> None:
    elsewhere.restore(place.backup(tmp_path / "backups"))
    elsewhere.senders = place.senders
    elsewhere.core()
    people = models.DataSubject.select().count()
    elsewhere.customers(1, 5, "-again")
    assert models.DataSubject.select().count() == people + 1
    assert verifying.verify_logs(elsewhere.core()).ok


def test_keys_indexes_and_triggers_are_as_they_were(place: Place, elsewhere: Place, tmp_path: Path) -> None:
    before = shape(place.core())
    made = place.backup(tmp_path)
    elsewhere.restore(made)
    assert shape(elsewhere.core()) == before
    elsewhere.restore(made, force=True)
    assert shape(elsewhere.core()) == before


def shape(core: Core) -> list[tuple[object, ...]]:
    """Everything the schema is made of."""
    if core.store.dialect == "sqlite":
        return sorted(core.store.database.execute_sql("SELECT type, name, sql FROM sqlite_master").fetchall())
    found: list[tuple[object, ...]] = []
    for query in (
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE connamespace = current_schema()::regnamespace",
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index "
        "WHERE indrelid = ANY (%s::regclass[])",
        "SELECT tgrelid::regclass::text, tgname, tgenabled FROM pg_trigger WHERE NOT tgisinternal",
        "SELECT table_name, column_name, is_nullable, column_default FROM information_schema.columns "
        "WHERE table_schema = current_schema()",
    ):
        given = [postgresql.tables()] if "%s" in query else None
        found += core.store.database.execute_sql(query, given).fetchall()
    return sorted(found, key=repr)


def test_every_table_of_ours_is_in_a_backup(core: Core) -> None:
    there = set(core.store.database.get_tables()) - {"sqlite_sequence"}
    assert set(postgresql.tables()) == there


def test_a_backup_of_an_older_schema_is_brought_up_to_date(
    place: Place, elsewhere: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = place.backup(tmp_path)
    newest = MIGRATIONS[-1].number
    later = Migration(newest + 1, "later", lambda _: ["CREATE TABLE later (id INTEGER PRIMARY KEY)"])
    for module in (store_module, restoring):
        monkeypatch.setattr(module, "MIGRATIONS", (*MIGRATIONS, later))
    for _ in range(2):  # into an empty database, and into one that is newer than the backup
        found = elsewhere.restore(made, force=True)
        assert (found.schema, found.migrated) == (newest, ["later"])
        core = elsewhere.core()
        assert core.store.version() == newest + 1
        assert core.store.database.table_exists("later")
        assert verifying.verify_logs(core).ok
        if core.store.dialect == "postgresql":
            core.store.database.execute_sql("DROP TABLE later")  # no model of ours knows it
