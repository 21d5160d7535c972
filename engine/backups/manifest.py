"""The manifest of a data part: what it was made of, when, and which keys open what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..identity.roots import RootRing
from . import seal
from .archive import FORMAT, Member, Reader, Writer
from .faults import BackupFault

_SCHEMA = "SELECT max(number) FROM schema_migrations"
_ROOTS = "SELECT DISTINCT root_id FROM wrapped_keys ORDER BY root_id"
_SEALED = "SELECT id, sealed FROM root_keys WHERE sealed IS NOT NULL AND retired_at IS NULL"
_ROLE = "SELECT value FROM installation WHERE name = 'role'"
LOGS = "SELECT tenant_id, origin, size, root FROM audit_heads ORDER BY tenant_id"


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a data part says of itself.

    ``roots`` are the ids of the root keys that wrap its keys; ``sealed`` those that a key service keeps, as it
    encrypted them. ``database`` is what only its dialect understands.
    """

    made_at: str
    dialect: str
    schema: int
    role: str
    roots: tuple[str, ...]
    sealed: tuple[str, ...]
    members: Mapping[str, Member]
    database: Mapping[str, Any]
    document: Mapping[str, Any] = field(repr=False)

    @classmethod
    def read(cls, archive: Reader) -> Manifest:
        """As it stands there, to be checked when the keys are known. Raises BackupFault."""
        document = seal.read(archive.manifest(), str(archive.path))
        if document["format"] != FORMAT:
            raise BackupFault(f"{archive.path} is {document['format']!r}; this version reads {FORMAT!r}")
        try:
            return cls(
                str(document["made_at"]),
                str(document["dialect"]),
                int(document["schema"]),
                str(document["role"]),
                tuple(document["roots"]),
                tuple(document["sealed"]),
                {name: Member(**member) for name, member in document["members"].items()},
                document["database"],
                document,
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BackupFault(f"{archive.path} is damaged: its manifest lacks something") from None

    def check(self, roots: RootRing, what: str) -> None:
        """Raises BackupFault unless it is as this installation wrote it."""
        seal.check(self.document, roots, what)

    @property
    def sealed_under(self) -> str:
        """The id of the root key that its own seal needs."""
        return str(self.document["key"]["root"])

    @property
    def mac(self) -> str:
        """What no other manifest has: 64 hex digits."""
        return str(self.document["mac"])


def end(
    archive: Writer, made_at: str, dialect: str, rows: seal.Rows, database: object, roots: RootRing
) -> None:
    """Write the manifest of an archive whose other members are written."""
    used = [str(name) for (name,) in rows(_ROOTS)]
    document = {
        "format": FORMAT,
        "made_at": made_at,
        "dialect": dialect,
        "schema": next(int(number) for (number,) in rows(_SCHEMA)),
        "role": next((str(value) for (value,) in rows(_ROLE)), ""),
        "roots": used,
        "sealed": [str(sealed) for name, sealed in rows(_SEALED) if name in used],
        "members": {name: member.as_json() for name, member in archive.members.items()},
        "database": database,
    }
    archive.end(seal.Seal.newest(rows).close(document, roots))
