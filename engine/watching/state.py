"""What a watcher keeps between two looks: its own key, and of each log the last checkpoint and its keys."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from ..errors import Invalid
from ..ledger.cosignature import Cosigner


@dataclass(frozen=True, slots=True)
class Known:
    """A log as it was last seen: the cosigned checkpoint, and the verifier keys that count."""

    checkpoint: str
    keys: list[str]


@dataclass(frozen=True, slots=True)
class State:
    """Files in ``directory`` (mode 0700), each replaced as a whole; a log's are named by its address."""

    directory: Path

    def cosigner(self, name: str) -> Cosigner:
        """The watcher's own key, made at its first run (mode 0600). Raises Invalid for a file that is none."""
        file = self.directory / "witness.key"
        if not file.exists():
            self._write(file, secrets.token_hex(32) + "\n")
        try:
            seed = bytes.fromhex(file.read_text(encoding="ascii").strip())
        except ValueError:
            raise Invalid("state", f"{file} holds no key: 64 hexadecimal digits") from None
        return Cosigner(seed, name)

    def known(self, url: str) -> Known | None:
        """What was last seen of a log. Raises Invalid for a file that can't be read: it is never forgotten."""
        file = self._file(url, "json")
        if not file.exists():
            return None
        try:
            kept = json.loads(file.read_text(encoding="utf-8"))
            return Known(str(kept["checkpoint"]), [str(key) for key in kept["keys"]])
        except (ValueError, KeyError, TypeError):
            raise Invalid("state", f"{file} can't be read; bring it back, or give another --state") from None

    def keep(self, url: str, known: Known) -> None:
        """Remember a log as it is now; the checkpoint also stands alone beside it, for other tools."""
        self._write(self._file(url, "checkpoint"), known.checkpoint)
        kept = {"url": url, "checkpoint": known.checkpoint, "keys": known.keys}
        self._write(self._file(url, "json"), json.dumps(kept, indent=1))

    def keep_evidence(self, url: str, text: str) -> Path:
        """Two signed notes that can't both be true, for whoever has to be shown; one file for each pair."""
        name = hashlib.sha256(text.encode("utf-8")).hexdigest()[:12]
        file = self._file(url, f"evidence-{name}.txt")
        self._write(file, text)
        return file

    def _file(self, url: str, ending: str) -> Path:
        return self.directory / f"{hashlib.sha256(url.encode('utf-8')).hexdigest()[:16]}.{ending}"

    def _write(self, file: Path, text: str) -> None:
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = file.with_name(f".{file.name}.{os.getpid()}")
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        unfinished.replace(file)
