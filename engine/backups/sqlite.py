"""A SQLite database: copied at one moment while others write, and put in another's place.

Copying is SQLite's online backup in a single step: one reader's snapshot of the write-ahead log, for which no
writer waits. Putting back is two renames under a mark, because a file and a write-ahead log that don't belong
together are a broken database.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..disk import sync_directory
from ..errors import Conflict
from .archive import Writer
from .faults import BackupFault, told

MEMBER = "database.sqlite"
_BESIDE = ("-wal", "-shm", "-journal")
_DATA = ("data_controllers", "agent_tenants")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A copy of the database beside the archive to be."""

    copy: Path
    connection: sqlite3.Connection

    @property
    def size(self) -> int:
        """Bytes, about."""
        return self.copy.stat().st_size

    def rows(self, query: str) -> Iterable[tuple[Any, ...]]:
        """What a SELECT gives."""
        return self.connection.execute(query)

    def write(self, archive: Writer) -> dict[str, object]:
        """The copy as a member; nothing more is to be said of it."""
        archive.put(MEMBER, self.copy)
        return {}


@contextmanager
def snapshot(database: Path, place: Path) -> Iterator[Snapshot]:
    """The database as it is now, copied into the directory ``place``. Raises BackupFault."""
    copy = place / MEMBER
    with told(f"no backup in {place.parent}"), closing(sqlite3.connect(copy)) as target:
        copy.chmod(0o600)
        target.execute("PRAGMA synchronous = OFF")  # the archive is synced, this copy is gone afterwards
        with closing(sqlite3.connect(database, timeout=20.0)) as source:
            source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file that stands for itself
        yield Snapshot(copy, target)


def holds_data(database: Path) -> bool:
    """Whether there is something to lose in a file; one that can't be read counts as that."""
    if not database.exists() or not database.stat().st_size:
        return False
    try:
        with closing(sqlite3.connect(database, timeout=5.0)) as connection:
            names = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
            tables = [name for name in _DATA if name in names]
            return any(connection.execute(f"SELECT 1 FROM {name} LIMIT 1").fetchone() for name in tables)  # noqa: S608 - ours
    except sqlite3.Error:
        return True


def require_unused(database: Path) -> None:
    """Bring everything into the one file. Raises Conflict while any process has it open."""
    if not database.exists():
        return
    try:
        with closing(sqlite3.connect(database, timeout=0.0, isolation_level=None)) as connection:
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.OperationalError as error:
        if getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise Conflict(f"{database} is open in another process; stop dxflow's processes first") from None
    except sqlite3.Error:
        pass  # it is broken: a good reason to restore; it is moved aside as it is


def check(database: Path) -> None:
    """Raises BackupFault for a file that SQLite finds damaged."""
    with told(f"{database} can't be checked"), closing(sqlite3.connect(database)) as connection:
        found = [text for (text,) in connection.execute("PRAGMA quick_check(1)")]
    if found != ["ok"]:
        raise BackupFault("the database in the backup is damaged")


def fold(database: Path) -> None:
    """End all writing to a file that nobody has open any more: one whole file on the disk."""
    with told(f"{database} can't be written"):
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            connection.execute("PRAGMA journal_mode = DELETE")
        with database.open("rb+") as file:
            os.fsync(file.fileno())


def put(new: Path, database: Path, mark: Path, when: str) -> Path | None:
    """Let ``new`` take the place of the database; where that went. While it happens ``mark`` is there.

    After a crash in between the mark stays, no server starts, and the same restore can be made again.
    """
    aside = database.with_name(f"{database.name}.before-{when}")
    with told(f"{database} can't be replaced"):
        mark.touch(mode=0o600)
        sync_directory(mark.parent)
        moved = database.exists()
        _move_aside(database, aside)
        _move_in(new, database)
        mark.unlink()
        sync_directory(mark.parent)
    return aside if moved else None


def _move_aside(database: Path, aside: Path) -> None:
    for end in ("", *_BESIDE):
        with contextlib.suppress(FileNotFoundError):
            database.with_name(database.name + end).rename(aside.with_name(aside.name + end))


def _move_in(new: Path, database: Path) -> None:
    new.rename(database)
    sync_directory(database.parent)


def remove(database: Path) -> None:
    """Take away a file that was to become a database, and what SQLite put beside it."""
    for end in ("", *_BESIDE):
        database.with_name(database.name + end).unlink(missing_ok=True)
