"""The key ring: root key → a tenant's keys → everything else. Keys live in memory only while the process does.

A tenant has two random keys, each in versions, stored wrapped under the root key. From its *seal* key are
derived those that encrypt (its own values, and its subjects' keys), from its *link* key those that make blind
indexes and the MACs that tell equal deliveries apart. Nothing derived for one tenant opens, matches or confirms
anything of another. The installation has such a pair of its own, for users and log keys.

Rotating makes another version (``services/rekeying.py``). The newest that isn't retired makes what is new. What
it made goes by the older ones too while they are there: a process sees a new version within ``KNOWN_FOR``.
"""

from __future__ import annotations

import dataclasses
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

from ..errors import TransientError, Undecipherable
from ..moments import Clock
from ..store import models, quick
from . import links, vault
from .roots import RootRing

INSTALLATION = "00000000-0000-4000-8000-000000000000"
SEAL, LINK = "seal", "link"
KNOWN_FOR = 5
"""Seconds that a process relies on the versions it has read."""


class StaleLinks(TransientError):
    """Raised when links were made under versions of the key that are no longer those in use: make them anew."""


@dataclass(frozen=True, slots=True)
class Link:
    """A blind index: which field, under which key version, and the 64 hex digits that stand for the value.

    ``older`` are those of the same value under older versions that are still in use, ``value`` is what it
    stands for, normalised.
    """

    field: str
    scope: str
    key_version: int
    link: str
    older: tuple[tuple[int, str], ...] = ()
    value: str = dataclasses.field(default="", repr=False, compare=False)

    @property
    def every(self) -> tuple[tuple[int, str], ...]:
        """``(key version, link)`` of all versions in use, newest first."""
        return ((self.key_version, self.link), *self.older)


@dataclass(frozen=True, slots=True)
class Versions:
    """The versions of one key, newest first; ``active`` are those that aren't retired, ``settled`` the newest
    that every process has known for a while."""

    keys: dict[int, bytes] = dataclasses.field(repr=False)
    active: tuple[int, ...]
    settled: int

    @property
    def newest(self) -> int:
        """What makes new things."""
        return self.active[0]


