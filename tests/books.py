"""What stands in the database, read by another program while the server runs or after it."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from waiting import wait_until

OVER = ("done", "failed", "discarded")


class Books:
    """The SQLite file of a data directory."""

    def __init__(self, data_dir: Path) -> None:
        self.file = data_dir / "dxflow.db"

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.file, timeout=20)) as opened:
            yield opened

    def rows(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        with self.connection() as connection:
            return connection.execute(query, values).fetchall()

    def number(self, query: str, *values: object) -> int:
        """The one number a query gives."""
        return int(self.rows(query, *values)[0][0] or 0)

    def under_way(self) -> int:
        """Events of any workflow that aren't over."""
        return self.number(f"SELECT count(*) FROM events WHERE state NOT IN {OVER}")

    def wait_until_quiet(self, timeout: float = 60.0) -> None:
        """Wait until nothing is under way."""
        wait_until(lambda: self.under_way() == 0, timeout=timeout, what="every event to be over")

    def steps_done(self) -> int:
        """How far the work has come: leaves in all logs."""
        return self.number("SELECT count(*) FROM audit_entries")

    def check_exactly_once(self, event_ids: Iterable[str]) -> None:
        """One activity, one registration and one registered leaf for each of these events and no other; every
        event of every workflow done, each step of it logged once."""
        expected = sorted(event_ids)
        assert self.rows("SELECT DISTINCT state FROM events") == [("done",)], self._failures()
        came_in = self.rows("SELECT id FROM events WHERE workflow = 'webhook' ORDER BY id")
        assert [row[0] for row in came_in] == expected
        self._check_activities(expected)
        self._check_steps()

    def _check_activities(self, expected: list[str]) -> None:
        activities = self.rows(
            "SELECT a.event_id, a.id, a.did, a.registration_state, a.log_index, r.did, r.log_index"
            " FROM data_processing_activities a LEFT JOIN registrations r ON r.activity_id = a.id"
        )
        assert sorted(row[0] for row in activities) == expected
        assert {row[3] for row in activities} == {"registered"}
        assert [row[2] for row in activities] == [row[5] for row in activities]
        assert [row[4] for row in activities] == [row[6] for row in activities]
        assert self.number("SELECT count(*) FROM registrations") == len(expected)
        leaves = self._leaves("activity.registered")
        assert {leaf["activity"]: seq for seq, leaf in leaves} == {row[2]: row[4] for row in activities}
        assert len(leaves) == len(expected)

    def _check_steps(self) -> None:
        logged = Counter((leaf["event"], leaf["step"]) for _, leaf in self._leaves("workflow.step"))
        assert set(logged.values()) == {1}
        taken = {
            (event, entry["step"])
            for event, history in self.rows("SELECT id, history FROM events")
            for entry in json.loads(history)
            if "outcome" in entry
        }
        assert set(logged) == taken

    def _leaves(self, kind: str) -> list[tuple[int, dict[str, Any]]]:
        found = self.rows("SELECT seq, leaf FROM audit_entries WHERE kind = ? ORDER BY seq", kind)
        return [(seq, json.loads(leaf)) for seq, leaf in found]

    def _failures(self) -> list[tuple[Any, ...]]:
        return self.rows(
            "SELECT source, topic, workflow, step, state, error FROM events WHERE state <> 'done' LIMIT 5"
        )
