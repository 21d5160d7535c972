"""Envelope encryption: root key, tenant keys, subject keys, sealed values. AES-256-GCM throughout.

Every ciphertext is bound to its place (table, column, tenant, row) by GCM's associated data, so a value
copied into another row no longer opens. Forgetting a person is deleting their wrapped key.

    wrapped key   0x02 ‖ nonce 12 ‖ ciphertext 32 ‖ tag 16                               61 bytes
    sealed value  0x01 ‖ key version 2, big-endian ‖ nonce 12 ‖ ciphertext ‖ tag 16      31 bytes + plaintext

The first byte (and the key version) is associated data too: no bit of either form can change unnoticed.

Limits: random nonces allow 2^32 values per key (NIST SP 800-38D section 8.3), far more than a subject has.
Python can't promise that a key leaves memory when it is dropped.
"""

from __future__ import annotations

import base64
import contextlib
import os
import re
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

from Crypto.Cipher import AES
from Crypto.Hash import SHA256
from Crypto.Protocol.KDF import HKDF

from ..errors import DxflowError, Undecipherable
from .did import canonical

KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_SEALED = b"\x01"
_WRAPPED = b"\x02"
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


def wrap(kek: bytes, key: bytes, *, place: str) -> bytes:
    """``key`` (32 bytes) encrypted under ``kek`` (32 bytes), bound to ``place``: 61 bytes."""
    if len(key) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return _encrypt(kek, _WRAPPED, key, place)


def unwrap(kek: bytes, wrapped: bytes, *, place: str) -> bytes:
    """The key that ``wrap`` encrypted. Raises Undecipherable for anything else."""
    key = _decrypt(kek, _WRAPPED, wrapped, place)
    if len(key) != KEY_BYTES:
        raise Undecipherable("a wrapped key has the wrong length")
    return key


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


class KeyFault(DxflowError, ValueError):
    """Raised when the root key or its file is malformed or unprotected; the text never holds the key."""

    kind = "key-fault"


@dataclass(frozen=True, slots=True)
class RootKey:
    """The installation's key, under which tenants' keys are wrapped. It never leaves memory in any text."""

    key: bytes = field(repr=False)

    @classmethod
    def load(cls, env_value: str | None, path: Path) -> RootKey:
        """The key from the setting (base64 of 32 bytes), else from ``path``, made there on the first start.

        Several processes may start at once: the first one's file wins and all read the same key. Raises
        KeyFault for a value that isn't a key, and for a file that others may read.
        """
        if env_value is not None:
            return cls(_decode_key(env_value, "DXFLOW_ROOT_KEY"))
        if not path.exists():
            _create_key_file(path)
        return cls(_decode_key(_read_private(path), str(path)))


def _decode_key(text: str, source: str) -> bytes:
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        raise KeyFault(f"{source} must be base64 of {KEY_BYTES} bytes") from None
    if len(key) != KEY_BYTES:
        raise KeyFault(f"{source} must be base64 of {KEY_BYTES} bytes, not of {len(key)}")
    return key


def _read_private(path: Path) -> str:
    """The file's text. The mode is read from the open file, so that nobody can swap it in between."""
    try:
        with path.open(encoding="ascii") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            if mode & 0o077:
                raise KeyFault(f"{path} has mode {mode:04o}: only its owner may read it (chmod 600)")
            return file.read()
    except (OSError, UnicodeDecodeError) as fault:
        raise KeyFault(f"{path} can't be read as a key file ({type(fault).__name__})") from None


def _create_key_file(path: Path) -> None:
    """Write a new key beside ``path`` and link it there when it is whole and on disk.

    A crash leaves either no key or a whole one; a file that appeared meanwhile is left alone.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(base64.b64encode(new_key()) + b"\n")
                file.flush()
                os.fsync(descriptor)
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(draft)
        finally:
            draft.unlink()
        _sync_directory(path.parent)
    except OSError as fault:
        raise KeyFault(f"{path} can't be created ({type(fault).__name__})") from None


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
