"""Signed checkpoints: C2SP signed-note and tlog-checkpoint, Ed25519.

    <origin>
    <number of leaves>
    <base64 of the root hash>

    — <key name> <base64 of key id (4) ‖ signature (64)>

A checkpoint is the log's promise of one history. A signature alone doesn't keep the operator from signing
two; whoever keeps an older checkpoint and asks for a consistency proof notices.
"""

from __future__ import annotations

import base64
import copy
import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from Crypto.PublicKey import ECC
from Crypto.Signature import eddsa

from ..errors import Invalid, LogBroken
from .merkle import HASH_BYTES

_ED25519 = b"\x01"
"""Signature type of C2SP signed-note."""
_KEY_BYTES = 32
_KEY_ID_BYTES = 4
_MAX_SIGNATURES = 64
_SIGNATURE_MARK = "— "
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_VKEY = re.compile(r"(?P<name>[^+]+)\+(?P<id>[0-9a-f]{8})\+(?P<key>.+)")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's head: which log (``origin``), how many leaves (``size``), the 32-byte ``root``."""

    origin: str
    size: int
    root: bytes


class _Signature(NamedTuple):
    name: str
    key_id: bytes
    value: bytes


class Verifier:
    """A public key under a name. Immutable, safe for any thread."""

    def __init__(self, name: str, public_key: bytes) -> None:
        """``public_key`` is 32 raw bytes. Raises Invalid for an impossible name or key."""
        require_name(name)
        try:
            self._scheme = eddsa.new(eddsa.import_public_key(public_key), "rfc8032")
        except ValueError:
            raise Invalid("key", "not an Ed25519 public key") from None
        self.public_key = public_key
        self._call(name)

    def named(self, name: str) -> Verifier:
        """The same key under another name. Raises Invalid for an impossible one."""
        require_name(name)
        other = copy.copy(self)
        other._call(name)
        return other

    def _call(self, name: str) -> None:
        self.name = name
        encoded = _ED25519 + self.public_key
        self.key_id = hashlib.sha256(name.encode("utf-8") + b"\n" + encoded).digest()[:_KEY_ID_BYTES]
        self.vkey = f"{name}+{self.key_id.hex()}+{_base64(encoded)}"

    @classmethod
    def from_vkey(cls, vkey: str) -> Verifier:
        """Read ``<name>+<key id in hex>+<base64 of type and key>``. Raises Invalid unless all three agree."""
        match = _VKEY.fullmatch(vkey)
        encoded = _from_base64(match["key"]) if match else None
        if match is None or encoded is None or encoded[:1] != _ED25519:
            raise Invalid("vkey", "not an Ed25519 verifier key")
        verifier = cls(match["name"], encoded[1:])
        if verifier.key_id.hex() != match["id"]:
            raise Invalid("vkey", "its key id belongs to another key or name")
        return verifier

    def verify(self, message: bytes, signature: bytes) -> bool:
        """True if ``signature`` (64 bytes) is this key's over ``message``."""
        try:
            self._scheme.verify(message, signature)
        except ValueError:
            return False
        return True


class SigningKey:
    """A log's private key under its name. Immutable, safe for any thread; its text never shows the key."""

    def __init__(self, seed: bytes, name: str) -> None:
        """``seed`` is the 32-byte private key of RFC 8032. Raises Invalid for an impossible name or seed."""
        if len(seed) != _KEY_BYTES:
            raise Invalid("key", "an Ed25519 seed has 32 bytes")
        key = ECC.construct(curve="Ed25519", seed=seed)
        # Building the scheme costs more than signing with it: it is kept.
        self._scheme = eddsa.new(key, "rfc8032")
        self.seed = seed
        self.verifier = Verifier(name, key.public_key().export_key(format="raw"))

    @classmethod
    def generate(cls, name: str) -> SigningKey:
        """A new key from the operating system's randomness."""
        return cls(secrets.token_bytes(_KEY_BYTES), name)

    @classmethod
    def from_seed(cls, seed: bytes, name: str) -> SigningKey:
        """The key whose ``seed`` was kept."""
        return cls(seed, name)

    def named(self, name: str) -> SigningKey:
        """The same key under another name. Raises Invalid for an impossible one."""
        other = copy.copy(self)
        other.verifier = self.verifier.named(name)
        return other

    @property
    def name(self) -> str:
        """The key's name; for a log it is the log's origin."""
        return self.verifier.name

    @property
    def vkey(self) -> str:
        """The public key as signed-note tools take it."""
        return self.verifier.vkey

    @property
    def public_key(self) -> bytes:
        """The 32 raw bytes of the public key."""
        return self.verifier.public_key

    def sign_note(self, text: str) -> str:
        """The text with a blank line and this key's signature. Raises Invalid for a text no note may have."""
        return f"{text}\n{self.signature_line(text)}"

    def signature_line(self, text: str) -> str:
        """This key's signature alone, to stand below another's: during a rotation both keys sign."""
        _require_text(text)
        signature = self._scheme.sign(text.encode("utf-8"))
        return f"{_SIGNATURE_MARK}{self.name} {_base64(self.verifier.key_id + signature)}\n"


