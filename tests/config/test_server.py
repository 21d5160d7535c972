from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import requests
from gunicorn.workers.gthread import ThreadWorker

from dxflow.config import worker
from dxflow.config.errors import AddressTaken
from dxflow.config.listening import listen
from dxflow.config.server import OUR_SHARE, OURS, Ending, is_alone
from dxflow.config.settings import Settings
from waiting import wait_until

Run = Callable[..., Any]


def test_who_takes_nothing_of_an_answer_is_gone_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(_self: object, _req: object, conn: Any) -> bool:
        conn.sock.sendall(b"x" * 100_000)
        return True

    monkeypatch.setattr(ThreadWorker, "handle_request", answer)
    monkeypatch.setattr(worker, "SEND_TIMEOUT_S", 0.05)
    here = worker.Worker.__new__(worker.Worker)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        reader = threading.Thread(target=lambda: theirs.recv(100_000, socket.MSG_WAITALL))
        reader.start()
        assert here.handle_request(None, SimpleNamespace(sock=ours)) is True
        reader.join()
        with pytest.raises(BrokenPipeError):
            here.handle_request(None, SimpleNamespace(sock=ours))


def get(port: int, path: str = "/") -> str:
    return requests.get(f"http://127.0.0.1:{port}{path}", timeout=10).text


def is_up(port: int) -> bool:
    try:
        return get(port) == "hello"
    except requests.ConnectionError:
        return False


def serving(run_program: Run, port: int, data_dir: Path, program: str = "serve") -> Any:
    """A server that answers, with both of its workers there."""
    server = run_program(program, port, data_dir)
    started = {"serve": "fork", "gunicorn_file": "engine started"}[program]
    wait_until(lambda: len(server.facts(event=started)) == 2, what="two workers")
    wait_until(lambda: is_up(port), what="an answer")
    return server


def children_of(server: Any) -> list[psutil.Process]:
    return psutil.Process(server.process.pid).children()


def has_ended(process: psutil.Process) -> bool:
    return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_everything_cleanly_children_included(
    run_program: Run, free_port: int, tmp_path: Path, number: signal.Signals
) -> None:
    server = serving(run_program, free_port, tmp_path)
    children = children_of(server)
    assert len(children) == 3  # two workers and Valkey

    os.killpg(server.process.pid, number)  # as a terminal does: to every process of the group

    assert server.finish() == (0, "")
    assert all(has_ended(child) for child in children)
    workers = {fact["process"] for fact in server.facts(event="fork")}
    assert {fact["process"] for fact in server.facts(event="exit")} == workers
    assert len(workers) == 2


def test_workers_never_run_what_the_master_does_last(
    run_program: Run, free_port: int, tmp_path: Path
) -> None:
    server = serving(run_program, free_port, tmp_path)

    server.process.terminate()
    server.finish()

    assert [fact["process"] for fact in server.facts(event="unwound")] == [server.process.pid]


def test_ctrl_c_lets_a_request_in_progress_end(run_program: Run, free_port: int, tmp_path: Path) -> None:
    server = serving(run_program, free_port, tmp_path)
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(get, free_port, "/slow")
        server.wait_for(event="slow")

        os.killpg(server.process.pid, signal.SIGINT)

        assert slow.result() == "hello"
    assert server.finish()[0] == 0


def test_an_unused_connection_does_not_use_up_the_time_of_the_exit(
    run_program: Run, free_port: int, tmp_path: Path
) -> None:
    server = serving(run_program, free_port, tmp_path)
    with socket.create_connection(("127.0.0.1", free_port)):
        server.process.terminate()
        assert server.finish()[0] == 0
    assert len(server.facts(event="exit")) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_kill_minus_nine_of_the_master_ends_its_children_and_a_restart_works_at_once(
    run_program: Run, free_port: int, tmp_path: Path
) -> None:
    server = serving(run_program, free_port, tmp_path)
    children = children_of(server)

    server.kill()
    wait_until(lambda: all(has_ended(child) for child in children), what="the end of the children")

    serving(run_program, free_port, tmp_path)


