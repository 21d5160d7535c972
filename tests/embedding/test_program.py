"""The engine inside any program."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import dramatiq
import psutil
import pytest
from books import Books
from dramatiq.middleware import TimeLimitExceeded
from embedding.launch import write_shown
from forked import environment
from server import Installation, alive

import dxflow
from dxflow.config.errors import StartError
from dxflow.engine import wiring
from dxflow.engine.inbox import Arrival
from waiting import wait_until


@pytest.fixture(autouse=True)
def _afresh() -> Iterator[None]:
    yield
    wiring.forget()


def engine(directory: Path, **settings: object) -> dxflow.Engine:
    return dxflow.Engine(dxflow.Settings.load(data_dir=str(directory), **settings))


def arrival(installation: Installation, number: int) -> Arrival:
    return Arrival(
        tenant_id=installation.tenant["id"],
        connector_id=installation.doors["shopify"].connector_id,
        source="shopify",
        topic="customers/create",
        trust="internal",
        key=("import", str(number)),
        body=b'{"id": %d, "email": "ada%d@shop.example", "updated_at": "2026-01-01T00:00:00Z"}'
        % (number, number),
        meta={},
        handled=True,
    )


def children() -> set[psutil.Process]:
    return set(psutil.Process().children(recursive=True))


def test_the_program_in_the_readme_registers_what_it_submits(
    installation: Installation, books: Books
) -> None:
    program = write_shown("program.py", installation.directory.parent)
    words = [installation.tenant["id"], installation.doors["shopify"].connector_id]
    ended = subprocess.run(
        [sys.executable, program, *words],
        env=environment(installation.directory), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    event_id, status = ended.stdout.split()
    assert status == "accepted"
    with engine(installation.directory):
        books.wait_until_quiet()
    books.check_exactly_once([event_id])


def test_an_engine_started_in_any_thread_works_and_leaves_nothing_behind(
    installation: Installation, books: Books
) -> None:
    threads, processes = set(threading.enumerate()), children()
    works = engine(installation.directory)
    ids = []
    with ThreadPoolExecutor(1) as pool:
        for number in (1, 2):  # a stopped engine may be started again
            pool.submit(works.start).result()
            ids.append(works.submit(arrival(installation, number)).event_id)
            books.wait_until_quiet()
            pool.submit(works.stop).result()
            works.stop()
    books.check_exactly_once(ids)
    assert set(threading.enumerate()) == threads
    assert children() == processes


def test_stopping_what_never_started_does_nothing(tmp_path: Path) -> None:
    engine(tmp_path / "data").stop()
    assert list(tmp_path.iterdir()) == []


def test_an_engine_that_runs_is_not_started_twice(installation: Installation, tmp_path: Path) -> None:
    with engine(installation.directory) as works:
        with pytest.raises(StartError, match="runs already; stop it"):
            works.start()
        with pytest.raises(StartError, match="another database"):
            engine(tmp_path / "other").start()
        assert works.checks()["actors"]() == "8 threads"


def test_a_fork_of_a_running_engine_leaves_its_parent_alone_when_it_stops(
    installation: Installation, books: Books
) -> None:
    with engine(installation.directory) as works:
        child = os.fork()
        if child == 0:
            works.stop()
            os._exit(0 if dxflow.actors.runtime.running() is None else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert works.checks()["actors"]() == "8 threads"
        event_id = works.submit(arrival(installation, 1)).event_id
        books.wait_until_quiet()
    books.check_exactly_once([event_id])


def test_middleware_of_the_host_sees_the_messages(installation: Installation, books: Books) -> None:
    seen = []

    class Watching(dramatiq.Middleware):
        def after_process_message(self, broker, message, **_) -> None:
            seen.append(message.actor_name)

    settings = dxflow.Settings.load(data_dir=str(installation.directory))
    with dxflow.Engine(settings, middleware=[Watching()]) as works:
        works.submit(arrival(installation, 1))
        books.wait_until_quiet()
    assert "webhook" in seen


def test_a_start_that_fails_leaves_nothing_behind_and_may_be_tried_again(installation: Installation) -> None:
    threads, processes = set(threading.enumerate()), children()
    good = (installation.directory / "root.key").read_bytes()
    works = engine(installation.directory)
    (installation.directory / "root.key").write_text("A" * 43 + "=\n")
    with pytest.raises(Exception, match="root key"):
        works.start()
    assert (set(threading.enumerate()), children()) == (threads, processes)
    (installation.directory / "root.key").write_bytes(good)
    with works:
        assert works.checks()["redis"]() == "answers"


def test_a_valkey_that_dies_under_an_engine_is_started_again(
    installation: Installation, books: Books
) -> None:
    processes = children()
    with engine(installation.directory) as works:
        (valkey,) = [one for one in children() - processes if "valkey" in one.name()]
        valkey.kill()
        wait_until(lambda: not alive(valkey), what="the end of Valkey")
        event_id = works.submit(arrival(installation, 1)).event_id
        books.wait_until_quiet()
    books.check_exactly_once([event_id])
    assert children() == processes


def test_an_actor_beyond_its_time_limit_is_interrupted(installation: Installation, own_redis) -> None:
    works = engine(installation.directory, redis_url=own_redis.url)
    ended = threading.Event()
    never = threading.Event()

    @dramatiq.actor(broker=works.broker, queue_name="dxflow", time_limit=200)
    def endless() -> None:
        try:
            while not never.wait(0.01):
                pass
        except TimeLimitExceeded:
            ended.set()

    with works:
        endless.send()
        try:
            assert ended.wait(10), "the actor runs on"
        finally:
            never.set()


def test_an_application_follows_the_engine_of_its_process(installation: Installation) -> None:
    from falcon import testing

    client = testing.TestClient(dxflow.create_app(dxflow.Settings.load(data_dir=str(installation.directory))))
    works = engine(installation.directory)
    with works:
        found = client.simulate_get("/readyz")
        assert found.status_code == 200, found.text
        assert "8 threads" in found.text
    assert "run in other processes" in client.simulate_get("/readyz").text
    with works:
        assert client.simulate_get("/readyz").status_code == 200
