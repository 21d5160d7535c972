"""A bundle as it is sent: piece by piece while the log is read, so that one of any size begins at once and
takes no room. One of 100,000 entries takes about a second; a job that makes it beforehand isn't worth its
keeping.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from typing import IO, cast

from ...core import Core
from ...store import scope
from . import exports

_PIECE = 1 << 16


def stream(core: Core, tenant_id: str) -> Iterator[bytes]:
    """The bundle of a tenant's log piece by piece, as it is read: nothing of it is kept here, and what comes
    first is there at once. Each piece is made in the scope of the tenant. Whoever stops before the end has a
    file without a seal, which no verifier takes."""
    with scope.of(tenant_id):
        begun = exports.begin(core, tenant_id)
    return _pieces(core, begun)


def _pieces(core: Core, begun: exports.Begun) -> Iterator[bytes]:
    tenant, head, _ = begun
    out = _Outlet()
    with zipfile.ZipFile(cast(IO[bytes], out), "w", compresslevel=1) as archive:
        writing = exports.write(exports.Writer(archive), core, begun)
        while _advanced(writing, tenant.id):
            if len(out.waiting) >= _PIECE:
                yield out.take()
    seal = exports.seal_text(core, head.origin)
    yield out.end(len(seal("0" * 64)))
    yield seal(out.digest.hexdigest())


def _advanced(writing: Iterator[int], tenant_id: str) -> bool:
    """Write on; False at the end. The scope is this step's alone, not that of whoever takes the pieces."""
    with scope.of(tenant_id):
        return next(writing, None) is not None


class _Outlet:
    """What an archive is written to that is sent on as it comes; it can't go back. Keeps the digest of what was
    taken."""

    def __init__(self) -> None:
        self.waiting = bytearray()
        self.digest = hashlib.sha256()

    def write(self, data: bytes) -> int:
        """Keeps it for ``take``."""
        self.waiting += data
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""

    def take(self) -> bytes:
        """What was written since, and no longer kept."""
        piece = bytes(self.waiting)
        self.waiting.clear()
        self.digest.update(piece)
        return piece

    def end(self, length: int) -> bytes:
        """The last piece, with room for a comment of this length behind it."""
        self.waiting[-exports.COMMENT_LENGTH :] = length.to_bytes(exports.COMMENT_LENGTH, "little")
        return self.take()
