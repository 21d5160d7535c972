"""What can go wrong with a backup, in words."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import DxflowError


class BackupFault(DxflowError):
    """Raised when a backup can't be made, is no backup, was altered, or can't be put back here."""

    kind = "backup-fault"


@contextmanager
def told(what: str) -> Iterator[None]:
    """Errors of the system and of SQLite as one that says what couldn't be done, and why."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or type(error).__name__
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        raise BackupFault(f"{what}: {reason.lower()}{'; nothing was left behind' if full else ''}") from error
    except sqlite3.Error as error:
        # SQLite's own names of faults quote no data.
        name = getattr(error, "sqlite_errorname", type(error).__name__)
        words = {"SQLITE_FULL": "no space left on device", "SQLITE_IOERR_WRITE": "it can't be written"}
        raise BackupFault(f"{what}: {words.get(name, name)}") from error
