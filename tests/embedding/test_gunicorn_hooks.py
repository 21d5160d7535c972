"""Our two hooks in a gunicorn configuration file of somebody else."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from books import Books
from embedding.launch import BIN, Program, gunicorn, write_shown
from forked import environment
from server import Installation, alive
from traffic import Crowd, shipments
from wire import HOST

from waiting import wait_until

FILE = "gunicorn.conf.py"


@pytest.fixture
def file(installation: Installation) -> Path:
    """The README's configuration file, where gunicorn is started."""
    return write_shown(FILE, installation.directory.parent)


def serve(installation: Installation, redis_url: str, *flags: str, **settings: object) -> Program:
    shared = {"redis_url": redis_url, "lease_ms": 2000, "dispatch_lease_ms": 4000, "lock_ttl_ms": 3000}
    return gunicorn(installation.directory, *flags, config=FILE, **{**shared, **settings})


def printed_settings(directory: Path, **settings: object) -> list[str]:
    """What gunicorn says its settings are, but for the hooks themselves."""
    ended = subprocess.run(
        [BIN / "gunicorn", "-c", FILE, "--print-config", "dxflow:create_app()"],
        cwd=directory, env=environment(directory / "data", **settings),
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    hooks = ("post_fork", "worker_exit", "config ")
    return [line for line in ended.stdout.splitlines() if not line.startswith(hooks)]


def test_the_hooks_bring_none_of_our_settings_with_them(tmp_path: Path) -> None:
    code = write_shown(FILE, tmp_path).read_text()
    ours = {"port": 8123, "web_workers": 7, "edge_threads": 9, "log_level": "debug"}
    line = "from dxflow.config.gunicorn import post_fork, worker_exit"
    assert line in code
    (tmp_path / FILE).write_text(code.replace(line, "from dxflow.config.gunicorn import *"))
    with_hooks = printed_settings(tmp_path, **ours)
    (tmp_path / FILE).write_text(code.replace(line, ""))
    assert printed_settings(tmp_path, **ours) == with_hooks
    assert len(with_hooks) > 80


@pytest.mark.parametrize("preload", [False, True], ids=["", "preload"])
@pytest.mark.parametrize(
    ("wrong", "told"), [({"lease_ms": "soon"}, "DXFLOW_LEASE_MS: 'soon'"), ({}, "DXFLOW_REDIS_URL: unset")]
)
def test_a_wrong_environment_ends_it_with_one_line_about_it(
    installation: Installation, file: Path, run, wrong, told, preload
) -> None:
    flags = ["-w", "1", *(["--preload"] if preload else [])]
    server = run(gunicorn(installation.directory, *flags, config=FILE, **wrong))
    assert server.process.wait(20) != 0
    assert "Traceback" not in server.log()
    assert len([line for line in server.log().splitlines() if "DXFLOW_" in line]) == 1
    assert told in server.log()


@pytest.mark.fault
def test_workers_killed_and_reloaded_under_preload_leave_every_event_done_once(
    installation: Installation, books: Books, run, own_redis, file
) -> None:
    server = run(serve(installation, own_redis.url, "--preload")).ready()
    crowd = Crowd(server.port, installation.doors, patient=True)

    def disturb() -> None:
        for answered in (40, 90):
            crowd.wait_for(answered)
            victim = server.workers()[0]
            victim.kill()
            wait_for_others(server, [victim])
        crowd.wait_for(140)
        before = server.workers()
        server.process.send_signal(signal.SIGHUP)
        wait_for_others(server, before)

    crowd.send(shipments(200), disturb)
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert server.end() == 0
    installation.verify_log()


def wait_for_others(server: Program, gone: list[psutil.Process]) -> None:
    wait_until(lambda: not any(alive(one) for one in gone), timeout=60, what="the workers' end")
    wait_until(lambda: len(server.workers()) == 2, what="others in their place")


@pytest.mark.parametrize("kind", ["gthread", "gevent"])
def test_sigterm_drains_within_the_graceful_timeout_though_a_connection_hangs_on(
    installation: Installation, run, own_redis, file, kind
) -> None:
    graceful = 8
    file.write_text(file.read_text() + "\nimport logging\nlogging.basicConfig(level='INFO')\n")
    flags = ["-k", kind, "--graceful-timeout", str(graceful), "--keep-alive", "60"]
    server = run(serve(installation, own_redis.url, *flags)).ready()
    workers = server.workers()
    with socket.create_connection((HOST, server.port)) as idle:
        idle.sendall(b"GET /healthz HTTP/1.1\r\n")
        started = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        assert server.process.wait(graceful + 5) == 0
        assert time.monotonic() - started < graceful + 1
    assert server.log().count("engine_stopped") == len(workers) == 2
