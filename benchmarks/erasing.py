"""Seconds to forget a person with 10,000 activities, against bare SQL that deletes the same rows.

Ours finds what there is, opens deliveries of nobody to see whether they name the person, writes a leaf, a
receipt and its proof, and empties the write-ahead log. The peer is told what to delete, in six statements on a
copy of the same file, and empties the log too.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import stage
from measure import Figure, Goal, Readings, Round, Scale, Verdict, spread, take

from dxflow.engine.core import Core
from dxflow.engine.erasing import erasure, residue
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.ledger import leaves
from dxflow.engine.ledger.log import Leaf
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.store import models, quick

ACTIVITIES, STEPS, PART, BODY_BYTES = 10_000, 6, 100, 900
"""Activities of a person; leaves of one's steps; how many are written at once; the body that brought one."""
STRANGERS = 2_000
"""Deliveries of the tenant that belong to nobody, and are opened."""
GOAL = Goal(reach=3.0, aim=1.5, lower=True)
DELETES = (
    "UPDATE events SET payload_sealed = NULL, body_mac = NULL, error = NULL WHERE subject_id = ?",
    "DELETE FROM audit_salts WHERE (tenant_id, seq) IN "
    "(SELECT tenant_id, seq FROM audit_salt_subjects WHERE subject_id = ?)",
    "DELETE FROM audit_salt_subjects WHERE subject_id = ?",
    "DELETE FROM activity_salts WHERE activity_id IN "
    "(SELECT id FROM data_processing_activities WHERE subject_id = ?)",
    "DELETE FROM data_subject_links WHERE subject_id = ?",
    "UPDATE data_subjects SET key_wrapped = NULL, profile_sealed = NULL, state = 'erased' WHERE id = ?",
)


@dataclass
class Bench:
    """An installation in which a new person is made for every reading, among the rows of those before."""

    core: Core
    tenant_id: str
    place: Path
    file: Path
    activities: int
    made: int = 0

    def turn(self) -> Round:
        """Both, of one person: the peer on a copy of the file."""
        subject_id = self._person()
        residue.clean(self.core.store)
        copy = self.place / "copy.db"
        shutil.copyfile(self.file, copy)
        peer = _bare(copy, subject_id)
        copy.unlink()
        began = time.perf_counter()
        erased = erasure.erase(self.core, self.tenant_id, subject_id, "system", reason="request", at_once=0)
        ours = time.perf_counter() - began
        began, megabytes = time.perf_counter(), self.file.stat().st_size / 1e6
        assert residue.rewrite(self.core.store)
        rewriting = megabytes / (time.perf_counter() - began)
        assert erased.counts["salts"] == (STEPS + 1) * self.activities, erased.counts
        assert erased.counts["bodies"] == self.activities, erased.counts
        return {
            "ours": ours,
            "peer": peer,
            "rows": float(sum(erased.counts.values())),
            "rewriting": rewriting,
        }

    def _person(self) -> str:
        self.made += 1
        origin = Origin(self.tenant_id, "shopify", None, None)
        with self.core.store.transaction():
            person = Person(email=f"person{self.made}@shop.example")
            subject = self.core.subjects.match(origin, person, create=True).subject
        assert subject is not None
        for first in range(0, self.activities, PART):
            with self.core.store.transaction():
                self._work(subject.id, min(PART, self.activities - first))
        return str(subject.id)

    def _work(self, subject_id: str, count: int) -> None:
        """So many deliveries as the workflows leave them behind: event, activity, salts, leaves."""
        core, now = self.core, self.core.clock()
        events = [core.new_id() for _ in range(count)]
        activities = [core.new_id() for _ in range(count)]
        quick.insert_all(models.Event, [self._event(one, subject_id) for one in events])
        common = {"tenant_id": self.tenant_id, "subject_id": subject_id, "activity_type": "customer.updated"}
        basis = {"legal_basis": "contract", "purpose": "orders", "fields": ["email"], "source": "shopify"}
        rest = {**common, **basis, "occurred_at": now, "created_at": now, "registration_state": "registered"}
        pairs = list(zip(activities, events, strict=True))
        rows = [{"id": one, "event_id": event, **rest} for one, event in pairs]
        quick.insert_all(models.ProcessingActivity, rows)
        salted = {"tenant_id": self.tenant_id, "commitment": "0" * 64}
        random = core.log.random
        salts = [{"activity_id": one, "salt": random(leaves.SALT_BYTES), **salted} for one in activities]
        quick.insert_all(models.ActivitySalt, salts)
        models.Event.delete().where(models.Event.source == "database").execute()  # what the triggers noticed
        body = {"actor": "workflow:webhook", "workflow": "webhook", "outcome": "matched"}
        batch = [
            Leaf(
                "workflow.step",
                {**body, "event": event, "step": str(n)},
                {"subject": subject_id},
                (subject_id,),
            )
            for event in events
            for n in range(STEPS)
        ]
        core.log.append(self.tenant_id, batch)

    def _event(self, event_id: str, subject_id: str | None) -> dict[str, object]:
        core, now = self.core, self.core.clock()
        place = {"table": "events", "column": "payload_sealed", "row_id": event_id}
        sealed = core.keys.seal(self.tenant_id, b'{"note": "%s"}' % (b"x" * BODY_BYTES), **place)
        row = {"id": event_id, "tenant_id": self.tenant_id, "source": "shopify", "topic": "customers/update"}
        where = {"workflow": "webhook", "step": "done", "state": "done", "due_at": None, "received_at": now}
        return {**row, **where, "payload_sealed": sealed, "body_mac": event_id, "subject_id": subject_id}

    def strangers(self, count: int) -> None:
        """Deliveries that nobody handled."""
        with self.core.store.transaction():
            made = [self._event(self.core.new_id(), None) for _ in range(count)]
            quick.insert_all(models.Event, made)


