"""The keys part: what opens the data part, and what a restore must know that is younger than the data.

    {"format", "made_at", "root_keys": [base64, newest first], "kept_in", "shred_list": text,
     "checkpoints": {log id: signed note}, "key", "mac"}

``root_keys`` is empty where a key service keeps them. With the data part of the same installation it opens
everything, so the two belong in different places.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core import Core
from ..identity.key_service import ServiceRoots
from ..identity.roots import RootRing, RootSource, decode_key, root_id
from ..shred_list import Shredded, parse, render
from . import seal
from .faults import BackupFault, told

FORMAT = "dxflow-keys/1"


@dataclass(frozen=True, slots=True)
class KeysPart:
    """What such a file says. ``root_keys`` by id, newest first."""

    path: Path
    document: Mapping[str, Any] = field(repr=False)
    root_keys: Mapping[str, bytes] = field(repr=False)
    shredded: list[Shredded]
    checkpoints: Mapping[str, str]

    @classmethod
    def read(cls, path: Path) -> KeysPart:
        """A file as it stands there. Raises BackupFault."""
        with told(f"{path} can't be read"):
            document = seal.read(path.read_bytes(), str(path))
        if document["format"] != FORMAT:
            raise BackupFault(f"{path} is {document['format']!r}; this version reads {FORMAT!r}")
        keys = [decode_key(text, str(path)) for text in document["root_keys"]]
        by_id = {root_id(key): key for key in keys}
        return cls(path, document, by_id, parse(document["shred_list"]), document["checkpoints"])

    def check(self, roots: RootRing) -> None:
        """Raises BackupFault unless the file is as this installation wrote it."""
        seal.check(self.document, roots, str(self.path))


def write(core: Core, path: Path, made_at: str, rows: seal.Rows) -> bool:
    """Write the file (0600, on the disk at the end); whether there are root keys in it."""
    source = core.keys.roots.source
    ours = _in_our_hands(source)
    document = {
        "format": FORMAT,
        "made_at": made_at,
        "root_keys": [base64.b64encode(key).decode() for key in ours],
        "kept_in": source.name,
        "shred_list": render(core.shred_list.entries() if core.shred_list else []),
        "checkpoints": _checkpoints(core),
    }
    text = seal.Seal.newest(rows).close(document, core.keys.roots)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    return bool(ours)


def _in_our_hands(source: RootSource) -> list[bytes]:
    """The root keys that no service keeps; on the way to one, those of the file."""
    if not isinstance(source, ServiceRoots):
        return source.load()
    return source.before.load() if source.before.path.exists() else []


def _checkpoints(core: Core) -> dict[str, str]:
    if core.memory is None:
        return {}
    return {log_id: note for log_id in core.memory.logs() if (note := core.memory.recall(log_id))}
