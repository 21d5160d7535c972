"""gevent, which patches late under gunicorn and early in programs of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from embedding.launch import gunicorn, write_shown
from forked import environment
from server import Installation

ENGINE_OF_GREENLETS = """
from gevent import monkey; monkey.patch_all()
import threading
import dramatiq
from dramatiq.middleware import TimeLimitExceeded
import dxflow

engine, ended, never = dxflow.Engine(), threading.Event(), threading.Event()

@dramatiq.actor(broker=engine.broker, queue_name="dxflow", time_limit=200)
def endless():
    try:
        while not never.wait(0.01):
            pass
    except TimeLimitExceeded:
        ended.set()

with engine:
    endless.send()
    print(ended.wait(20))
    never.set()
"""


def test_a_greenlet_beyond_its_time_limit_is_interrupted(installation: Installation, own_redis) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENGINE_OF_GREENLETS],
        env=environment(installation.directory, redis_url=own_redis.url),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.stdout == "True\n", done.stderr


@pytest.mark.parametrize("early", [False, True], ids=["late", "early"])
def test_what_was_loaded_before_the_patch_is_refused_with_the_remedy_and_the_remedy_works(
    installation: Installation, run, own_redis, early: bool
) -> None:
    file = write_shown("gunicorn.conf.py", installation.directory.parent)
    remedy = "from gevent import monkey; monkey.patch_all()"
    file.write_text(f"{remedy if early else ''}\nimport peewee\n{file.read_text()}")
    flags = ("-k", "gevent", "--preload", "-w", "1")
    server = run(gunicorn(installation.directory, *flags, config=file.name, redis_url=own_redis.url))
    if early:
        assert server.ready().end() == 0
        return
    assert server.process.wait(30) == 3
    (told,) = [line for line in server.log().splitlines() if "dxflow: " in line]
    assert remedy in told
    assert "Traceback" not in server.log()


def test_the_stock_configuration_loads_nothing_that_gevent_must_patch_first(tmp_path: Path) -> None:
    program = (
        "import sys, gunicorn.workers.ggevent, dxflow.config.gunicorn, dxflow; dxflow.create_app()\n"
        "print([name for name in ('peewee', 'psycopg2', 'redis', 'dramatiq') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(tmp_path), capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