def _bare(file: Path, subject_id: str) -> float:
    with closing(sqlite3.connect(file, isolation_level=None)) as peer:
        for pragma in ("journal_mode = wal", "synchronous = full", "secure_delete = 1"):
            peer.execute(f"PRAGMA {pragma}")
        began = time.perf_counter()
        peer.execute("BEGIN IMMEDIATE")
        for statement in DELETES:
            peer.execute(statement, (subject_id,))
        peer.execute("COMMIT")
        peer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return time.perf_counter() - began


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """On SQLite."""
    place.mkdir()
    with stage.installation(place / "home", 1) as home:
        file = next(path for path in home.directory.rglob("*.db"))
        tenant_id = tenants.every()[0].id
        bench = Bench(home.core, tenant_id, place, file, scale.messages(ACTIVITIES))
        bench.strangers(scale.messages(STRANGERS))
        yield _table(bench.activities, scale.messages(STRANGERS), take(scale, bench.turn))


def _table(activities: int, strangers: int, readings: Readings) -> Figure:
    figure = Figure(
        f"erasing: seconds to forget a person with {activities:,} activities",
        ("what", "seconds", "ours: ratio"),
        (
            f"{readings.median('rows'):,.0f} rows of theirs; {strangers:,} deliveries of nobody are opened",
            "ours with its leaf, receipt and proof; both with the write-ahead log emptied",
            f"then the file is written anew, {spread(readings.of('rewriting'))} MB/s; up to 128 MB at once",
        ),
    )
    figure.rows.append(("ours", spread(readings.of("ours"), 2), ""))
    ratio = spread(readings.ratio("ours", "peer"), 2)
    figure.rows.append(("bare SQL of the same rows", spread(readings.of("peer"), 2), ratio))
    title = f"seconds to forget {activities:,} activities (peer: bare SQL)"
    ours, peer = readings.median("ours"), readings.median("peer")
    figure.verdicts.append(Verdict(title, GOAL, ours, peer, readings.versus("ours", "peer"), "s"))
    return figure
