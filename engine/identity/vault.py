"""Envelope encryption: root key, tenant keys, subject keys, sealed values. AES-256-GCM throughout.

Every ciphertext is bound to its place (table, column, tenant, row) by GCM's associated data, so a value
copied into another row no longer opens. Forgetting a person is deleting their wrapped key.

    wrapped key   0x02 ‖ nonce 12 ‖ ciphertext 32 ‖ tag 16                               61 bytes
    … versioned   0x03 ‖ key version 2, big-endian ‖ nonce 12 ‖ ciphertext 32 ‖ tag 16   63 bytes
    sealed value  0x01 ‖ key version 2, big-endian ‖ nonce 12 ‖ ciphertext ‖ tag 16      31 bytes + plaintext

The first byte (and the key version) is associated data too: no bit of either form can change unnoticed.

Limits: random nonces allow 2^32 values per key (NIST SP 800-38D section 8.3), far more than a subject has.
Python can't promise that a key leaves memory when it is dropped.
"""

from __future__ import annotations

import re
import secrets
from uuid import UUID

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF

from ..errors import Undecipherable
from .did import canonical

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SEALED = b"\x01"
_WRAPPED = b"\x02"
_WRAPPED_BY = b"\x03"
_VERSION_BYTES = 2
_HEADER_BYTES = len(_SEALED) + _VERSION_BYTES
_PURPOSE = re.compile(r"[a-z][a-z0-9-]*")


def new_key() -> bytes:
    """32 random bytes from the operating system."""
    return secrets.token_bytes(KEY_BYTES)


def hkdf(key: bytes, info: bytes) -> bytes:
    """HKDF-SHA256 (RFC 5869) without salt: a 32-byte key for the use that ``info`` names."""
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return HKDF(key, KEY_BYTES, b"", SHA256, context=info)


def derive(tenant_key: bytes, purpose: str, tenant_id: str) -> bytes:
    """The tenant's 32-byte key for one purpose: ``wrap`` (subject keys), ``inbox``, ``dedup``."""
    if not _PURPOSE.fullmatch(purpose):
        raise ValueError("a purpose is lower-case letters, digits and hyphens")
    return hkdf(tenant_key, f"dx/{purpose}/v1\0".encode("ascii") + UUID(canonical(tenant_id)).bytes)


def place(table: str, column: str, tenant_id: str, row_id: str) -> str:
    """Where a ciphertext lives, as ``table|column|tenant|row``; no two places share a text."""
    parts = (table, column, tenant_id, row_id)
    if any("|" in part or not part for part in parts):
        raise ValueError("a part of a place is empty or holds a bar")
    return "|".join(parts)


def wrap(kek: bytes, key: bytes, *, place: str, version: int | None = None) -> bytes:
    """``key`` (32 bytes) encrypted under ``kek`` (32 bytes), bound to ``place``.

    With ``version`` (0 to 65535) it says in the open which version of its wrapping key opens it.
    """
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    header = _WRAPPED if version is None else _WRAPPED_BY + version.to_bytes(_VERSION_BYTES, "big")
    return _encrypt(kek, header, key, place)


def unwrap(kek: bytes, wrapped: bytes, *, place: str) -> bytes:
    """The key that ``wrap`` encrypted. Raises Undecipherable for anything else."""
    header = wrapped[:_HEADER_BYTES] if wrapped[:1] == _WRAPPED_BY else _WRAPPED
    key = _decrypt(kek, header, wrapped, place)
    if len(key) != KEY_BYTES:
        raise Undecipherable("a wrapped key has the wrong length")
    return key


def wrapped_by(wrapped: bytes) -> int:
    """The version of the key that wrapped it: 1 where it doesn't say so, as in dxflow before 0.2."""
    return int.from_bytes(wrapped[1:_HEADER_BYTES], "big") if wrapped[:1] == _WRAPPED_BY else 1


def seal(key: bytes, key_version: int, plaintext: bytes, *, place: str) -> bytes:
    """``plaintext`` encrypted under ``key`` (32 bytes), bound to ``place``.

    ``key_version`` (0 to 65535) travels in the open, so that a reader knows which key to fetch.
    """
    return _encrypt(key, _SEALED + key_version.to_bytes(_VERSION_BYTES, "big"), plaintext, place)


def unseal(key: bytes, sealed: bytes, *, place: str) -> bytes:
    """The plaintext that ``seal`` encrypted.

    Raises Undecipherable when it was tampered with, belongs to another place, or ``key`` isn't its key.
    """
    key_version(sealed)
    return _decrypt(key, sealed[:_HEADER_BYTES], sealed, place)


def key_version(sealed: bytes) -> int:
    """The version of the key a sealed value needs. Raises Undecipherable if it isn't a sealed value."""
    if sealed[:1] != _SEALED or len(sealed) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES:
        raise Undecipherable("not a sealed value")
    return int.from_bytes(sealed[1:_HEADER_BYTES], "big")


def _encrypt(key: bytes, header: bytes, plaintext: bytes, place: str) -> bytes:
    # The nonce is no parameter on purpose: one nonce used twice under a key gives GCM away.
    nonce = secrets.token_bytes(_NONCE_BYTES)
    cipher = AES.new(_aes256(key), AES.MODE_GCM, nonce=nonce, mac_len=_TAG_BYTES)
    cipher.update(_associated(header, place))
    ciphertext, tag = cipher.encrypt_and_digest(plaintext)
    return header + nonce + ciphertext + tag


def _decrypt(key: bytes, header: bytes, data: bytes, place: str) -> bytes:
    start = len(header) + _NONCE_BYTES
    if not data.startswith(header) or len(data) < start + _TAG_BYTES:
        raise Undecipherable("not a ciphertext of this kind")
    try:
        cipher = AES.new(_aes256(key), AES.MODE_GCM, nonce=data[len(header) : start], mac_len=_TAG_BYTES)
        cipher.update(_associated(header, place))
        return cipher.decrypt_and_verify(data[start:-_TAG_BYTES], data[-_TAG_BYTES:])
    except ValueError:
        raise Undecipherable("wrong key, wrong place or altered ciphertext") from None


def _aes256(key: bytes) -> bytes:
    """The key itself; 16 bytes would do for the library, and silently be AES-128."""
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return key


def _associated(header: bytes, place: str) -> bytes:
    """What GCM authenticates beside the text. A header's length follows from its first byte: no ambiguity."""
    return header + place.encode("utf-8")
