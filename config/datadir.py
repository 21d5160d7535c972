"""The data directory: made private, checked, and held by one server at a time.

The lock is a POSIX record lock (``fcntl(F_SETLK)``), and its two odd rules are why this file is careful. It
belongs to the process, so forked workers don't inherit it and a restart right after kill -9 finds it free; a
``flock`` would live on in them. And closing *any* descriptor of the file drops it, so this process must never
open the file a second time.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import Self

from .errors import DataDirBusy, DataDirError

_held: dict[tuple[int, int], int] = {}  # (device, inode) of a lock file → the process that locked it


class DataDir:
    """A directory that belongs to one running server: database, keys, the embedded Valkey's files."""

    def __init__(self, path: Path) -> None:
        """Prepare; nothing is touched yet."""
        self.path = path.absolute()
        self._descriptor: int | None = None
        self._identity = (0, 0)

    def __enter__(self) -> Self:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> Self:
        """Make the directory (mode 0700), see that it can be written, and lock it.

        Raises DataDirError, and DataDirBusy when another server holds it. The lock ends with the process.
        """
        self.prepare()
        lock = self.path / "serve.lock"
        if _held.get(_identity(lock)) == os.getpid():
            raise self._busy(os.getpid())
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.lockf(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # POSIX allows either errno for a lock that is held
            holder = os.read(descriptor, 20).decode("ascii", "replace").strip()
            os.close(descriptor)
            raise self._busy(holder) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor, self._identity = descriptor, _identity(lock)
        _held[self._identity] = os.getpid()
        return self

    def prepare(self) -> None:
        """Make the directory and see that it can be written, without a lock. Raises DataDirError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                return
        except OSError as error:
            fault = (error.strerror or type(error).__name__).lower()
            raise DataDirError(f"DXFLOW_DATA_DIR: {self.path} can't be written: {fault}") from None

    def close(self) -> None:
        """Let the directory go. In a forked child this does nothing: the lock is its parent's."""
        if self._descriptor is not None and _held.get(self._identity) == os.getpid():
            del _held[self._identity]
            os.close(self._descriptor)
            self._descriptor = None

    def _busy(self, holder: object) -> DataDirBusy:
        return DataDirBusy(
            f"DXFLOW_DATA_DIR: {self.path} is in use by another dxflow (process {holder}); "
            "stop it, or choose another directory"
        )


def _identity(file: Path) -> tuple[int, int]:
    """Device and inode: the file itself, whatever path leads to it; zeros when there is none."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return (0, 0)
    return (status.st_dev, status.st_ino)
