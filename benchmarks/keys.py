"""Rotating keys while nothing else runs: links made again and values sealed again per second.

Links, against SQLite's own batched INSERT of as many rows of the same shape: what is above it is opening each
identifier under its subject's key, three HMACs' worth of derivation, and looking twice. Sealed values, against
opening and sealing the same bytes in memory, without a database.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import stage
from measure import Figure, Goal, Scale, Verdict, spread, take

from dxflow.engine import rotation
from dxflow.engine.core import Core
from dxflow.engine.identity import vault
from dxflow.engine.identity.subjects import Origin
from dxflow.engine.platforms.base import Person
from dxflow.engine.services import tenants
from dxflow.engine.store import models, quick

LINKS_GOAL = Goal(reach=0.02, aim=0.05)
SEALS_GOAL = Goal(reach=0.3, aim=0.6)
PEOPLE, BODIES = 4_000, 8_000
BODY = b"x" * 1_500
_PAGE = 128


def figures(scale: Scale, place: Path) -> Iterator[Figure]:
    """Both rotations."""
    place.mkdir()
    with stage.installation(place / "home", 1) as home:
        core, tenant_id = home.core, tenants.every()[0].id
        people, bodies = scale.messages(PEOPLE), scale.messages(BODIES)
        _fill(core, tenant_id, people, bodies)
        readings = take(
            scale,
            lambda: {"links": _timed(2 * people, lambda: rotation.rotate_links(core, tenant_id))},
            lambda: {"inserts": _inserts(place / "peer.db", 2 * people)},
            lambda: {"seals": _timed(bodies, lambda: rotation.rotate_seal(core, tenant_id))},
            lambda: {"memory": _in_memory(bodies)},
        )
    figure = Figure(
        "keys: made again per second while a key is rotated",
        ("what is done", "peer /s", "rotation /s", "ratio"),
        (
            f"links: {2 * people:,} of {people:,} people; peer: SQLite's batched INSERT of as many rows",
            f"sealed values: {bodies:,} bodies of {len(BODY):,} bytes; peer: the same in memory",
        ),
    )
    for ours, peer, name, goal in (
        ("links", "inserts", "links made again/s (peer: bare INSERT)", LINKS_GOAL),
        ("seals", "memory", "values sealed again/s (peer: in memory)", SEALS_GOAL),
    ):
        ratio = spread(readings.ratio(ours, peer), 3)
        figure.rows.append((name, spread(readings.of(peer)), spread(readings.of(ours)), ratio))
        found = (readings.median(ours), readings.median(peer), readings.versus(ours, peer))
        figure.verdicts.append(Verdict(name, goal, *found, "/s"))
    yield figure


def _timed(count: int, rotate: Callable[[], object]) -> float:
    began = time.monotonic()
    rotate()
    return count / (time.monotonic() - began)


def _fill(core: Core, tenant_id: str, people: int, bodies: int) -> None:
    origin = Origin(tenant_id, "benchmark", None, None)
    for first in range(0, people, _PAGE):
        with core.store.transaction():
            for number in range(first, min(first + _PAGE, people)):
                person = Person(email=f"p{number}@shop.example", external_ids=(("crm", str(number)),))
                core.subjects.match(origin, person, create=True)
    now = core.clock()
    with core.store.transaction():
        for _ in range(bodies):
            event_id = core.new_id()
            where = {"table": "events", "column": "payload_sealed", "row_id": event_id}
            row = {
                "id": event_id,
                "tenant_id": tenant_id,
                "source": "benchmark",
                "topic": "none",
                "workflow": "webhook",
                "step": "done",
                "state": "done",
                "payload_sealed": core.keys.seal(tenant_id, BODY, **where),
                "due_at": None,
                "received_at": now,
                "updated_at": now,
            }
            quick.insert(models.Event, row)


def _inserts(file: Path, count: int) -> float:
    """The same rows, indexes and pages of a transaction, with nothing to compute."""
    file.unlink(missing_ok=True)
    with sqlite3.connect(file) as database:
        database.executescript(
            "PRAGMA journal_mode=wal; PRAGMA synchronous=full; CREATE TABLE links (id INTEGER PRIMARY KEY, "
            "tenant TEXT, subject TEXT, field TEXT, scope TEXT, version INT, link TEXT, value BLOB, at TEXT,"
            "UNIQUE (tenant, field, version, link)); CREATE INDEX one ON links (subject);"
            "CREATE INDEX two ON links (tenant, version, id);"
        )
        rows = [("t", f"{n:036x}", "email", "", 1, f"{hash(str(n)):064x}", b"v", "now") for n in range(count)]
        began = time.monotonic()
        for first in range(0, count, _PAGE):
            database.executemany(
                "INSERT INTO links (tenant, subject, field, scope, version, link, value, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                rows[first : first + _PAGE],
            )
            database.commit()
        taken = time.monotonic() - began
    database.close()
    return count / taken


def _in_memory(count: int) -> float:
    key, place = vault.new_key(), vault.place("events", "payload_sealed", "t", "r")
    sealed = vault.seal(key, 1, BODY, place=place)
    began = time.monotonic()
    for _ in range(count):
        vault.seal(key, 2, vault.unseal(key, sealed, place=place), place=place)
    return count / (time.monotonic() - began)
