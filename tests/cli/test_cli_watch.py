"""``audit watch``: the outside memory from the command line, without an installation of its own."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from forked import ROOT
from server import Installation, Server, edge_alone
from wire import free_port

from waiting import wait_until


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Installation]]:
    with edge_alone(tmp_path_factory.mktemp("edge") / "data") as running:
        yield running


@pytest.fixture
def url(edge: tuple[Server, Installation]) -> str:
    return f"http://127.0.0.1:{edge[0].port}/log/{edge[1].tenant['did']}"


def _command(*words: str) -> list[str]:
    return [sys.executable, str(ROOT / "run.py"), "audit", "watch", *words]


def _environment(directory: Path) -> dict[str, str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("DXFLOW_")}
    return bare | {"XDG_STATE_HOME": str(directory)}


def _watch(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*words),
        env=_environment(directory),
        cwd=directory,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_one_look_says_what_was_seen_and_needs_no_installation(url: str, tmp_path: Path) -> None:
    seen = json.loads(_watch(tmp_path, url, "--once", "--json").stdout)
    assert (seen["grown"], seen["size"] > 0) == ("first look", True)
    assert seen["checkpoint"].count("— ") == 2
    again = json.loads(_watch(tmp_path, url, "--once", "--json").stdout)
    assert again["grown"] == 0
    assert {entry.name for entry in tmp_path.iterdir()} == {"dxflow-watch"}


def test_a_log_cut_off_is_an_alarm_and_exit_code_1(
    edge: tuple[Server, Installation], url: str, tmp_path: Path
) -> None:
    _watch(tmp_path, url, "--once")
    with sqlite3.connect(edge[1].directory / "dxflow.db") as database:
        checkpoint = database.execute(
            "SELECT checkpoint FROM audit_heads WHERE origin LIKE '%did:%'"
        ).fetchone()[0]
        database.execute("UPDATE audit_heads SET checkpoint = 'gone' WHERE origin LIKE '%did:%'")
    ended = _watch(tmp_path, url, "--once")
    with sqlite3.connect(edge[1].directory / "dxflow.db") as database:
        database.execute("UPDATE audit_heads SET checkpoint = ? WHERE origin LIKE '%did:%'", (checkpoint,))
    assert (ended.returncode, "ALARM" in ended.stderr) == (1, True)


def test_a_server_that_is_away_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    ended = _watch(tmp_path, f"http://127.0.0.1:{free_port()}/log/x", "--once")
    assert ended.returncode == 1
    assert "nothing seen" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_watch_goes_on_until_it_is_interrupted(url: str, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as out:
        running = subprocess.Popen(
            _command(url, "--every", "1"), env=_environment(tmp_path), cwd=tmp_path, stdout=out, stderr=out
        )
    try:
        wait_until(lambda: list(tmp_path.glob("dxflow-watch/*.checkpoint")) or None, what="a first look")
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 0
    finally:
        running.kill()
    assert "Traceback" not in log.read_text()
