"""The shred list: whom the installation forgot, kept outside the database.

A backup that is older than an erasure brings the person back. This list doesn't come back with it: it is one
file in the data directory, it travels with the keys, and a restore erases everybody again who stands on it.

    <RFC 3339> <tenant's id> <subject's id>

A line is on the disk before the transaction commits that erases: a crash in between leaves a line of somebody
who is still there, which the next restore would erase as was asked for. Ids say nothing without the database.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from . import moments
from .disk import sync_directory

_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LINE = re.compile(rf"(?P<at>\S+) (?P<tenant>{_UUID}) (?P<subject>{_UUID})")


class Shredded(NamedTuple):
    """A subject of a tenant who was erased at that moment (UTC)."""

    tenant_id: str
    subject_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ShredList:
    """The file at ``path`` (0600, made when first needed). Any number of threads and processes may add to it;
    what was torn by a crash is passed over."""

    path: Path

    def add(self, tenant_id: str, subject_id: str, at: datetime) -> None:
        """Put somebody on the list, on the disk when this returns; once, however often it is called."""
        self.merge([Shredded(tenant_id, subject_id, at)])

    def merge(self, others: Iterable[Shredded]) -> int:
        """Add those who aren't on the list; how many those were."""
        wanted = list(others)
        if not wanted:
            return 0
        new = not self.path.exists()
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            added = self._append(descriptor, wanted)
        finally:
            os.close(descriptor)
        if new:
            sync_directory(self.path.parent)
        return added

    def entries(self) -> list[Shredded]:
        """Everybody on the list, each once, oldest line first."""
        try:
            return parse(self.path.read_bytes().decode("ascii", "replace"))
        except FileNotFoundError:
            return []

    def _append(self, descriptor: int, wanted: list[Shredded]) -> int:
        text = self.path.read_bytes()
        known = {entry[:2] for entry in parse(text.decode("ascii", "replace"))}
        fresh = {entry[:2]: entry for entry in wanted if entry[:2] not in known}
        torn = b"\n" if text and not text.endswith(b"\n") else b""
        if fresh:
            with open(descriptor, "ab", closefd=False) as file:
                file.write(torn + render(fresh.values()).encode("ascii"))
        os.fsync(descriptor)  # also of a line that another process wrote, and perhaps didn't live to sync
        return len(fresh)


def parse(text: str) -> list[Shredded]:
    """The entries of a list's text, each subject once; lines that aren't whole are no entries."""
    found: dict[tuple[str, str], Shredded] = {}
    for line in text.split("\n"):
        match = _LINE.fullmatch(line)
        try:
            entry = match and Shredded(match["tenant"], match["subject"], moments.from_text(match["at"]))
        except ValueError:
            continue
        if entry:
            found.setdefault(entry[:2], entry)
    return list(found.values())


def render(entries: Iterable[Shredded]) -> str:
    """A list's text."""
    return "".join(f"{moments.to_text(at)} {tenant} {subject}\n" for tenant, subject, at in entries)
