"""The command line as its users have it: a process with its own exit code, stdout and stderr (``forked``)."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forked
from forked import ROOT, TIMEOUT_S, environment

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.core import Core


@dataclass(frozen=True)
class Ended:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """stdout, which must be one JSON document and nothing else."""
        return json.loads(self.out)

    def refused(self, text: str) -> None:
        """It failed with one line on stderr that holds ``text``, and printed nothing."""
        assert (self.code, self.out) == (1, ""), self
        assert self.err.startswith("dxflow: "), self.err
        assert self.err.count("\n") == 1, self.err
        assert text in self.err, self.err

    def misused(self, text: str) -> None:
        """It was used wrongly: exit code 2, told on stderr, nothing on stdout."""
        assert (self.code, self.out) == (2, ""), self
        assert text in " ".join(self.err.replace("│", " ").split()), self.err


@dataclass(frozen=True)
class Home:
    """A data directory and the command line on it."""

    directory: Path

    def run(self, *words: str, stdin: str = "", **settings: object) -> Ended:
        """Run a command to its end."""
        return Ended(*forked.run(self.directory, words, stdin=stdin, **settings))

    def start(self, *words: str, stdin: str = "", **settings: object) -> Ended:
        """Run ``python run.py`` itself to its end."""
        ended = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *words],
            env=environment(self.directory, **settings),
            cwd=self.directory.parent,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        return Ended(ended.returncode, ended.stdout, ended.stderr)

    def ask(self, *words: str, stdin: str = "") -> Any:
        """Run a command that must succeed; the one JSON document that it prints."""
        ended = self.run(*words, "--json", stdin=stdin)
        assert (ended.code, ended.err) == (0, ""), ended
        return ended.document

    def core(self) -> Core:
        """The same installation in this process, to make what no command makes."""
        return wiring.core_for(Settings.load(data_dir=str(self.directory)))


@dataclass(frozen=True)
class Failure:
    """An event that failed, in an installation with one tenant."""

    home: Home
    event_id: str
    connector_id: str
