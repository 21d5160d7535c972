"""The README's commands and files, run as they stand there, each on an installation of its own."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import psutil
from forked import ROOT, environment
from server import Server, alive
from wire import HOST

from waiting import wait_until

BIN = Path(sys.executable).parent
_README = (ROOT / "README.md").read_text()


def shown_line(beginning: str) -> list[str]:
    """The words of the one command in the README's shell blocks that begins so."""
    blocks = re.findall(r"```sh\n(.*?)```", _README, re.S)
    (line,) = [line for block in blocks for line in block.splitlines() if line.startswith(beginning)]
    return shlex.split(line)


def write_shown(name: str, directory: Path) -> Path:
    """Write the README's Python block of that name to a file."""
    blocks = re.findall(r"```python\n(.*?)```", _README, re.S)
    (code,) = [block for block in blocks if block.startswith(f"# {name}\n")]
    file = directory / name
    file.write_text(code)
    return file


class Program(Server):
    """A command in a process of its own, on a data directory; what it writes outlives restarts."""

    def __init__(self, data_dir: Path, words: Sequence[str], **settings: object) -> None:
        super().__init__(data_dir, words[0], **settings)
        self.words = [str(BIN / words[0]), *words[1:]]
        self.ready_path = "/readyz"
        self.more_environment: dict[str, str] = {}

    def start(self) -> Self:
        """Start it in the directory of its data directory, where a test puts files for it."""
        self._earlier_log = len(self.log())
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                self.words,
                env=environment(self.data_dir, port=self.port, **self.settings) | self.more_environment,
                cwd=self.data_dir.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def _is_ready(self) -> bool:
        assert self.running, f"{self.words} has ended:\n{self.log()}"
        path = "/healthz" if "web" in self.words else self.ready_path  # whose actors are elsewhere
        return self.status_of(path) == 200

    def workers(self) -> list[psutil.Process]:
        """The children that run Python."""
        return [one for one in self.family()[1:] if "valkey" not in one.name()]

    def end(self) -> int:
        """SIGTERM; the exit code. It must leave no process behind."""
        family = self.family()
        code = self.stop()
        wait_until(lambda: not any(alive(one) for one in family), what="the end of its children")
        return code


def gunicorn(data_dir: Path, *flags: str, app: str = "", config: str = "", **settings: object) -> Program:
    """The README's gunicorn command, with flags of a test and perhaps another file and application."""
    words = shown_line("gunicorn -c")
    words[2] = config or words[2]
    words[3:] = [*flags, app or words[3]]
    program = Program(data_dir, words, **settings)
    if config:
        program.words[3:3] = ["-b", f"{HOST}:{program.port}"]
    return program
