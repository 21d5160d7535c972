"""A witness's word on a checkpoint: C2SP tlog-cosignature, ``cosignature/v1`` with Ed25519.

It says: at this time this was the largest tree of this log that I have seen, and it extends every one before.
"""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from ..errors import Invalid, LogBroken
from .note import require_name

_TYPE = b"\x04"
_SEED_BYTES, _KEY_ID_BYTES, _TIME_BYTES, _SIGNATURE_BYTES = 32, 4, 8, 64


class Cosigner:
    """A witness's key under its name. Immutable; its text never shows the key."""

    def __init__(self, seed: bytes, name: str) -> None:
        """``seed`` is the 32-byte private key of RFC 8032. Raises Invalid for an impossible name or seed."""
        require_name(name)
        if len(seed) != _SEED_BYTES:
            raise Invalid("key", "an Ed25519 seed has 32 bytes")
        key = ECC.construct(curve="Ed25519", seed=seed)
        public_key = key.public_key().export_key(format="raw")
        self.name = name
        self.key_id = hashlib.sha256(name.encode("utf-8") + b"\n" + _TYPE + public_key).digest()[
            :_KEY_ID_BYTES
        ]
        self.vkey = f"{name}+{self.key_id.hex()}+{_base64(_TYPE + public_key)}"
        self._scheme = eddsa.new(key, "rfc8032")
        self._verify = eddsa.new(key.public_key(), "rfc8032").verify

    def cosign(self, checkpoint: str, at: datetime) -> str:
        """The signed checkpoint with this witness's line below the others."""
        seconds = int(at.timestamp())
        signature = self._scheme.sign(_message(checkpoint, seconds))
        data = self.key_id + seconds.to_bytes(_TIME_BYTES, "big") + signature
        return f"{checkpoint}— {self.name} {_base64(data)}\n"

    def signed_at(self, checkpoint: str) -> datetime:
        """When this witness cosigned. Raises LogBroken where it didn't, or where its line is false."""
        for line in checkpoint.rpartition("\n\n")[2].splitlines():
            _, name, encoded = (*line.split(" "), "", "")[:3]
            data = base64.b64decode(encoded)
            if name == self.name and data[:_KEY_ID_BYTES] == self.key_id:
                return self._opened(checkpoint, data[_KEY_ID_BYTES:])
        raise LogBroken("this witness didn't cosign the checkpoint")

    def _opened(self, checkpoint: str, data: bytes) -> datetime:
        seconds = int.from_bytes(data[:_TIME_BYTES], "big")
        try:
            self._verify(_message(checkpoint, seconds), data[_TIME_BYTES:])
            if len(data) != _TIME_BYTES + _SIGNATURE_BYTES:
                raise ValueError
        except ValueError:
            raise LogBroken("a cosignature is false") from None
        return datetime.fromtimestamp(seconds, UTC)


def _message(checkpoint: str, seconds: int) -> bytes:
    """Header, time, and the note's text with its last newline."""
    text = checkpoint.rpartition("\n\n")[0] + "\n"
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
