"""Root keys: where they come from, and the ring that wraps other keys under the newest of them.

The operator keeps them in a file or in the environment, or a key service keeps them (``key_service.py``). While
they are rotated there are several, the newest first: it wraps what is new, the others open what they wrapped.
"""

from __future__ import annotations

import base64
import contextlib
import hmac
import os
import secrets
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..disk import sync_directory
from ..errors import Conflict, DxflowError, Undecipherable
from . import vault

ID_LENGTH = 16


class KeyFault(DxflowError, ValueError):
    """Raised when a root key or its file is malformed, missing or unprotected; the text never holds the key."""

    kind = "key-fault"


def root_id(key: bytes) -> str:
    """What a root key is called: 16 hex digits that say nothing of it."""
    return root_mark(key)[:ID_LENGTH]


def root_mark(key: bytes) -> str:
    """64 hex digits by which a root key is recognised, and cannot be found."""
    return hmac.digest(key, b"dxflow/root-key-check/v1", "sha256").hex()


class RootSource(Protocol):
    """Where root keys are kept."""

    @property
    def name(self) -> str:
        """What people call the place."""
        ...

    def load(self) -> list[bytes]:
        """The keys there are now, newest first; at least one. Raises KeyFault."""
        ...

    def add(self) -> None:
        """Make another key, the newest from now on. Raises Conflict where only the operator can."""
        ...

    def drop(self, ids: Sequence[str]) -> None:
        """Let keys go for good that wrap nothing any more."""
        ...


class RootRing:
    """The root keys of this process. Safe for any thread; reads its source again when a key is missing."""

    def __init__(self, source: RootSource) -> None:
        self.source = source
        self._keys = _by_id(source.load())

    @classmethod
    def of(cls, *keys: bytes) -> RootRing:
        """A ring of these keys, newest first."""
        return cls(Given(tuple(keys)))

    @property
    def ids(self) -> list[str]:
        """What the keys are called, newest first."""
        return list(self._keys)

    def reload(self) -> None:
        """Read the source again. Raises KeyFault."""
        self._keys = _by_id(self.source.load())

    def wrap(self, key: bytes, place: str) -> tuple[str, bytes]:
        """``(root id, wrapped)`` under the newest root key there is by now."""
        self.reload()  # seldom enough, and a rotation may have begun in another process
        return self.wrap_under(self.ids[0], key, place)

    def wrap_under(self, by: str, key: bytes, place: str) -> tuple[str, bytes]:
        """``(root id, wrapped)`` under the root key of this id, which must be here."""
        return by, vault.wrap(self._keys[by], key, place=place)

    def first(self, mark: str) -> bytes:
        """The root key of this ``root_mark``. Raises Undecipherable."""
        if mark[:ID_LENGTH] not in self._keys:
            self.reload()
        key = self._keys.get(mark[:ID_LENGTH])
        if key is None:
            raise Undecipherable(f"root key {mark[:ID_LENGTH]} isn't in {self.source.name}")
        return key

    def unwrap(self, by: str, wrapped: bytes, place: str) -> bytes:
        """The key that was wrapped under the root key of this id. Raises Undecipherable."""
        if by not in self._keys:
            self.reload()
        root = self._keys.get(by)
        if root is None:
            raise Undecipherable(f"it was wrapped under root key {by}, which isn't in {self.source.name}")
        return vault.unwrap(root, wrapped, place=place)


def _by_id(keys: Sequence[bytes]) -> dict[str, bytes]:
    return {root_id(key): key for key in keys}


@dataclass(frozen=True, slots=True)
class Given:
    """Keys from the environment: only the operator changes them, and this process sees it when it starts."""

    keys: tuple[bytes, ...] = field(repr=False)
    name: str = "DXFLOW_ROOT_KEY"

    @classmethod
    def parse(cls, text: str) -> Given:
        """One key, or several separated by commas, newest first. Raises KeyFault."""
        return cls(tuple(decode_key(part, "DXFLOW_ROOT_KEY") for part in text.split(",")))

    def load(self) -> list[bytes]:
        """The keys, as they were given."""
        return list(self.keys)

    def add(self) -> None:
        """Raises Conflict: this says how."""
        raise Conflict(
            "the root key stands in DXFLOW_ROOT_KEY: put a new one before it, separated by a comma "
            "(DXFLOW_ROOT_KEY=new,old), restart every process, and run `dxflow keyring rotate root` again"
        )

    def drop(self, ids: Sequence[str]) -> None:
        """The operator takes them out."""
        del ids


@dataclass(frozen=True, slots=True)
class KeyFile:
    """A file with one key per line, newest first, that only its owner may read; made on the first start.

    Several processes may start at once: the first one's file wins and all read the same key. Where it was
    there before (``make`` is False) a missing file is a lost one, and nothing takes its place.
    """

    path: Path
    make: bool = True

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def load(self) -> list[bytes]:
        """Raises KeyFault for a file that others may read, and for what isn't a key."""
        if not self.path.exists():
            if not self.make:
                raise KeyFault(
                    f"{self.path} is missing: without it nothing in the database can be read; restore it"
                )
            self.write([vault.new_key()], replace=False)
        lines = _read_private(self.path).split()
        if not lines:
            raise KeyFault(f"{self.path} holds no key; it must be base64 of {vault.KEY_BYTES} bytes")
        return [decode_key(line, str(self.path)) for line in lines]

    def add(self) -> None:
        """A new key before the others."""
        self.write([vault.new_key(), *self.load()])

    def drop(self, ids: Sequence[str]) -> None:
        """Write the file without them."""
        keys = self.load()
        kept = [key for key in keys if root_id(key) not in ids]
        if kept and kept != keys:
            self.write(kept)

    def write(self, keys: Sequence[bytes], *, replace: bool = True) -> None:
        """Write the keys beside the file and put them in its place when they are whole and on disk.

        A crash leaves the file as it was or as it is to be. Without ``replace`` a file that appeared meanwhile
        is left alone.
        """
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        text = b"".join(base64.b64encode(key) + b"\n" for key in keys)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_private(draft, text)
            if replace:
                draft.replace(self.path)
            else:
                with contextlib.suppress(FileExistsError):
                    self.path.hardlink_to(draft)
            sync_directory(self.path.parent)
        except OSError as fault:
            raise KeyFault(f"{self.path} can't be written ({type(fault).__name__})") from None
        finally:
            with contextlib.suppress(OSError):
                draft.unlink()


def decode_key(text: str, source: str) -> bytes:
    """A key as it is written: base64 of 32 bytes. Raises KeyFault."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except ValueError:
        raise KeyFault(f"{source} must be base64 of {vault.KEY_BYTES} bytes") from None
    if len(key) != vault.KEY_BYTES:
        raise KeyFault(f"{source} must be base64 of {vault.KEY_BYTES} bytes, not of {len(key)}")
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


def _write_private(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
