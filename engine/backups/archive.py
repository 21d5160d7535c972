"""The data part: a ZIP file of uncompressed members, each with its SHA-256 in a sealed manifest.

    manifest.json   format, made_at, dialect, schema, members, keys that are needed   (written last, sealed)
    logs.jsonl      {"id", "origin", "size", "root"} of each log, by id
    …               the database: one file (SQLite), or one member per table (PostgreSQL)

What is sealed in the database doesn't compress, and a ZIP file that is streamed needs no room twice.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, BinaryIO

from .faults import BackupFault

FORMAT = "dxflow-backup/1"
MANIFEST = "manifest.json"
LOGS = "logs.jsonl"
CHUNK = 1 << 20
LONGEST_MANIFEST = 16 * CHUNK

Moved = Callable[[int], None]
"""Told how many bytes were moved since the last call."""


@dataclass(slots=True)
class Member:
    """What the manifest says of a member."""

    sha256: str
    bytes: int

    def as_json(self) -> dict[str, object]:
        """``{"sha256", "bytes"}``"""
        return {"sha256": self.sha256, "bytes": self.bytes}


class _Sink(io.RawIOBase):
    """Counts and hashes what goes into a member."""

    def __init__(self, target: IO[bytes], moved: Moved) -> None:
        self._target, self._moved = target, moved
        self.hash, self.count = hashlib.sha256(), 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        size = len(data)
        self.hash.update(data)
        self._target.write(data)
        self.count += size
        self._moved(size)
        return size


@dataclass(slots=True)
class Writer:
    """An archive that is being written."""

    file: zipfile.ZipFile
    moved: Moved
    members: dict[str, Member] = field(default_factory=dict)

    @contextmanager
    def member(self, name: str) -> Iterator[BinaryIO]:
        """What is written here becomes this member."""
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o600 << 16
        with self.file.open(info, "w", force_zip64=True) as target:
            sink = _Sink(target, self.moved)
            with io.BufferedWriter(sink, CHUNK) as buffered:
                yield buffered
                buffered.flush()
                self.members[name] = Member(sink.hash.hexdigest(), sink.count)

    def put(self, name: str, source: Path) -> None:
        """A file as a member."""
        with source.open("rb", buffering=0) as data, self.member(name) as target:
            while chunk := data.read(CHUNK):
                target.write(chunk)

    def put_logs(self, heads: Iterator[tuple[Any, ...]]) -> int:
        """``(tenant id, origin, size, root in hex)`` of each log, by id; how many there are."""
        count = 0
        with self.member(LOGS) as target:
            for log_id, origin, size, root in heads:
                line = {"id": str(log_id), "origin": origin, "size": size, "root": root}
                target.write(json.dumps(line).encode() + b"\n")
                count += 1
        return count

    def end(self, manifest: bytes) -> None:
        """Write the manifest, which names all other members."""
        self.file.writestr(zipfile.ZipInfo(MANIFEST), manifest)


@contextmanager
def create(path: Path, moved: Moved) -> Iterator[Writer]:
    """A new archive at ``path``, on the disk when the block ends."""
    with path.open("xb") as file:
        path.chmod(0o600)
        with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
            yield Writer(archive, moved)
        file.flush()
        sync(file)


def sync(file: IO[bytes]) -> None:
    """Bring a file's bytes to the disk."""
    os.fsync(file.fileno())


@dataclass(frozen=True, slots=True)
class Reader:
    """An archive that is read; nothing in it is believed before the manifest was checked."""

    path: Path
    file: zipfile.ZipFile

    def manifest(self) -> bytes:
        """The manifest as it stands there. Raises BackupFault."""
        sizes = {info.filename: info.file_size for info in self.file.infolist()}
        if not 0 < sizes.get(MANIFEST, 0) <= LONGEST_MANIFEST:
            raise BackupFault(f"{self.path} is no backup of dxflow: it has no manifest")
        with _readable(self.path):
            return self.file.read(MANIFEST)

    @contextmanager
    def member(self, name: str) -> Iterator[IO[bytes]]:
        """A member, to be read from its beginning."""
        with _readable(self.path), self.file.open(name) as source:
            yield source

    def check(self, members: Mapping[str, Member], moved: Moved, besides: str | None = None) -> None:
        """Raises BackupFault unless exactly these members are there, each as it was written; all but the one
        ``besides``, which is checked while it is copied."""
        there = self.file.infolist()
        names = sorted(info.filename for info in there)
        if names != sorted({*members, MANIFEST}) or any(info.compress_type for info in there):
            raise BackupFault(f"{self.path} was altered: its members aren't those of its manifest")
        for name, member in members.items():
            if name != besides:
                self.copy(name, member, None, moved)

    def copy(self, name: str, member: Member, target: BinaryIO | None, moved: Moved) -> None:
        """Copy a member, or only read it. Raises BackupFault unless it is as it was written."""
        digest, count = hashlib.sha256(), 0
        with self.member(name) as source:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
                count += len(chunk)
                if target is not None:
                    target.write(chunk)
                moved(len(chunk))
        if (digest.hexdigest(), count) != (member.sha256, member.bytes):
            raise BackupFault(f"{self.path} was altered, or is damaged: {name} isn't as it was written")


@contextmanager
def opened(path: Path) -> Iterator[Reader]:
    """An archive. Raises BackupFault for a file that is none, or only a part of one."""
    with _readable(path):
        archive = zipfile.ZipFile(path)
    with archive:
        yield Reader(path, archive)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        raise BackupFault(f"{path} is no backup of dxflow, or is cut off or damaged") from None
    except FileNotFoundError:
        raise BackupFault(f"{path} isn't there") from None
