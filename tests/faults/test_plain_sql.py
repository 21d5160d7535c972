"""Another program writes a processing activity with plain SQL: it is registered like any other, and soon."""

from __future__ import annotations

import sqlite3
import statistics
import time
import uuid
from contextlib import closing

import psycopg2
import pytest
from server import install

from waiting import wait_until

pytestmark = pytest.mark.fault

INSERT = (
    "INSERT INTO data_processing_activities (id, tenant_id, activity_type, legal_basis, purpose)"
    " VALUES ({0}, {0}, 'newsletter', 'consent', 'marketing')"
)
STATE = "SELECT registration_state, did, log_index FROM data_processing_activities WHERE id = {0}"
MEDIAN_S = 0.8
"""Well under the second at which the relay looks anyway: the change itself must have been noticed."""
LONGEST_S = 2.5


def register_five(connection, mark: str, tenant_id: str) -> list[float]:
    """Insert five activities, each after the one before is registered; the seconds that each took."""
    return [_register(connection, mark, tenant_id) for _ in range(5)]


def _register(connection, mark: str, tenant_id: str) -> float:
    activity = str(uuid.uuid4())
    cursor = connection.cursor()
    started = time.monotonic()
    cursor.execute(INSERT.format(mark), (activity, tenant_id))
    connection.commit()

    def registered() -> bool:
        cursor.execute(STATE.format(mark), (activity,))
        state, did, index = cursor.fetchone()
        connection.commit()
        return state == "registered" and did.startswith("did:") and index >= 0

    wait_until(registered, what="the registration")
    return time.monotonic() - started


def check(seconds: list[float]) -> None:
    print("INSERT to registered, s:", [round(one, 2) for one in seconds])
    assert statistics.median(seconds) < MEDIAN_S, seconds
    assert max(seconds) < LONGEST_S, seconds


def test_an_activity_inserted_by_another_program_is_registered_within_a_second(
    installation, books, make_server
):
    make_server(installation.directory).start().ready()
    with closing(sqlite3.connect(books.file, timeout=20)) as connection:
        check(register_five(connection, "?", installation.tenant["id"]))


def test_an_activity_inserted_into_postgresql_is_registered_within_a_second(
    new_postgresql, make_server, tmp_path
):
    address = new_postgresql()
    installation = install(tmp_path / "data", platforms=(), database_url=address)
    server = make_server(installation.directory, database_url=address).start().ready()
    with closing(psycopg2.connect(address)) as connection:
        check(register_five(connection, "%s", installation.tenant["id"]))
    assert server.stop() == 0
    assert installation.verify_log()["entries"] > 0
    assert not (installation.directory / "dxflow.db").exists()
