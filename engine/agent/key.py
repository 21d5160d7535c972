"""The engine's own key: its Ed25519 signature is how a dx-agent elsewhere knows it.

It signs requests and nothing else; checkpoints are signed by the log keys (``ledger/signing.py``).
"""

from __future__ import annotations

import base64
import secrets

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from ..errors import Undecipherable
from ..identity.keys import KeyRing
from ..store import Store, models, quick

NAME = "engine_key"
_SEED_BYTES = 32


class EngineKey:
    """A private key and its public half in hex. Immutable, safe for any thread."""

    def __init__(self, seed: bytes) -> None:
        """``seed`` is the 32-byte private key of RFC 8032."""
        key = ECC.construct(curve="Ed25519", seed=seed)
        self._scheme = eddsa.new(key, "rfc8032")
        self.public = key.public_key().export_key(format="raw").hex()

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return self._scheme.sign(message)

    @classmethod
    def load(cls, store: Store, keys: KeyRing) -> EngineKey:
        """This installation's key, made with the first call; the database keeps it sealed, its public half
        beside it.

        Raises Undecipherable for one that was sealed under another root key.
        """
        with store.transaction():
            seed = secrets.token_bytes(_SEED_BYTES)
            public = cls(seed).public
            sealed = keys.seal_own(seed, table="installation", column="value", row_id=NAME)
            value = f"{public} {base64.b64encode(sealed).decode('ascii')}"
            quick.insert(models.Installation, {"name": NAME, "value": value}, ignore=True)
            kept = models.Installation.get(name=NAME).value
        public, _, text = kept.partition(" ")
        row = {"table": "installation", "column": "value", "row_id": NAME}
        key = cls(keys.unseal_own(base64.b64decode(text), **row))
        if key.public != public:
            raise Undecipherable("the stored engine key isn't the one it says it is")
        return key


def public_key() -> str | None:
    """The public half of this installation's key in hex; None before it was needed."""
    row = quick.get(models.Installation, name=NAME)
    return None if row is None else str(row.value).partition(" ")[0]
