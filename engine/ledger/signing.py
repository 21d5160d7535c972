"""The installation's checkpoint key: made on first use, kept sealed, published as a C2SP verifier key."""

from __future__ import annotations

from functools import lru_cache

from ..errors import Invalid, Undecipherable
from ..identity.keys import KeyRing
from ..moments import Clock
from ..store import Store, models
from . import note


class CheckpointKeys:
    """Hands out the key that signs checkpoints, and the verifiers of every key that ever did."""

    def __init__(self, store: Store, keys: KeyRing, clock: Clock, name: str) -> None:
        self._store = store
        self._keys = keys
        self._clock = clock
        self._name = name
        self._current: note.SigningKey | None = None
        self._opened = lru_cache(maxsize=64)(self._unseal)

    def current(self) -> note.SigningKey:
        """The newest key; the first call of a new installation makes one."""
        if self._current is None:  # two threads may both load it: they get the same row
            self._current = self._load()
        return self._current

    def verifiers(self) -> list[note.Verifier]:
        """Verifiers of all keys this installation made, newest first: a row that somebody else put into the
        table is no key of ours, whatever it says."""
        self.current()
        return [key.verifier for key in map(self._open, _rows()) if key is not None]

    def foreign(self) -> list[str]:
        """What the table holds beside our own keys: their verifier keys as they stand there."""
        return [str(row.vkey) for row in _rows() if self._open(row) is None]

    def _load(self) -> note.SigningKey:
        with self._store.transaction():
            rows = _rows()
            newest = next((key for key in map(self._open, rows) if key is not None), None)
            if newest is None and rows:
                raise Undecipherable("none of the stored log keys was sealed under this root key")
            return newest or self._make()

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
