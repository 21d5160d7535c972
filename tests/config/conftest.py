"""Tests of the configuration run in an empty directory, with no setting in the environment."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from wire import free_port

from waiting import wait_until

PROGRAMS = Path(__file__).with_name("programs.py")


@pytest.fixture(autouse=True)
def working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in os.environ:
        if name.upper().startswith("DXFLOW_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(name="free_port")
def _free_port() -> int:
    return free_port()


class Program:
    """A running ``programs.py`` and what it has told so far."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, str(PROGRAMS), *(str(argument) for argument in arguments)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
        )
        self.told: list[dict[str, Any]] = []
        self.listener = threading.Thread(target=self._listen, daemon=True)
        self.listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        self.told.extend(json.loads(line) for line in self.process.stdout)

    def facts(self, **match: object) -> list[dict[str, Any]]:
        return [fact for fact in self.told if match.items() <= fact.items()]

    def wait_for(self, **match: object) -> dict[str, Any]:
        return wait_until(lambda: self.facts(**match) or self._ended(), what=f"{match} of {self.told}")[0]

    def _ended(self) -> list[dict[str, Any]]:
        assert self.process.poll() is None or not self.process.stderr, self.process.stderr.read()
        return []

    def kill(self) -> None:
        """kill -9, of this process alone."""
        self.process.kill()
        self.process.wait()

    def finish(self) -> tuple[int, str]:
        """Wait for its end, and until all it told is heard; exit code and stderr."""
        assert self.process.stderr is not None
        code = self.process.wait(20)
        self.listener.join()
        return code, self.process.stderr.read()


@pytest.fixture
def run_program() -> Iterator[Callable[..., Program]]:
    """Starts programs and kills what is left of them afterwards."""
    programs: list[Program] = []

    def run(*arguments: object) -> Program:
        programs.append(Program(*arguments))
        return programs[-1]

    yield run
    for program in programs:
        if program.process.poll() is None:
            program.kill()
