"""The benchmarks run on a user's machine: each figure prints its table. What it says isn't tested here."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


FIGURES = {
    "broker": ["broker: "],
    "idle": ["idle: "],
    "latency": ["latency: "],
    "noisy": ["noisy: "],
    "million": ["million: "],
    "whole": ["whole: ", "cost: "],
    "registrations": ["registrations: "],
    "ledger": ["leaves appended per second", "one proof at", "bytes of the store", "entries verified"],
    "keys": ["keys: "],
    "anchors": ["anchors: "],
    "backups": ["backups: MB/s"],
    "erasing": ["erasing: seconds"],
    "desk": ["desk: milliseconds"],
    "edge": ["edge: "],
    "pages": ["pages: milliseconds"],
    "peers": ["peers: "],
}
"""And the titles of their tables."""


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@dataclass(frozen=True)
class Taken:
    """One run of every figure."""

    out: str
    results: dict[str, Any]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> Taken:
    """All figures in one process, as ``make bench`` takes them."""
    file = tmp_path_factory.mktemp("bench") / "results.json"
    done = bench(*FIGURES, "--smoke", "--json", str(file))
    assert file.exists(), done.stdout + done.stderr
    return Taken(done.stdout, json.loads(file.read_text()))


@pytest.mark.parametrize("figure", FIGURES)
def test_a_figure_prints_its_tables(figure: str, taken: Taken) -> None:
    assert figure not in taken.results["missing"], taken.results["missing"][figure]
    assert all(title in taken.out for title in FIGURES[figure])
    assert any(FIGURES[figure][0] in one["title"] for one in taken.results["figures"])


def test_a_run_ends_with_a_summary_of_verdicts(taken: Taken) -> None:
    assert "summary: " in taken.out
    assert {verdict["met"] for verdict in taken.results["summary"]} <= {"aim", "reach", "no", "no peer"}


def test_no_page_of_the_dashboard_runs_more_statements_where_there_are_more_rows(taken: Taken) -> None:
    growing = [one for one in taken.results["summary"] if "grow with" in one["name"]]
    assert [one["met"] for one in growing] == ["aim"], taken.out


def test_a_peer_that_is_not_installed_is_named_with_the_reason(taken: Taken) -> None:
    words = " ".join(taken.out.replace("│", " ").split())
    for peer in ("Celery", "huey", "taskiq", "arq", "rq"):
        assert peer in words
    assert "smoke installs nothing" in words


def test_a_figure_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    done = bench("speed")
    assert done.returncode == 2
    assert "edge" in done.stderr
    assert "whole" in done.stderr