class KeyRing:
    """Derives, seals and opens for one installation. Safe for any thread."""

    def __init__(
        self, roots: RootRing | bytes, clock: Clock, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.roots = RootRing.of(roots) if isinstance(roots, bytes) else roots
        self._clock = clock
        self._monotonic = monotonic
        self._read = lru_cache(maxsize=20_000)(self._load)
        self._unwrapped = lru_cache(maxsize=40_000)(self._unwrap)
        self._derived = lru_cache(maxsize=80_000)(vault.derive)
        self._index = lru_cache(maxsize=80_000)(links.index_key)

    def create(self, tenant_id: str) -> None:
        """Make and store the first versions of a new tenant's keys, inside the transaction that makes it."""
        for purpose in (SEAL, LINK):
            self.store(tenant_id, purpose, 1, vault.new_key())
        self.refresh()

    def store(self, owner_id: str, purpose: str, version: int, key: bytes) -> int:
        """Keep a version, wrapped under the newest root key; 0 when it is there already."""
        by, wrapped = self.roots.wrap(key, key_place(owner_id, purpose, version))
        row = {
            "owner_id": owner_id,
            "purpose": purpose,
            "version": version,
            "root_id": by,
            "wrapped": wrapped,
        }
        return quick.insert(models.WrappedKey, {**row, "created_at": self._clock()}, ignore=True)

    def refresh(self) -> None:
        """Forget what was read of versions: the next use reads them again."""
        self._read.cache_clear()

    def versions(self, owner_id: str, purpose: str) -> Versions:
        """The versions of a key as read at most ``KNOWN_FOR`` seconds ago. Raises Undecipherable."""
        return self._read(owner_id, purpose, int(self._monotonic()) // KNOWN_FOR)

    def seal(self, tenant_id: str, plaintext: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Encrypt under the tenant's own key, bound to its row and column."""
        known = self.versions(tenant_id, SEAL)
        key = self._derived(known.keys[known.newest], _sealing(tenant_id), tenant_id)
        return vault.seal(key, known.newest, plaintext, place=vault.place(table, column, tenant_id, row_id))

    def unseal(self, tenant_id: str, sealed: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Decrypt what ``seal`` made for the same place. Raises Undecipherable."""
        key = self._derived(
            self._version(tenant_id, SEAL, vault.key_version(sealed)), _sealing(tenant_id), tenant_id
        )
        return vault.unseal(key, sealed, place=vault.place(table, column, tenant_id, row_id))

    def new_subject_key(self, tenant_id: str, subject_id: str) -> tuple[bytes, bytes]:
        """A fresh data key for one subject: ``(key, wrapped)``. Deleting ``wrapped`` forgets the person."""
        key = vault.new_key()
        return key, self.wrap_subject_key(tenant_id, subject_id, key)

    def wrap_subject_key(self, tenant_id: str, subject_id: str, key: bytes) -> bytes:
        """A subject's data key, wrapped under the newest version of its tenant's key."""
        known = self.versions(tenant_id, SEAL)
        wrapping = self._derived(known.keys[known.newest], "wrap", tenant_id)
        return vault.wrap(wrapping, key, place=_subject_place(tenant_id, subject_id), version=known.newest)

    def subject_key(self, tenant_id: str, subject_id: str, wrapped: bytes) -> bytes:
        """Unwrap a subject's data key. Raises Undecipherable."""
        wrapping = self._derived(self._version(tenant_id, SEAL, vault.wrapped_by(wrapped)), "wrap", tenant_id)
        return vault.unwrap(wrapping, wrapped, place=_subject_place(tenant_id, subject_id))

    def link(self, tenant_id: str, field: str, scope: str, normalised: str) -> Link:
        """The blind index of one normalised identifier, under every version in use."""
        known = self.versions(tenant_id, LINK)
        made = [
            (version, self.link_under(known, version, tenant_id, field, normalised))
            for version in known.active
        ]
        return Link(field, scope, *made[0], tuple(made[1:]), normalised)

    def link_under(self, known: Versions, version: int, tenant_id: str, field: str, normalised: str) -> str:
        """The 64 hex digits under one version of the key."""
        return links.blind(self._index(known.keys[version], tenant_id, field), field, normalised).hex()

    def require_current(self, tenant_id: str, made: Link) -> None:
        """Raises StaleLinks unless the versions a link was made under are those in use at this very moment.

        To be asked after the link was inserted, in the same transaction: whoever retires a version holds the
        table of links meanwhile, so one of the two sees the other.
        """
        row = models.WrappedKey
        query = row.select(row.version).where(
            row.owner_id == tenant_id, row.purpose == LINK, row.retired_at.is_null()
        )
        if {one.version for one in query} != {version for version, _ in made.every}:
            self.refresh()
            raise StaleLinks("the tenant's link key was rotated meanwhile")

    def mac(self, tenant_id: str, purpose: str, *parts: str | bytes) -> str:
        """Hex HMAC-SHA256 over length-prefixed parts: tells equals apart without keeping what was equal."""
        return self.macs(tenant_id, purpose, *parts)[0]

    def macs(self, tenant_id: str, purpose: str, *parts: str | bytes) -> list[str]:
        """That of the newest version that everybody knows, then what all others would make of the same."""
        return [mac for _, mac in self.versioned_macs(tenant_id, purpose, *parts)]

    def versioned_macs(self, tenant_id: str, purpose: str, *parts: str | bytes) -> list[tuple[int, str]]:
        """``macs`` with the version of the key that each was made under."""
        raws = [part if isinstance(part, bytes) else part.encode("utf-8", "surrogatepass") for part in parts]
        framed = b"".join(len(raw).to_bytes(8, "big") + raw for raw in raws)
        known = self.versions(tenant_id, LINK)
        order = [known.settled, *(version for version in known.keys if version != known.settled)]
        keys = ((one, self._derived(known.keys[one], purpose, tenant_id)) for one in order)
        return [(one, hmac.digest(key, framed, "sha256").hex()) for one, key in keys]

    def seal_own(self, plaintext: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Encrypt a value of the installation itself (users, log keys)."""
        return self.seal(INSTALLATION, plaintext, table=table, column=column, row_id=row_id)

    def unseal_own(self, sealed: bytes, *, table: str, column: str, row_id: str) -> bytes:
        """Decrypt what ``seal_own`` made. Raises Undecipherable."""
        return self.unseal(INSTALLATION, sealed, table=table, column=column, row_id=row_id)

    def link_own(self, field: str, normalised: str) -> str:
        """The installation-wide blind index of a user's identifier, under the newest version that every process
        knows: what one inserts the others find."""
        known = self.versions(INSTALLATION, LINK)
        return self.link_under(known, known.settled, INSTALLATION, field, normalised)

    def links_own(self, field: str, normalised: str) -> list[str]:
        """The same under every version in use, newest first."""
        known = self.versions(INSTALLATION, LINK)
        every = known.active
        return [self.link_under(known, version, INSTALLATION, field, normalised) for version in every]

    def _version(self, owner_id: str, purpose: str, version: int) -> bytes:
        key = self.versions(owner_id, purpose).keys.get(version)
        if key is None:
            self.refresh()  # another process may just have made it
            key = self.versions(owner_id, purpose).keys.get(version)
        if key is None:
            raise Undecipherable(f"version {version} of this key isn't there any more")
        return key

    def _load(self, owner_id: str, purpose: str, _: int) -> Versions:
        rows = _rows(owner_id, purpose)
        if not rows:
            self._make_missing(owner_id, purpose)
            rows = _rows(owner_id, purpose)
        keys = {
            row.version: self._unwrapped(owner_id, purpose, row.version, row.root_id, bytes(row.wrapped))
            for row in rows
        }
        active = tuple(row.version for row in rows if row.retired_at is None)
        if not active:
            raise Undecipherable(f"tenant {owner_id} has no {purpose} key")
        since = self._clock() - timedelta(seconds=2 * KNOWN_FOR)
        settled = next(
            (row.version for row in rows if row.created_at <= since and row.version in active), active[-1]
        )
        return Versions(keys, active, settled)

    def _make_missing(self, owner_id: str, purpose: str) -> None:
        """What an installation of before 0.2 lacks: there one key sealed and linked, and the installation's own
        was the root key itself. It goes on as version 1 of the key that is missing here."""
        if owner_id == INSTALLATION:
            older = quick.get(models.Installation, name=FIRST_ROOT)
            for one in (SEAL, LINK):
                key = vault.new_key() if older is None else self.roots.first(str(older.value))
                self.store(owner_id, one, 1, key)
        elif purpose == LINK and (sealing := _rows(owner_id, SEAL)):
            first = sealing[-1]
            key = self._unwrapped(owner_id, SEAL, first.version, first.root_id, bytes(first.wrapped))
            self.store(owner_id, LINK, 1, key)
        else:
            raise Undecipherable(f"tenant {owner_id} has no {purpose} key")

    def _unwrap(self, owner_id: str, purpose: str, version: int, by: str, wrapped: bytes) -> bytes:
        return self.roots.unwrap(by, wrapped, key_place(owner_id, purpose, version))


FIRST_ROOT = "root_key_check"
"""The row by which installations of before 0.2 recognised their only root key."""


def key_place(owner_id: str, purpose: str, version: int) -> str:
    """The place that a wrapped key is bound to; that of seal keys is older than link keys are."""
    name = str(version) if purpose == SEAL else f"{purpose}:{version}"
    return vault.place("tenant_keys", "wrapped", owner_id, name)


def _rows(owner_id: str, purpose: str) -> list[models.WrappedKey]:
    row = models.WrappedKey
    query = row.select().where(row.owner_id == owner_id, row.purpose == purpose)
    return list(query.order_by(row.version.desc()))


def _sealing(owner_id: str) -> str:
    return "own" if owner_id == INSTALLATION else "seal"


def _subject_place(tenant_id: str, subject_id: str) -> str:
    return vault.place("data_subjects", "key_wrapped", tenant_id, subject_id)
