"""The command line in processes of its own, without the wait for its imports.

Each command runs in a process that is forked from one which has imported dxflow already (Python's forkserver):
the imports would cost every command two seconds. ``commands.Home.start`` starts the program itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
TIMEOUT_S = 60

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["forked", "dxflow.run", "dxflow.http.app"])


class Ending(NamedTuple):
    """What a command left behind."""

    returncode: int
    stdout: str
    stderr: str


def environment(data_dir: Path, **settings: object) -> dict[str, str]:
    """This process's environment with these dxflow settings and no others."""
    bare = {name: value for name, value in os.environ.items() if not name.upper().startswith("DXFLOW_")}
    given = {"data_dir": data_dir, **settings}
    return bare | {f"DXFLOW_{name.upper()}": str(value) for name, value in given.items()}


def run(data_dir: Path, words: Sequence[str], *, stdin: str = "", **settings: object) -> Ending:
    """Run a command to its end."""
    with TemporaryDirectory() as name:
        files = [Path(name) / stream for stream in ("stdin", "stdout", "stderr")]
        files[0].write_text(stdin)
        place = (environment(data_dir, **settings), str(data_dir.parent))
        process = _forks.Process(target=_become, args=(words, *place, [str(file) for file in files]))
        process.start()
        process.join(TIMEOUT_S)
        assert process.exitcode is not None, f"{words} doesn't end"
        return Ending(process.exitcode, files[1].read_text(), files[2].read_text())


class Program:
    """A command that goes on, in a session of its own as a terminal would start it; asked like a ``Popen``."""

    def __init__(self, data_dir: Path, words: Sequence[str], log: Path, **settings: object) -> None:
        place = (environment(data_dir, **settings), str(data_dir.parent))
        files = [os.devnull, str(log), str(log)]
        self._process = _forks.Process(target=_begin, args=(words, *place, files))
        self._process.start()
        self.pid = int(self._process.pid or 0)

    def poll(self) -> int | None:
        """The exit code, once it has ended."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("run.py", timeout or 0.0)
        return self._process.exitcode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _begin(words: Sequence[str], variables: Mapping[str, str], directory: str, files: Sequence[str]) -> None:
    """In the forked process: as ``_become``, in a session of its own."""
    os.setsid()
    _become(words, variables, directory, files)


def _become(words: Sequence[str], variables: Mapping[str, str], directory: str, files: Sequence[str]) -> None:
    """In the forked process: be ``python run.py WORDS`` in that environment, with files for its streams."""
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(directory)
    for number, file in enumerate(files):
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
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
