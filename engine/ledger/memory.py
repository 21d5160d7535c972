"""What is remembered of the logs outside the database: whoever rewrites the database doesn't rewrite this.

A database restored from yesterday's file, or cut off at its end with an older signed checkpoint put back, is
whole in itself and its signatures are genuine. Only a memory of something later tells. One small file for each
log, the largest checkpoint that was seen; and, while a verification is under way, how far it came.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from . import epochs

_CHECKPOINT = ".checkpoint"
_PROGRESS = ".verifying"


@dataclass(frozen=True, slots=True)
class Memory:
    """Files in ``directory`` (0700, made when first needed), named by the logs' ids and replaced as a whole."""

    directory: Path

    def remember(self, log_id: str, checkpoint: str) -> None:
        """Keep a signed checkpoint, unless a later one of this log is kept already: one of a later epoch, or a
        larger one of the same. The last one of an epoch stays, as evidence."""
        known = self.recall(log_id)
        if known is None or epochs.rank(checkpoint) > epochs.rank(known):
            over = None if known is None else epochs.rank(known)
            if (
                known is not None
                and over is not None
                and over[1] >= 0
                and over[0] < epochs.rank(checkpoint)[0]
            ):
                self._write(f"{log_id}.epoch-{over[0]}", known.encode("utf-8"))
            self._write(log_id + _CHECKPOINT, checkpoint.encode("utf-8"))

    def recall(self, log_id: str) -> str | None:
        """The largest checkpoint seen of a log."""
        found = self._read(log_id + _CHECKPOINT)
        return None if found is None else found.decode("utf-8", "replace")

    def logs(self) -> Iterator[str]:
        """The ids of all logs of which something is remembered."""
        for file in sorted(self.directory.glob(f"*{_CHECKPOINT}")):
            yield file.name.removesuffix(_CHECKPOINT)

    def keep_progress(self, log_id: str, sealed: bytes) -> None:
        """How far a verification of this log came; sealed by whoever keeps it."""
        self._write(log_id + _PROGRESS, sealed)

    def progress(self, log_id: str) -> bytes | None:
        """What ``keep_progress`` kept."""
        return self._read(log_id + _PROGRESS)

    def drop_progress(self, log_id: str) -> None:
        """A verification came to its end."""
        (self.directory / (log_id + _PROGRESS)).unlink(missing_ok=True)

    def _read(self, name: str) -> bytes | None:
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def _write(self, name: str, data: bytes) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self.directory / f".{name}.{os.getpid()}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        unfinished.replace(self.directory / name)


def size_of(checkpoint: str) -> int:
    """How many leaves a checkpoint speaks of; -1 for a text that isn't one, which anything may replace."""
    return epochs.parts(checkpoint)[1]
