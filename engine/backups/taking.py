"""Making a backup, of an installation that goes on running."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from .. import moments
from ..core import Core
from ..disk import sync_directory
from . import archive, keys_part, manifest, postgresql, sqlite
from .faults import BackupFault, told

Progress = Callable[[int, int], None]
"""Told (bytes done, about how many there are)."""

_UNFINISHED = ".partial"


@dataclass(frozen=True, slots=True)
class Made:
    """A backup that was made. ``root_keys`` is False where a key service keeps them; rates are MB/s."""

    data: str
    keys: str
    data_bytes: int
    keys_bytes: int
    logs: int
    seconds: float
    rate: float
    root_keys: bool
    apart: bool

    def as_json(self) -> dict[str, object]:
        """All of it."""
        return asdict(self)


def take(core: Core, to: Path, keys_to: Path | None = None, progress: Progress = lambda *_: None) -> Made:
    """Write ``dxflow-<UTC time>.backup`` into ``to`` and ``….keys`` into ``keys_to`` (or beside it).

    Both appear whole or not at all. Raises BackupFault, Unavailable.
    """
    began, now = time.monotonic(), core.clock()
    stem = f"dxflow-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    data, keys = to / f"{stem}.backup", (keys_to or to) / f"{stem}.keys"
    with told(f"no backup in {to}"), _workplace(data) as place, _workplace(keys) as keys_place:
        drafts = place / data.name, keys_place / keys.name
        logs, root_keys = _write(core, place, *drafts, now, progress)
        data_bytes, keys_bytes = (draft.stat().st_size for draft in drafts)
        drafts[1].rename(keys)  # the keys first: whoever finds a data part finds its keys
        sync_directory(keys.parent)
        drafts[0].rename(data)
        sync_directory(data.parent)
    spent = time.monotonic() - began
    rate = data_bytes / 1e6 / spent if spent else 0.0
    return Made(
        data=str(data),
        keys=str(keys),
        data_bytes=data_bytes,
        keys_bytes=keys_bytes,
        logs=logs,
        seconds=spent,
        rate=rate,
        root_keys=root_keys,
        apart=keys.parent != data.parent,
    )


def _write(
    core: Core, place: Path, data: Path, keys: Path, now: datetime, progress: Progress
) -> tuple[int, bool]:
    made_at, done = moments.to_text(now), 0
    with _snapshot(core, place) as taken:
        total = taken.size

        def moved(count: int) -> None:
            nonlocal done
            done += count
            progress(min(done, total), total)

        with archive.create(data, moved) as written:
            database = taken.write(written)
            logs = written.put_logs(iter(taken.rows(manifest.LOGS)))
            manifest.end(written, made_at, core.store.dialect, taken.rows, database, core.keys.roots)
        root_keys = keys_part.write(core, keys, made_at, taken.rows)
    progress(total, total)
    return logs, root_keys


def _snapshot(
    core: Core, place: Path
) -> contextlib.AbstractContextManager[sqlite.Snapshot | postgresql.Snapshot]:
    if core.store.dialect == "sqlite":
        return sqlite.snapshot(Path(core.store.database.database), place)
    return postgresql.snapshot(core.store)


@contextmanager
def _workplace(target: Path) -> Iterator[Path]:
    """A directory beside the target for what isn't whole yet. It goes with this process, or with the next
    backup: whoever can lock it knows that its maker is gone."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if target.exists():
        raise BackupFault(f"{target} exists already")
    _sweep(target.parent)
    place = target.with_name(f".{target.name}{_UNFINISHED}")
    place.mkdir(mode=0o700)
    descriptor = os.open(place, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)
        os.close(descriptor)


def _sweep(directory: Path) -> None:
    for left in directory.glob(f".dxflow-*{_UNFINISHED}"):
        descriptor = os.open(left, os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
        except BlockingIOError:
            pass  # another backup is under way
        finally:
            os.close(descriptor)
