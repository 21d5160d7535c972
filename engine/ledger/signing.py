"""The installation's checkpoint keys: made on first use, kept sealed, rotated with overlap.

One Ed25519 key signs every log of the installation, under the log's own origin as its C2SP key name, so each
log has verifier keys of its own. While keys overlap a checkpoint bears a signature of each, oldest first:
whoever knows the older key goes on, and learns of the newer one from the log (``services/log_keys.py``).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from ..errors import Invalid, Undecipherable
from ..identity.keys import KeyRing
from ..moments import Clock
from ..store import Store, models
from . import note

KNOWN_FOR = 5.0
"""Seconds that a process relies on the keys it has read: another one may have rotated them since."""


class _Known(NamedTuple):
    """The keys as read at ``at`` (monotonic seconds): the active ones, oldest first."""

    at: float
    active: list[note.SigningKey]


class CheckpointKeys:
    """Signs checkpoints with the keys that are active, and names the verifiers of every key that ever was."""

    def __init__(
        self,
        store: Store,
        keys: KeyRing,
        clock: Clock,
        name: str,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._name = name
        self._monotonic = monotonic
        self._known: _Known | None = None
        self._opened = lru_cache(maxsize=64)(self._unseal)
        self._named = lru_cache(maxsize=20_000)(note.SigningKey.named)

    def sign(self, origin: str, size: int, root: bytes) -> str:
        """The signed checkpoint of a tree, as it may go out."""
        return self.sign_text(origin, note.checkpoint_text(origin, size, root))

    def sign_text(self, origin: str, text: str) -> str:
        """A note that every active key signed in the name of a log."""
        keys = [self._named(key, origin) for key in self.active()]
        return text + "\n" + "".join(key.signature_line(text) for key in keys)

    def active(self) -> list[note.SigningKey]:
        """The keys that sign now, oldest first; the first call of a new installation makes one."""
        known = self._known
        if known is None or self._monotonic() - known.at > KNOWN_FOR:
            known = self._known = _Known(self._monotonic(), self._load())
        return known.active

    def verifiers(self, origin: str) -> list[note.Verifier]:
        """Verifiers for one log, of all keys this installation ever made, newest first: a row that somebody
        else put into the table is no key of ours, whatever it says.

        Checkpoints of version 0.1 bear the installation's name where later ones bear the log's origin.
        """
        self.active()
        ours = [key for key in map(self._open, _rows()) if key is not None]
        return [
            self._named(key, name).verifier for key in ours for name in dict.fromkeys((origin, self._name))
        ]

    def vkeys(self, origin: str) -> list[str]:
        """The C2SP verifier keys that outsiders may know a log by: the active ones, oldest first."""
        return [self._named(key, origin).vkey for key in self.active()]

    def every(self, origin: str) -> list[tuple[note.Verifier, bool]]:
        """The verifiers of a log as they stand in the table now, oldest first, and whether their keys sign."""
        rows = [(row, key) for row in reversed(_rows()) if (key := self._open(row)) is not None]
        return [(self._named(key, origin).verifier, row.retired_at is None) for row, key in rows]

    def foreign(self) -> list[str]:
        """What the table holds beside our own keys: their verifier keys as they stand there."""
        return [str(row.vkey) for row in _rows() if self._open(row) is None]

    def rotate(self) -> note.SigningKey:
        """Make another key, which signs beside the active ones from now on."""
        self.active()
        with self._store.transaction():
            made = self._make()
        self._known = None
        return made

    def retire(self) -> list[note.SigningKey]:
        """All active keys but the newest sign no more; which they were."""
        with self._store.transaction():
            *older, _ = self._load()
            for key in older:
                row = models.LogKey.get(models.LogKey.vkey == key.vkey)
                row.retired_at = self._clock()
                row.save()
        self._known = None
        return older

    def _load(self) -> list[note.SigningKey]:
        with self._store.transaction():
            rows = _rows()
            ours = [(row, key) for row in rows if (key := self._open(row)) is not None]
            if rows and not ours:
                raise Undecipherable("none of the stored log keys was sealed under this root key")
            active = [key for row, key in reversed(ours) if row.retired_at is None]
            return active or [self._make()]

    def _make(self) -> note.SigningKey:
        key = note.SigningKey.generate(self._name)
        sealed = self._keys.seal_own(key.seed, table="log_keys", column="seed_sealed", row_id=key.vkey)
        models.LogKey.create(name=self._name, vkey=key.vkey, seed_sealed=sealed, created_at=self._clock())
        return key

    def _open(self, row: models.LogKey) -> note.SigningKey | None:
        """The row's key; None unless its seed was sealed here for this very verifier key."""
        return self._opened(row.vkey, row.name, bytes(row.seed_sealed))

    def _unseal(self, vkey: str, name: str, sealed: bytes) -> note.SigningKey | None:
        try:
            seed = self._keys.unseal_own(sealed, table="log_keys", column="seed_sealed", row_id=vkey)
            key = note.SigningKey.from_seed(seed, name)
        except (Undecipherable, Invalid, ValueError):
            return None
        return key if key.vkey == vkey else None


def _rows() -> list[models.LogKey]:
    """Newest first."""
    return list(models.LogKey.select().order_by(models.LogKey.id.desc()))
