"""A worker whose PostgreSQL is away: it neither ends nor takes its master with it, and comes back by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote, unquote, urlsplit

import psycopg2
import pytest
from embedding.launch import gunicorn
from server import Installation, alive, install
from traffic import Crowd, Shipment, shipments

from waiting import wait_until


class Detour:
    """The way to a PostgreSQL server's socket, which can be blocked for those who connect anew."""

    def __init__(self, url: str, directory: Path) -> None:
        parts = urlsplit(url)
        self.socket_directory = unquote(parts.query.removeprefix("host="))
        self.way = directory / "pg"
        self.url = parts._replace(query=f"host={quote(str(self.way))}").geturl()
        self.open()

    def open(self) -> None:
        self.way.symlink_to(self.socket_directory)

    def block(self) -> None:
        self.way.unlink()

    @contextmanager
    def locked(self, table: str) -> Iterator[None]:
        """While the block runs, or until ``unlock``, nobody else reads or writes the table."""
        self._holder = psycopg2.connect(self.url)
        try:
            self._holder.cursor().execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            yield
        finally:
            self.unlock()

    def unlock(self) -> None:
        self._holder.close()

    def rows(self, query: str) -> list[tuple[object, ...]]:
        connection = psycopg2.connect(self.url)
        try:
            with connection.cursor() as cursor:
                cursor.execute(query)
                return cursor.fetchall()
        finally:
            connection.close()


@pytest.fixture
def detour(new_postgresql: Callable[[], str]) -> Iterator[Detour]:
    """In a directory of its own: a socket's path must be short."""
    with TemporaryDirectory(prefix="dxflow-") as directory:
        yield Detour(new_postgresql(), Path(directory))


@pytest.fixture
def on_postgresql(tmp_path: Path, detour: Detour) -> Installation:
    """An installation on PostgreSQL."""
    return install(tmp_path / "data", ("shopify",), database_url=detour.url)


def from_shopify(count: int) -> list[Shipment]:
    return [one for one in shipments(count * 5, seed=3) if one.platform == "shopify"][:count]


@pytest.mark.parametrize("kind", ["gthread", "gevent"])
def test_a_worker_born_while_the_database_is_away_works_when_it_is_back(
    on_postgresql: Installation, detour: Detour, run, kind
) -> None:
    server = run(gunicorn(on_postgresql.directory, "-k", kind, **on_postgresql.settings)).ready()
    crowd = Crowd(server.port, on_postgresql.doors, patient=True, threads=2)
    sent = from_shopify(40)
    crowd.send(sent[:20])
    replace_worker_without_database(server, detour)
    assert server.status_of("/readyz") == 503
    assert server.status_of("/dashboard/") == 503
    assert server.running
    crowd.send(sent[20:30], detour.open)
    server.ready()
    with detour.locked("events"):
        crowd.send(sent[30:], lambda: check_that_others_are_answered(server, detour))
    wait_until(lambda: unfinished(detour) == 0, timeout=60, what="every event to be over")
    check_exactly_once(detour, crowd.event_ids().values())
    assert on_postgresql.verify_log()["tenants"] == 1
    replace_worker_without_database(server, detour)
    assert server.end() == 0, "it ends while it waits, too"


def replace_worker_without_database(server, detour: Detour) -> None:
    (worker,) = server.workers()
    detour.block()
    worker.kill()
    wait_until(lambda: not alive(worker), what="the worker's end")
    wait_until(lambda: server.status_of("/healthz") == 200, what="another worker")


def check_that_others_are_answered(server, detour: Detour) -> None:
    """While deliveries wait for the lock, which ends with this check."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'events'::regclass"
    try:
        wait_until(lambda: detour.rows(waiting) != [(0,)], what="a delivery that waits")
        assert server.status_of("/healthz") == 200
    finally:
        detour.unlock()


def unfinished(detour: Detour) -> object:
    return detour.rows("SELECT count(*) FROM events WHERE state NOT IN ('done', 'failed', 'discarded')")[0][0]


def check_exactly_once(detour: Detour, event_ids) -> None:
    """One registered activity and one registration for each of them."""
    expected = sorted(event_ids)
    assert detour.rows("SELECT DISTINCT state FROM events") == [("done",)]
    activities = detour.rows(
        "SELECT a.event_id::text, a.registration_state FROM data_processing_activities a"
        " JOIN registrations r ON r.activity_id = a.id"
    )
    assert sorted(activities) == [(one, "registered") for one in expected]


def test_a_fault_that_waiting_cannot_mend_still_ends_the_server_with_one_line(
    installation: Installation, run
) -> None:
    (installation.directory / "root.key").write_text("A" * 43 + "=\n")
    server = run(gunicorn(installation.directory))
    assert server.process.wait(30) == 3
    assert "another root key" in server.log()
    assert "Traceback" not in server.log()
