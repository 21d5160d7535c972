"""The command line as its users have it: a process with its own exit code, stdout and stderr.

Each command runs in a process of its own that is forked from one which has imported dxflow already (Python's
forkserver): the imports would cost every test a second. ``Home.start`` starts the program itself.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from server import ROOT, environment

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.core import Core

_TIMEOUT_S = 60

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["commands", "dxflow.run"])


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
        with TemporaryDirectory() as name:
            files = [Path(name) / stream for stream in ("stdin", "stdout", "stderr")]
            files[0].write_text(stdin)
            place = (environment(self.directory, **settings), str(self.directory.parent))
            process = _forks.Process(target=_become, args=(words, *place, [str(file) for file in files]))
            process.start()
            process.join(_TIMEOUT_S)
            assert process.exitcode is not None, f"{words} doesn't end"
            return Ended(process.exitcode, files[1].read_text(), files[2].read_text())

    def start(self, *words: str, stdin: str = "", **settings: object) -> Ended:
        """Run ``python run.py`` itself to its end."""
        ended = subprocess.run(
            [sys.executable, str(ROOT / "run.py"), *words],
            env=environment(self.directory, **settings),
            cwd=self.directory.parent,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
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


def _become(words: Sequence[str], variables: Mapping[str, str], directory: str, files: Sequence[str]) -> None:
    """In the forked process: be ``python run.py WORDS`` in that environment, with files for its streams."""
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(directory)
    for number, file in enumerate(files):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    sys.stdin, sys.stdout, sys.stderr = (
        open(0, closefd=False),  # noqa: SIM115  # descriptors, open as long as the process
        open(1, "w", closefd=False),  # noqa: SIM115  # as above
        open(2, "w", closefd=False),  # noqa: SIM115  # as above
    )
    sys.argv = [str(ROOT / "run.py"), *words]
    from dxflow.run import main

    main()
