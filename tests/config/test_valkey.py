from __future__ import annotations

import os
import stat
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis

from dxflow.config import lifeline, valkey
from dxflow.config.errors import ValkeyError
from dxflow.config.valkey import EmbeddedValkey
from waiting import wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path)
    server.start()
    yield server
    server.stop()


def client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def is_gone(pid: int) -> bool:
    """Ended, or ended and not yet collected by whoever adopted it."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_it_answers_as_soon_as_start_returns_and_opens_no_port(server: EmbeddedValkey) -> None:
    with client(server.url) as connection:
        assert connection.ping()
        for name, value in {
            "port": "0",
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
        }.items():
            assert connection.config_get(name) == {name: value}
    assert psutil.Process(server.pid).net_connections("inet") == []


def test_its_files_are_for_the_owner_alone(server: EmbeddedValkey, tmp_path: Path) -> None:
    assert stat.S_IMODE((tmp_path / "valkey").stat().st_mode) == 0o700


def test_it_stops_and_starts_again_with_its_data(server: EmbeddedValkey) -> None:
    with client(server.url) as connection:
        connection.set("kept", "yes")
        pid = server.pid
        assert pid is not None
        server.stop()
        server.stop()
        assert is_gone(pid)

        server.start()
        assert connection.get("kept") == "yes"


def test_a_path_with_spaces_is_no_obstacle(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / "my data % here")
    server.start()
    with client(server.url) as connection:
        assert connection.ping()
    server.stop()


def test_a_path_too_long_for_a_socket_gets_a_short_private_one(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path / ("long" * 30))
    server.start()
    with client(server.url) as connection:
        assert connection.ping()
        socket = Path(connection.connection_pool.connection_kwargs["path"])
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    server.stop()
    assert not socket.parent.exists()


def test_it_ends_when_its_parent_gets_kill_minus_nine_and_a_restart_has_the_data(
    tmp_path: Path, run_program: Callable[..., Any]
) -> None:
    parent = run_program("valkey", tmp_path)
    told = parent.wait_for()
    with client(told["url"]) as connection:
        connection.set("kept", "yes")

    parent.kill()

    wait_until(lambda: is_gone(told["pid"]), what="the end of Valkey")
    server = EmbeddedValkey(tmp_path)
    server.start()
    with client(server.url) as connection:
        assert connection.get("kept") == "yes"
    server.stop()


def test_where_the_kernel_gives_no_help_a_guardian_ends_it(
    tmp_path: Path, run_program: Callable[..., Any]
) -> None:
    parent = run_program("valkey_elsewhere", tmp_path)
    told = parent.wait_for()

    parent.kill()

    wait_until(lambda: is_gone(told["pid"]), what="the end of Valkey")
    wait_until(lambda: is_gone(told["guardian"]), what="the end of its guardian")


def test_started_by_a_thread_it_outlives_the_thread(tmp_path: Path) -> None:
    server = EmbeddedValkey(tmp_path)
    thread = threading.Thread(target=server.start)
    thread.start()
    thread.join()
    with client(server.url) as connection:
        assert connection.ping()
    server.stop()


def test_killed_under_us_it_is_started_again_with_its_data(server: EmbeddedValkey) -> None:
    with client(server.url) as connection:
        connection.set("kept", "yes")
        killed = server.pid
        assert killed is not None
        psutil.Process(killed).kill()

        wait_until(lambda: server.ensure_running() or server.pid != killed)

        assert connection.get("kept") == "yes"


def test_running_it_is_left_alone(server: EmbeddedValkey) -> None:
    before = server.pid
    server.ensure_running()
    assert server.pid == before


def test_a_forked_child_cannot_stop_it(server: EmbeddedValkey) -> None:
    child = os.fork()
    if child == 0:
        server.stop()
        os._exit(0)
    os.waitpid(child, 0)

    with client(server.url) as connection:
        assert connection.ping()


def test_a_second_one_on_the_same_directory_is_refused(
    server: EmbeddedValkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(valkey, "_GONE_TIMEOUT_S", 0.0)
    with pytest.raises(ValkeyError, match="another process uses the embedded Valkey"):
        EmbeddedValkey(tmp_path).start()
    with client(server.url) as connection:
        assert connection.ping()


def test_a_start_that_fails_says_why_in_one_line(tmp_path: Path) -> None:
    files = tmp_path / "valkey" / "appendonlydir"
    files.mkdir(parents=True)
    (files / "appendonly.aof.manifest").write_text("nonsense\n")

    server = EmbeddedValkey(tmp_path)
    with pytest.raises(ValkeyError) as caught:
        server.start()
    assert str(caught.value).startswith("the embedded Valkey doesn't start: ")
    assert "\n" not in str(caught.value)
    assert server.pid is None


def test_without_a_program_for_the_platform_the_line_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: "vax")
    with pytest.raises(ValkeyError, match="no embedded Valkey for this platform; set DXFLOW_REDIS_URL"):
        EmbeddedValkey(tmp_path).start()


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_child_that_asks_after_its_parent_has_gone_ends_at_once() -> None:
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)

    child = os.fork()
    if child == 0:
        lifeline.die_with_parent(gone)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -9
