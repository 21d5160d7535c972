"""Documents of a backup that nobody alters unnoticed: JSON with an HMAC-SHA256 under a key of the installation.

That key is wrapped under a root key and travels in the document, so that it can be checked before a database is
there: whoever holds the root key checks it, and nobody else makes another.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import rfc8785

from ..errors import Undecipherable
from ..identity import vault
from ..identity.keys import INSTALLATION, LINK, key_place
from ..identity.roots import RootRing
from .faults import BackupFault

Rows = Callable[[str], Iterable[tuple[Any, ...]]]
"""Runs a SELECT on the database as it is at one moment."""

_NEWEST = (
    f"SELECT version, root_id, wrapped FROM wrapped_keys WHERE owner_id = '{INSTALLATION}' "  # noqa: S608 - ours
    f"AND purpose = '{LINK}' AND retired_at IS NULL ORDER BY version DESC LIMIT 1"
)
_PURPOSE = "backup"


@dataclass(frozen=True, slots=True)
class Seal:
    """A version of the installation's key as the database has it, wrapped under the root key ``root_id``."""

    version: int
    root_id: str
    wrapped: bytes

    @classmethod
    def newest(cls, rows: Rows) -> Seal:
        """The one that makes what is new. Raises BackupFault for a database without any."""
        for version, root, wrapped in rows(_NEWEST):
            return cls(int(version), str(root), bytes(wrapped))
        raise BackupFault(
            "this database has no key of its own yet: start dxflow once before its first backup"
        )

    def close(self, document: Mapping[str, Any], roots: RootRing) -> bytes:
        """The document's text, sealed."""
        key = {
            "version": self.version,
            "root": self.root_id,
            "wrapped": base64.b64encode(self.wrapped).decode(),
        }
        whole = {**document, "key": key}
        return json.dumps({**whole, "mac": self._mac(whole, roots)}, indent=1).encode() + b"\n"

    def _mac(self, whole: Mapping[str, Any], roots: RootRing) -> str:
        place = key_place(INSTALLATION, LINK, self.version)
        key = vault.derive(roots.unwrap(self.root_id, self.wrapped, place), _PURPOSE, INSTALLATION)
        return hmac.digest(key, rfc8785.dumps(dict(whole)), "sha256").hex()


def read(text: bytes, what: str) -> dict[str, Any]:
    """A document that wasn't checked yet, to learn which keys it needs. Raises BackupFault."""
    try:
        document = json.loads(text)
        key = document["key"]
        Seal(int(key["version"]), str(key["root"]), base64.b64decode(key["wrapped"]))
        str(document["mac"]), str(document["format"])
    except (ValueError, KeyError, TypeError):
        raise BackupFault(f"{what} is damaged, or nothing that `dxflow backup` wrote") from None
    return dict(document)


def check(document: Mapping[str, Any], roots: RootRing, what: str) -> None:
    """Raises BackupFault unless the document is as it was sealed."""
    whole = {name: value for name, value in document.items() if name != "mac"}
    key = whole["key"]
    seal = Seal(int(key["version"]), str(key["root"]), base64.b64decode(key["wrapped"]))
    try:
        good = hmac.compare_digest(seal._mac(whole, roots), str(document["mac"]))
    except (Undecipherable, rfc8785.CanonicalizationError):
        good = False
    if not good:
        raise BackupFault(f"{what} was altered after it was made, or is another installation's")