def checkpoint_text(origin: str, size: int, root: bytes) -> str:
    """The text of a checkpoint, ready to be signed. Raises Invalid for what it can't hold."""
    if not origin or not origin.isprintable():
        raise Invalid("origin", "one printable, non-empty line")
    if not _SIZE.fullmatch(str(size)):
        raise Invalid("size", "not a tree's size")
    if len(root) != HASH_BYTES:
        raise Invalid("root", "a root hash has 32 bytes")
    return f"{origin}\n{size}\n{_base64(root)}\n"


def open_checkpoint(note: str, verifiers: Sequence[Verifier]) -> Checkpoint:
    """The checkpoint that at least one of ``verifiers`` signed (see ``open_note``).

    The origin is whatever the signer wrote: the caller compares it with the log it asked for. Raises
    LogBroken for a note that isn't such a checkpoint.
    """
    return _parse_checkpoint(open_note(note, verifiers))


def read_checkpoint(note: str) -> Checkpoint:
    """What a note says, whoever signed it: nothing is verified. Raises LogBroken for what is no checkpoint."""
    return _parse_checkpoint(_split_note(note)[0])


def signers(note: str) -> list[tuple[str, str]]:
    """Name and key id (hex) of each signature of a note, whether or not it is good. Raises LogBroken."""
    return [(one.name, one.key_id.hex()) for one in _split_note(note)[1]]


def open_note(note: str, verifiers: Sequence[Verifier]) -> str:
    """The text of a note that at least one of ``verifiers`` signed.

    Signatures of unknown keys (witnesses, a successor's) are ignored; a bad one under a known key's name and
    id spoils the whole note. Raises LogBroken for everything else.
    """
    text, signatures = _split_note(note)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    trusted = False
    for signature in signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None:
            continue
        if not verifier.verify(text.encode("utf-8"), signature.value):
            raise LogBroken("a note bears a forged signature")
        trusted = True
    if not trusted:
        raise LogBroken("no known key signed the note")
    return text


def _parse_checkpoint(text: str) -> Checkpoint:
    lines = text.removesuffix("\n").split("\n")
    if len(lines) < 3 or "" in lines or not _SIZE.fullmatch(lines[1]):
        raise LogBroken("a signed note isn't a checkpoint")
    root = _from_base64(lines[2])
    if root is None or len(root) != HASH_BYTES:
        raise LogBroken("a checkpoint has no root hash")
    return Checkpoint(lines[0], int(lines[1]), root)


def _split_note(note: str) -> tuple[str, list[_Signature]]:
    """The text (its last newline included) and the signatures below the last blank line."""
    head, blank, tail = note.rpartition("\n\n")
    if not blank or not tail.endswith("\n") or not _is_note_text(note):
        raise LogBroken("not a signed note")
    lines = tail.removesuffix("\n").split("\n")
    if len(lines) > _MAX_SIGNATURES:
        raise LogBroken("a note bears too many signatures")
    return head + "\n", [_parse_signature(line) for line in lines]


def _parse_signature(line: str) -> _Signature:
    name, space, encoded = line.removeprefix(_SIGNATURE_MARK).partition(" ")
    value = _from_base64(encoded)
    if not line.startswith(_SIGNATURE_MARK) or not space or not _is_name(name) or value is None:
        raise LogBroken("a note bears a malformed signature line")
    if len(value) <= _KEY_ID_BYTES:
        raise LogBroken("a note bears an empty signature")
    return _Signature(name, value[:_KEY_ID_BYTES], value[_KEY_ID_BYTES:])


def require_name(name: str) -> None:
    """Raises Invalid for a name that no key may have (signed-note, "Format")."""
    if not _is_name(name):
        raise Invalid("name", "a key's name is printable and has no space and no plus")


def _is_name(name: str) -> bool:
    # isprintable() refuses controls, surrogates and every space but U+0020.
    return bool(name) and name.isprintable() and " " not in name and "+" not in name


def _require_text(text: str) -> None:
    if not text.endswith("\n") or not _is_note_text(text):
        raise Invalid("text", "a note's text ends in a newline and has no control characters")


def _is_note_text(text: str) -> bool:
    """Valid UTF-8 without controls below U+0020 other than newline (signed-note, "Format")."""
    return not any(("\x00" <= char < " " and char != "\n") or "\ud800" <= char <= "\udfff" for char in text)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _from_base64(text: str) -> bytes | None:
    """The bytes of standard base64; None for anything else, spare bits and inner padding included."""
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return data if _base64(data) == text else None
