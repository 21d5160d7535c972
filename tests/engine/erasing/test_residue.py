"""What is left of deleted rows in the database's own files."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import bodies
import pytest
from flow import Sender, customer, drain, seeing

from dxflow.engine import core as cores
from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure, residue
from dxflow.engine.services import tenants
from dxflow.engine.services.audit import verifying
from dxflow.engine.store import Store, models
from waiting import wait_until

PEOPLE = 30


@pytest.fixture
def crowded(database_url: str) -> Iterator[Core]:
    """A core of its own; its tables grew while each of the people came: pages were split, rows moved."""
    with Store(database_url) as store:
        store.migrate()
        core = cores.build(store, b"k" * 32, host="dxflow.example")
        shopify = Sender(core, tenants.create(core, "Acme Shop", "DE").controller.id)
        for number in range(PEOPLE):
            person = customer(number)
            shopify.send("customers/create", person)
            shopify.send("orders/create", bodies.order(email=person["email"], customer=person))
            drain(core)
        yield core


def _secrets(ids: list[str]) -> dict[bytes, str]:
    """Keys, salts, links and ciphertexts of these people, as the files would have them."""
    subject, link, event = models.DataSubject, models.DataSubjectLink, models.Event
    concerned, activity = models.AuditSaltSubject, models.ProcessingActivity
    seqs = [row.seq for row in concerned.select().where(concerned.subject_id.in_(ids))]
    acts = [row.id for row in activity.select().where(activity.subject_id.in_(ids))]
    found = {bytes(row.key_wrapped): "key" for row in subject.select().where(subject.id.in_(ids))}
    found |= {row.link.encode(): "link" for row in link.select().where(link.subject_id.in_(ids))}
    found |= {bytes(row.salt): "salt" for row in models.AuditSalt.select() if row.seq in seqs}
    found |= {bytes(row.salt): "salt" for row in models.ActivitySalt.select() if row.activity_id in acts}
    sealed = event.select().where(event.subject_id.in_(ids), event.payload_sealed.is_null(False))
    return found | {bytes(row.payload_sealed)[:64]: "body" for row in sealed}


def _finds(places: list[Path], secrets: dict[bytes, str]) -> list[str]:
    files = [path for place in places for path in place.rglob("*") if path.is_file()]
    contents = [path.read_bytes() for path in files]
    assert sum(map(len, contents)) > 300_000
    return sorted(kind for secret, kind in secrets.items() if any(secret in one for one in contents))


def _erase_every_third(core: Core) -> dict[bytes, str]:
    rows = list(models.DataSubject.select().order_by(models.DataSubject.created_at))[::3]
    secrets = _secrets([row.id for row in rows])
    assert len(secrets) > 100
    for row in rows:
        assert erasure.erase(core, row.tenant_id, row.id, "system", reason="request").clean
    return secrets


def test_sqlite_keeps_nothing(crowded: Core, tmp_path: Path) -> None:
    if crowded.store.dialect != "sqlite":
        pytest.skip("looks at SQLite's files")
    secrets = _erase_every_third(crowded)
    assert _finds([tmp_path], secrets) == []
    assert residue.rewrite(crowded.store)
    assert verifying.verify_logs(crowded).problems == []


def test_postgresql_keeps_nothing_in_tables_that_were_rewritten(crowded: Core) -> None:
    if crowded.store.dialect != "postgresql":
        pytest.skip("looks at PostgreSQL's files")
    crowded.store.database.execute_sql(
        "ANALYZE"
    )  # as an autovacuum does: it keeps samples of what columns hold
    secrets = _erase_every_third(crowded)

    def nothing_is_left() -> bool:  # while an autovacuum looks on, VACUUM FULL keeps what it may still see
        residue.rewrite(crowded.store)
        return _finds([_files_of(crowded.store)], secrets) == []

    wait_until(nothing_is_left, what="tables without a stale byte")
    assert verifying.verify_logs(crowded).problems == []


def _files_of(store: Store) -> Path:
    ask = store.database.execute_sql
    (oid,) = ask("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    (directory,) = ask("SHOW data_directory").fetchone()
    path = Path(directory, "base", str(oid))
    if not os.access(path, os.R_OK):
        pytest.skip("this server's files belong to another user")
    return path


def test_what_is_too_large_to_be_rewritten_at_once_is_said(crowded: Core) -> None:
    assert residue.clean(crowded.store, at_once=10_000) is False
    assert residue.clean(crowded.store)
    with crowded.store.transaction():
        assert residue.clean(crowded.store) is False


def test_who_reads_on_and_on_keeps_the_log_of_changes_from_being_emptied_and_it_is_said(
    crowded: Core, make_reader: Callable[[Store], threading.Event]
) -> None:
    over = make_reader(crowded.store)
    subject = models.DataSubject.select().first()
    with crowded.store.transaction():
        models.Notification.delete().execute()
    assert residue.clean(crowded.store, patience=0.05) is False
    assert residue.rewrite(crowded.store, patience=0.05) is False
    over.set()
    assert erasure.erase(crowded, subject.tenant_id, subject.id, "system", reason="request").clean


@pytest.fixture
def make_reader() -> Iterator[Callable[[Store], threading.Event]]:
    """Starts somebody who reads one snapshot until told to stop."""
    over, reads, threads = threading.Event(), threading.Event(), list[threading.Thread]()

    def read(store: Store) -> None:
        with store.database.connection_context(), store.database.atomic("DEFERRED"):
            models.DataSubject.select().count()
            reads.set()
            over.wait(30)

    def make(store: Store) -> threading.Event:
        if store.dialect != "sqlite":
            pytest.skip("PostgreSQL's readers keep nobody from it")
        threads.append(threading.Thread(target=seeing(read), args=(store,)))
        threads[0].start()
        assert reads.wait(30)
        return over

    yield make
    over.set()
    for thread in threads:
        thread.join()