def test_a_killed_worker_and_a_killed_valkey_are_replaced(
    run_program: Run, free_port: int, tmp_path: Path
) -> None:
    server = serving(run_program, free_port, tmp_path)
    before = children_of(server)

    for child in before:
        child.kill()

    wait_until(lambda: len(children_of(server)) == 3 and not set(before) & set(children_of(server)))
    wait_until(lambda: is_up(free_port))


def test_a_worker_that_cannot_start_ends_the_server_with_1_and_its_reason(
    run_program: Run, free_port: int, tmp_path: Path
) -> None:
    code, stderr = run_program("broken", free_port, tmp_path).finish()

    assert code == 1
    assert "the engine can't start" in stderr
    assert "Traceback" not in stderr


def test_a_taken_port_is_one_clear_line_and_exit_code_1(
    run_program: Run, free_port: int, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        code, stderr = run_program("broken", free_port, tmp_path).finish()

    assert code == 1
    assert stderr == (
        f"dxflow: DXFLOW_PORT: 127.0.0.1:{free_port} is taken by another program; "
        "stop it, or choose another port\n"
    )


def test_a_port_that_a_killed_server_gives_up_a_moment_later_is_waited_for(free_port: int) -> None:
    dying = socket.create_server(("127.0.0.1", free_port))
    death = threading.Timer(0.3, dying.close)
    death.start()
    listen(Settings.load(port=free_port)).close()
    death.join()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(AddressTaken, match=r"^DXFLOW_PORT: can't listen on 192\.0\.2\.1:8000: "):
        listen(Settings.load(host="192.0.2.1"))


def test_a_host_that_is_no_name_is_refused() -> None:
    with pytest.raises(AddressTaken, match=r"^DXFLOW_HOST: no-such-host\.invalid is no address here: "):
        listen(Settings.load(host="no-such-host.invalid"))


def test_a_port_whose_last_connections_linger_can_be_had_again(free_port: int) -> None:
    settings = Settings.load(port=free_port)
    with listen(settings) as first, socket.create_connection(("127.0.0.1", free_port)):
        first.accept()[0].close()  # the server's side closes first, so its end waits in TIME_WAIT
    listen(settings).close()


def test_nothing_is_left_in_the_home_directory(
    run_program: Run, free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))

    serving(run_program, free_port, tmp_path / "data")

    assert list(home.iterdir()) == []


def test_the_stock_gunicorn_command_runs_an_engine_in_each_worker(
    run_program: Run, free_port: int, tmp_path: Path
) -> None:
    server = serving(run_program, free_port, tmp_path, "gunicorn_file")
    started = server.facts(event="engine started")
    assert {fact["redis_url"] for fact in started} == {started[0]["redis_url"]}
    assert started[0]["redis_url"].startswith("unix:///")
    children = children_of(server)

    server.process.terminate()

    assert server.finish()[0] == 0
    assert len(server.facts(event="engine stopped")) == 2
    assert all(has_ended(child) for child in children)


def test_the_stock_gunicorn_command_tells_a_wrong_setting_in_one_line(
    run_program: Run, tmp_path: Path
) -> None:
    code, stderr = run_program("gunicorn_file", "eighty", tmp_path).finish()

    assert code == 1
    assert stderr.strip().startswith("Error: DXFLOW_PORT: 'eighty'")
    assert len(stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("share", [OUR_SHARE, 1 / 2])
@pytest.mark.parametrize("graceful_s", [6, 8, 10, 30, 120])
def test_the_parts_of_a_worker_s_end_leave_room_for_what_lies_between(graceful_s: int, share: float) -> None:
    ending = Ending.within(graceful_s, share)
    assert ending.requests_s >= 1
    assert ending.exit_s >= 0.5
    assert ending.requests_s + ending.exit_s <= graceful_s - 2


def test_a_server_of_our_own_gives_most_of_its_end_to_steps_in_progress() -> None:
    assert OURS.requests_s == 5
    assert OURS.exit_s > 19


@pytest.mark.parametrize(
    ("configured", "others", "alone"), [(1, [], True), (1, [41], False), (2, [], False), (2, [41], False)]
)
def test_a_worker_is_alone_when_it_is_the_only_one_and_no_older_one_still_ends(
    configured: int, others: list[int], alone: bool
) -> None:
    arbiter = SimpleNamespace(cfg=SimpleNamespace(workers=configured), WORKERS=dict.fromkeys(others))
    assert is_alone(arbiter) is alone
