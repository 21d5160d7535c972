"""Servers of every kind on installations of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import structlog
from embedding.launch import Program
from faults.conftest import books, installation, make_server, own_redis

__all__ = ["books", "installation", "make_server", "own_redis", "run"]


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """An engine in this process takes structlog into use; the next test finds it as it was."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def run() -> Iterator[Callable[..., Any]]:
    """Starts programs; whatever still runs at the end is killed, and a failed test shows what they wrote."""
    programs: list[Program] = []

    def start(program: Program) -> Program:
        programs.append(program)
        return program.start()

    yield start
    for program in programs:
        program.close()
        print(program.log())
