"""Putting a backup back, where nothing runs.

Everything is checked before anything is touched, and done beside what is there: in a SQLite file of its own, or
inside one transaction of PostgreSQL. There it is brought up to date, logs that would be rolled back behind a
published checkpoint go on under another origin, and whoever was erased since is erased again. Only then does it
take the place of the old one. A crash leaves the one or the other, and the same restore can be made again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC
from pathlib import Path
from urllib.parse import quote

from ...config.datadir import DataDir
from ...config.settings import Settings
from .. import greenlets
from ..erasing import residue
from ..errors import Conflict
from ..moments import system_clock
from ..store import Store, models
from ..store.migrations import MIGRATIONS
from ..wiring import AGENT, ENGINE, HALF_RESTORED, assemble
from . import aftermath, archive, postgresql, sqlite, unlocking
from .faults import BackupFault, told
from .keys_part import KeysPart
from .manifest import Manifest

Progress = Callable[[int, int], None]
"""Told (bytes done, of how many)."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be put back, and whether it may take the place of data that is there.

    ``published`` are files with checkpoints that outsiders kept: they count like those of a keys part.
    """

    data: Path
    keys: Sequence[Path] = ()
    force: bool = False
    published: Sequence[Path] = ()


@dataclass(slots=True)
class Restored:
    """A restore that was made."""

    made_at: str
    schema: int
    migrated: list[str] = field(default_factory=list)
    logs: int = 0
    moved_aside: str | None = None
    root_key_written: str | None = None
    settled: aftermath.Settled = field(default_factory=aftermath.Settled)

    def as_json(self) -> dict[str, object]:
        """All of it, in one level."""
        whole = asdict(self)
        return {**{name: whole[name] for name in whole if name != "settled"}, **whole["settled"]}


def restore(settings: Settings, wish: Wish, progress: Progress = lambda *_: None) -> Restored:
    """Put a backup back. Raises BackupFault, KeyFault, Conflict, DataDirBusy."""
    greenlets.cooperate()
    with DataDir(settings.data_dir), archive.opened(wish.data) as data:
        return _Run(settings, wish, data, progress).go()


class _Run:
    """One restore."""

    def __init__(self, settings: Settings, wish: Wish, data: archive.Reader, progress: Progress) -> None:
        self.settings, self.wish, self.data = settings, wish, data
        self.parts = [KeysPart.read(path) for path in wish.keys]
        self.published = [aftermath.read_checkpoint(path) for path in wish.published]
        self.manifest = Manifest.read(data)
        self.roots = unlocking.unlock(settings, self.manifest, self.parts, wish.data, system_clock)
        self.store = Store(settings.database)
        self._progress, self._done = progress, 0

    def go(self) -> Restored:
        """Check, then restore."""
        self._check()
        found = Restored(self.manifest.made_at, self.manifest.schema)
        return self._sqlite(found) if self.store.dialect == "sqlite" else self._postgresql(found)

    def _check(self) -> None:
        """Whatever can be said before anything is touched."""
        what = str(self.wish.data)
        self.manifest.check(self.roots.ring, what)
        for part in self.parts:
            part.check(self.roots.ring)
        if self.manifest.dialect != self.store.dialect:
            raise Conflict(
                f"{what} is of a {self.manifest.dialect} database, and DXFLOW_DATABASE_URL names a "
                f"{self.store.dialect} one"
            )
        if self.manifest.schema > MIGRATIONS[-1].number:
            raise Conflict(
                f"{what} has schema {self.manifest.schema}, of a newer dxflow; this one knows "
                f"{MIGRATIONS[-1].number}"
            )

    def _sqlite(self, found: Restored) -> Restored:
        database = Path(self.store.database.database)
        new = database.with_name(f".{database.name}.restoring")
        mark = self.settings.data_dir / HALF_RESTORED
        with told(f"{database} can't be restored"):
            sqlite.require_unused(database)
            self._refuse_data(sqlite.holds_data(database), f"{database} holds data")
            database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            sqlite.remove(new)
            self.data.check(self.manifest.members, self._moved, besides=sqlite.MEMBER)
            try:
                self._fill(new, found)
                now = system_clock().astimezone(UTC)
                aside = sqlite.put(new, database, mark, f"{now:%Y%m%dT%H%M%SZ}")
            finally:
                sqlite.remove(new)
        found.moved_aside = str(aside) if aside else None
        return self._told(found)

    def _fill(self, new: Path, found: Restored) -> None:
        """The database as it is to be, in a file beside the one that is there."""
        with new.open("xb") as target:
            new.chmod(0o600)
            self.data.copy(sqlite.MEMBER, self.manifest.members[sqlite.MEMBER], target, self._moved)
        sqlite.check(new)
        store = Store(f"sqlite:///{quote(str(new))}")
        try:
            self._finish(store, found)
        finally:
            store.close()
        sqlite.fold(new)

    def _postgresql(self, found: Restored) -> Restored:
        with self.store as store:
            postgresql.require_unused(store)
            self._refuse_data(postgresql.holds_data(store), "the database holds data")
            self.data.check(self.manifest.members, self._moved)
            with store.transaction():
                postgresql.load(store, self.manifest.schema, self.manifest.database, self.data, self._moved)
                self._finish(store, found)
            if found.settled.erased_again:
                residue.clean(store)
        return self._told(found)

    def _finish(self, store: Store, found: Restored) -> None:
        """Everything that follows the rows themselves, inside what nobody else sees yet."""
        self._check_logs(found)
        if unlocking.keep(self.settings, self.roots):
            found.root_key_written = str(self.settings.root_key_path)
        found.migrated = store.migrate()
        role = AGENT if self.manifest.role == AGENT else ENGINE
        core = assemble(store, self.settings, role)
        found.settled = aftermath.settle(core, self.parts, self.manifest, self.published)

    def _told(self, found: Restored) -> Restored:
        self._progress(self._total, self._total)
        return found

    def _refuse_data(self, there: bool, what: str) -> None:
        if there and not self.wish.force:
            raise Conflict(f"{what}; --force lets the backup take its place")

    def _check_logs(self, found: Restored) -> None:
        """Raises BackupFault unless the logs have the heads that the manifest vouches for."""
        head = models.AuditHead
        query = head.select(head.tenant_id, head.origin, head.size, head.root).order_by(head.tenant_id)
        rows: Iterator[tuple[object, ...]] = iter(query.tuples().iterator())
        with self.data.member(archive.LOGS) as lines:
            for line in lines:
                log, row = json.loads(line), next(rows, None)
                if row is None or tuple(row) != (log["id"], log["origin"], log["size"], log["root"]):
                    raise BackupFault(f"{self.data.path}: the log {log['origin']} isn't as it was")
                found.logs += 1
        if next(rows, None) is not None:
            raise BackupFault(f"{self.data.path}: the database has a log that the backup doesn't list")

    @property
    def _total(self) -> int:
        """Bytes to be moved: what goes into PostgreSQL is read twice, to be checked and to be loaded."""
        passes = 1 if self.store.dialect == "sqlite" else 2
        return passes * sum(member.bytes for member in self.manifest.members.values())

    def _moved(self, count: int) -> None:
        self._done += count
        self._progress(min(self._done, self._total), self._total)
