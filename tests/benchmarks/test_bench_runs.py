"""The benchmarks run on a user's machine: each figure prints its table. What it says isn't tested here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=180)


@pytest.mark.parametrize(
    ("figure", "titles"),
    [
        ("broker", ["broker: "]),
        ("idle", ["idle: "]),
        ("latency", ["latency: "]),
        ("noisy", ["noisy: "]),
        ("million", ["million: "]),
        ("whole", ["whole: ", "cost: "]),
        ("registrations", ["registrations: "]),
        ("ledger", ["leaves appended per second", "one proof at", "bytes of the store", "entries verified"]),
        ("keys", ["keys: "]),
        ("anchors", ["anchors: "]),
        ("backups", ["backups: MB/s"]),
        ("erasing", ["erasing: seconds"]),
        ("desk", ["desk: milliseconds"]),
        ("edge", ["edge: "]),
    ],
)
def test_a_figure_prints_its_tables(figure: str, titles: list[str]) -> None:
    done = bench(figure, "--smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(title in done.stdout for title in titles)


def test_a_run_ends_with_a_summary_and_keeps_its_results(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = bench("registrations", "--smoke", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "summary: " in done.stdout
    results = json.loads(file.read_text())
    assert results["missing"] == {}
    assert {verdict["met"] for verdict in results["summary"]} <= {"aim", "reach", "no"}
    assert results["figures"][0]["title"].startswith("registrations: ")


def test_no_page_of_the_dashboard_runs_more_statements_where_there_are_more_rows(tmp_path: Path) -> None:
    file = tmp_path / "results.json"
    done = bench("pages", "--smoke", "--json", str(file))
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(file.read_text())
    assert [one["met"] for one in results["summary"] if "grow with" in one["name"]] == ["aim"], done.stdout


def test_a_peer_that_is_not_installed_is_named_with_the_reason() -> None:
    done = bench("peers", "--smoke")
    assert done.returncode == 0, done.stdout + done.stderr
    words = " ".join(done.stdout.replace("│", " ").split())
    assert "peers: " in words
    for peer in ("Celery", "huey", "taskiq", "arq", "rq"):
        assert peer in words
    assert "smoke installs nothing" in words


def test_a_figure_that_does_not_exist_is_refused_with_the_names_of_those_that_do() -> None:
    done = bench("speed")
    assert done.returncode == 2
    assert "edge" in done.stderr
    assert "whole" in done.stderr
