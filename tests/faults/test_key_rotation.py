"""Keys of every kind are rotated by the command line while a server takes deliveries, and the command is killed
half-way: it goes on, nobody is doubled, nothing becomes unreadable, and proofs made before hold."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from random import Random

import pytest
from forked import ROOT, environment
from server import ask
from traffic import Crowd, shipments

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.ledger import verifier
from dxflow.engine.store import models

pytestmark = pytest.mark.fault

DELIVERIES, MORE = 240, 600


def _killed_after(directory: Path, seconds: float, *words: str) -> bool:
    """Start a command and kill it after so many seconds of work; False when it was done by then."""
    command = [sys.executable, str(ROOT / "run.py"), *words]
    process = subprocess.Popen(
        command, env=environment(directory), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


def test_every_kind_of_key_is_rotated_under_load_and_killed_half_way(
    installation, books, make_server, tmp_path, monkeypatch
):
    server = make_server(installation.directory).start().ready()
    crowd = Crowd(server.port, installation.doors, patient=True)
    crowd.send(shipments(DELIVERIES, 7))
    books.wait_until_quiet()
    before = tmp_path / "before.zip"
    ask(installation.directory, "audit", "export", "--out", str(before))
    people = _people(installation.directory, monkeypatch)
    killed = []

    def rotate() -> None:
        for kind in ("link", "tenant", "root"):
            for pause in (0.9, 1.2, 1.5):
                killed.append(_killed_after(installation.directory, pause, "keyring", "rotate", kind))
            ask(installation.directory, "keyring", "rotate", kind)
        ask(installation.directory, "audit", "rotate-key")

    # The same people again: deliveries that were answered before, and others, while their keys change.
    more = [*shipments(DELIVERIES, 7), *shipments(DELIVERIES + MORE, 11)[DELIVERIES:]]
    Random(3).shuffle(more)
    again = Crowd(server.port, installation.doors, patient=True)
    again.send(more, rotate)
    assert any(killed), "no rotation was killed: give it less time"
    assert again.statuses() <= {(200, "accepted"), (200, "duplicate")}
    books.wait_until_quiet()
    assert server.stop() == 0
    told = [answer.document["status"] for answer in again.answers.values()]
    assert told.count("duplicate") == DELIVERIES, "each delivery that was sent again is known"
    now = _people(installation.directory, monkeypatch)
    assert now >= people, "everybody is there, under the same id, and can be read"
    addresses = [address for _, address in now]
    assert len(addresses) == len(set(addresses)), "nobody is there twice"
    assert ask(installation.directory, "audit", "verify")["ok"] is True
    shown = ask(installation.directory, "keyring", "show")
    assert not shown["root"]["rotating"]
    assert not [row for row in shown["keys"] if row["rotating"]]
    assert verifier.check(before, []).holds


def _people(directory: Path, monkeypatch: pytest.MonkeyPatch) -> set[tuple[str, str]]:
    """Who there is: (id, e-mail address), each opened with the keys of the moment."""
    for name, value in environment(directory).items():
        if name.startswith("DXFLOW_"):
            monkeypatch.setenv(name, value)
    wiring.forget()
    core = wiring.core_for(Settings.load())
    found = {(row.id, str(core.subjects.profile(row).get("email"))) for row in models.DataSubject.select()}
    core.store.close()
    wiring.forget()
    return found
