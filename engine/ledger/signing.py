"""The installation's checkpoint key: made on first use, kept sealed, published as a C2SP verifier key."""

from __future__ import annotations

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

    def current(self) -> note.SigningKey:
        """The newest key; the first call of a new installation makes one."""
        if self._current is None:  # two threads may both load it: they get the same row
            self._current = self._load()
        return self._current

    def verifiers(self) -> list[note.Verifier]:
        """Verifiers of all keys, newest first."""
        self.current()
        rows = models.LogKey.select().order_by(models.LogKey.id.desc())
        return [note.Verifier.from_vkey(row.vkey) for row in rows]

    def _load(self) -> note.SigningKey:
        with self._store.transaction():
            row = models.LogKey.select().order_by(models.LogKey.id.desc()).first()
            return self._make() if row is None else self._open(row)

    def _make(self) -> note.SigningKey:
        key = note.SigningKey.generate(self._name)
        sealed = self._keys.seal_own(key.seed, table="log_keys", column="seed_sealed", row_id=key.vkey)
        models.LogKey.create(name=self._name, vkey=key.vkey, seed_sealed=sealed, created_at=self._clock())
        return key

    def _open(self, row: models.LogKey) -> note.SigningKey:
        seed = self._keys.unseal_own(row.seed_sealed, table="log_keys", column="seed_sealed", row_id=row.vkey)
        return note.SigningKey.from_seed(seed, row.name)
