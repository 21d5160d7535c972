"""The key ring: root key → tenant key → everything else. Keys live in memory only while the process does.

A tenant's key is random and stored wrapped under the root key. From it are derived, one purpose each: the keys
of blind indexes (one per field), of wrapping subjects' keys, of sealing a tenant's own values, and of the MACs
that tell equal deliveries apart. Nothing derived for one tenant opens, matches or confirms anything of another.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from functools import lru_cache

from ..errors import Undecipherable
from ..moments import Clock
from ..store import models
from . import links, vault

_INSTALLATION = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Link:
    """A blind index: which field, under which key version, and the 64 hex digits that stand for the value."""

    field: str
    scope: str
    key_version: int
    link: str


class KeyRing:
    """Derives, seals and opens for one installation. Safe for any thread: what it caches never changes."""

    def __init__(self, root: bytes, clock: Clock) -> None:
        self._root = root
        self._clock = clock
        self._tenant = lru_cache(maxsize=20_000)(self._load)
        self._derived = lru_cache(maxsize=80_000)(self._derive)
        self._index = lru_cache(maxsize=80_000)(self._index_key)

    def create(self, tenant_id: str) -> None:
        """Make and store version 1 of a new tenant's key; inside the transaction that makes the tenant."""
        key = vault.new_key()
        wrapped = vault.wrap(self._root, key, place=_key_place(tenant_id, 1))
        models.TenantKey.create(tenant_id=tenant_id, version=1, wrapped=wrapped, created_at=self._clock())

    def seal(self, tenant_id: str, plaintext: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Encrypt under the tenant's own key, bound to its row and column."""
        version, _ = self._tenant(tenant_id)
        place = vault.place(table, column, tenant_id, row_id)
        return vault.seal(self._derived(tenant_id, "seal"), version, plaintext, place=place)

    def unseal(self, tenant_id: str, sealed: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Decrypt what ``seal`` made for the same place. Raises Undecipherable."""
        place = vault.place(table, column, tenant_id, row_id)
        return vault.unseal(self._derived(tenant_id, "seal"), sealed, place=place)

    def new_subject_key(self, tenant_id: str, subject_id: str) -> tuple[bytes, bytes]:
        """A fresh data key for one subject: ``(key, wrapped)``. Deleting ``wrapped`` forgets the person."""
        key = vault.new_key()
        place = vault.place("data_subjects", "key_wrapped", tenant_id, subject_id)
        return key, vault.wrap(self._derived(tenant_id, "wrap"), key, place=place)

    def subject_key(self, tenant_id: str, subject_id: str, wrapped: bytes) -> bytes:
        """Unwrap a subject's data key. Raises Undecipherable."""
        place = vault.place("data_subjects", "key_wrapped", tenant_id, subject_id)
        return vault.unwrap(self._derived(tenant_id, "wrap"), wrapped, place=place)

    def link(self, tenant_id: str, field: str, scope: str, normalised: str) -> Link:
        """The blind index of one normalised identifier."""
        version, _ = self._tenant(tenant_id)
        value = links.blind(self._index(tenant_id, field), field, normalised)
        return Link(field, scope, version, value.hex())

    def mac(self, tenant_id: str, purpose: str, *parts: str | bytes) -> str:
        """Hex HMAC-SHA256 over length-prefixed parts: tells equals apart without keeping what was equal."""
        raws = [part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass") for part in parts]
        framed = b"".join(len(raw).to_bytes(8, "big") + raw for raw in raws)
        return hmac.digest(self._derived(tenant_id, purpose), framed, "sha256").hex()

    def seal_own(self, plaintext: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Encrypt a value of the installation itself (users, log keys)."""
        place = vault.place(table, column, _INSTALLATION, row_id)
        return vault.seal(vault.derive(self._root, "own", _INSTALLATION), 1, plaintext, place=place)

    def unseal_own(self, sealed: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Decrypt what ``seal_own`` made. Raises Undecipherable."""
        place = vault.place(table, column, _INSTALLATION, row_id)
        return vault.unseal(vault.derive(self._root, "own", _INSTALLATION), sealed, place=place)

    def link_own(self, field: str, normalised: str) -> str:
        """The installation-wide blind index of a user's identifier."""
        return links.blind(links.index_key(self._root, _INSTALLATION, field), field, normalised).hex()

    def _load(self, tenant_id: str) -> tuple[int, bytes]:
        row = (
            models.TenantKey.select()
            .where(models.TenantKey.tenant_id == tenant_id)
            .order_by(models.TenantKey.version.desc())
            .first()
        )
        if row is None:
            raise Undecipherable(f"tenant {tenant_id} has no key")
        return row.version, vault.unwrap(self._root, row.wrapped, place=_key_place(tenant_id, row.version))

    def _derive(self, tenant_id: str, purpose: str) -> bytes:
        return vault.derive(self._tenant(tenant_id)[1], purpose, tenant_id)

    def _index_key(self, tenant_id: str, field: str) -> bytes:
        return links.index_key(self._tenant(tenant_id)[1], tenant_id, field)


def _key_place(tenant_id: str, version: int) -> str:
    return vault.place("tenant_keys", "wrapped", tenant_id, str(version))
