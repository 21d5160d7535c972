"""The stock ``dramatiq`` command line on our actors."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from books import Books
from embedding.launch import Program, shown_line
from forked import environment
from server import Installation
from traffic import Crowd, shipments

from dxflow.actors import commandline


def command(directory: Path, *changed: tuple[str, str], **settings: object) -> Program:
    """The README's line, with some of its words changed."""
    words = [dict(changed).get(word, word) for word in shown_line("dramatiq")]
    return Program(directory, words, **settings)


def test_two_processes_of_the_stock_command_do_each_event_once(
    installation: Installation, books: Books, run, make_server, own_redis
) -> None:
    edge = make_server(installation.directory, "web", redis_url=own_redis.url).start().ready()
    crowd = Crowd(edge.port, installation.doors)
    sent = shipments(80)
    for module, part in {"dxflow.actors": sent[:40], "dxflow.actors:broker": sent[40:]}.items():
        crowd.send(part[:20])
        worker = run(command(installation.directory, ("dxflow.actors", module), redis_url=own_redis.url))
        crowd.send(part[20:])
        books.wait_until_quiet()
        books.check_exactly_once(crowd.event_ids().values())
        assert worker.end() == 0
        assert worker.log().count("engine_started") == worker.log().count("threads=4") == 2
        assert worker.log().count("Worker has been shut down") == 2
        assert "Traceback" not in worker.log()
        worker.log_file.unlink()
    assert edge.stop() == 0


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, "DXFLOW_REDIS_URL: unset"),
        ({"redis_url": "http://x"}, "DXFLOW_REDIS_URL: "),
        (
            {"redis_url": "redis://x", "database_url": "postgresql://127.0.0.1:1/x"},
            "the database doesn't answer",
        ),
    ],
    ids=["no Redis", "a wrong address", "no database"],
)
def test_a_wrong_setting_ends_the_command_with_one_line(
    installation: Installation, run, settings, told
) -> None:
    worker = run(command(installation.directory, ("2", "1"), **settings))
    assert worker.process.wait(20) != 0
    lines = [line for line in worker.log().splitlines() if line.startswith("dxflow: ")]
    assert len(lines) == 1
    assert told in lines[0]
    assert "Traceback" not in worker.log()


@pytest.mark.parametrize(
    ("words", "ours"),
    [
        ("dramatiq dxflow.actors -p 2", True),
        ("/usr/local/bin/dramatiq --verbose dxflow.actors:broker", True),
        ("/site-packages/dramatiq/__main__.py -p 2 dxflow.actors", True),
        ("dramatiq-gevent dxflow.actors", True),
        ("dramatiq shop.tasks", False),
        ("dramatiq shop.broker dxflow.actors", False),
        ("dramatiq shop --log-file dxflow.actors", False),
        ("dramatiq dxflow.actors_of_the_shop", False),
        ("/site-packages/shop/__main__.py dxflow.actors", False),
        ("shop dxflow.actors", False),
        ("dramatiq", False),
        ("", False),
    ],
)
def test_the_broker_is_ours_only_where_the_command_is_told_so(
    monkeypatch: pytest.MonkeyPatch, words: str, ours: bool
) -> None:
    monkeypatch.setattr(sys, "argv", words.split(" "))
    assert commandline.asked_for() is ours


HOST_PROGRAM = """
import sys, threading, types
import dramatiq
from dramatiq.brokers.stub import StubBroker

mine = StubBroker()
dramatiq.set_broker(mine)
sys.argv = ["dramatiq", "shop.tasks"]
import dxflow.actors.runtime

assert dramatiq.get_broker() is mine
assert isinstance(dxflow.actors.broker, types.ModuleType)
assert threading.active_count() == 1
print("untouched")
"""


def test_a_host_application_keeps_its_own_broker(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", HOST_PROGRAM],
        env=environment(tmp_path), cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout == "untouched\n", done.stderr
    assert list(tmp_path.iterdir()) == []
