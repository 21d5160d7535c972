"""The benchmarks run on a user's machine: each figure prints its table. What it says isn't tested here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("figure", "titles"),
    [("edge", ["edge: "]), ("whole", ["whole: ", "cost: "])],
)
def test_a_figure_prints_its_tables(figure: str, titles: list[str]) -> None:
    done = bench(figure, "--smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(title in done.stdout for title in titles)


def test_a_figure_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    done = bench("speed")
    assert done.returncode == 2
    assert "edge" in done.stderr
    assert "whole" in done.stderr
