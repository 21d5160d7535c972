"""``queue``: what waits, beside a running server and without any Redis, for people and for programs."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from commands import Failure, Home
from flow import Sender, customer
from forked import ROOT, environment
from server import Server
from wire import free_port

from waiting import wait_until

FIELDS = {
    "name", "weight", "ready", "in_flight", "delayed", "failed", "events", "oldest_age", "parked",
    "parked_until", "messages",
}  # fmt: skip
TOTALS = {"at", "redis", "busy", "ready", "in_flight", "delayed", "failed", "oldest_age", "done_per_second"}
LIMIT_S = 30


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A running server with its demo tenant, on an embedded Valkey."""
    server = Server(tmp_path_factory.mktemp("running") / "data").start().ready()
    yield server
    server.close()


@dataclass
class Terminal:
    """``run.py`` on a terminal of its own, and everything that it has shown there."""

    process: subprocess.Popen[bytes]
    descriptor: int
    shown: bytearray = field(default_factory=bytearray)

    def read(self) -> None:
        """Until the last program closes it."""
        while True:
            try:
                self.shown += os.read(self.descriptor, 4096)
            except OSError:
                return

    def press(self, key: bytes) -> None:
        os.write(self.descriptor, key)

    def shows(self, *texts: str) -> None:
        """Wait until all of them have been on the screen."""
        wait_until(lambda: self._has_shown(texts), timeout=LIMIT_S, what=f"{texts}")

    def _has_shown(self, texts: Sequence[str]) -> bool:
        assert self.process.poll() is None, self.text
        return all(text in self.text for text in texts)

    @property
    def text(self) -> str:
        return self.shown.decode("utf-8", "replace")

    @property
    def left_as_it_was(self) -> bool:
        """The ordinary screen and its cursor are back, and keys are echoed again."""
        modes = termios.tcgetattr(self.descriptor)[3]
        echoed = modes & termios.ECHO and modes & termios.ICANON
        return bool(echoed) and "\x1b[?1049l" in self.text and self.text.rindex("\x1b[?25h") > 0


@contextmanager
def terminal(directory: Path, *words: str, **settings: object) -> Iterator[Terminal]:
    ours, theirs = os.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "run.py"), *words],
        env=environment(directory, **settings) | {"TERM": "xterm"},
        cwd=directory.parent,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    window = Terminal(process, ours)
    reader = threading.Thread(target=window.read)
    reader.start()
    try:
        yield window
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        reader.join(LIMIT_S)
        os.close(ours)


def test_beside_a_running_server_a_tenants_queues_are_listed(started: Server) -> None:
    workflow, register, results, outside = Home(started.data_dir).ask("queue", "list")
    assert set(workflow) == FIELDS
    assert workflow["name"].startswith("workflow_queue_did:dep:")
    assert register["name"].startswith("audit_register_queue_did:dep:")
    assert outside["name"].startswith("outside_queue_did:dep:")
    assert results["name"].startswith("audit_register_results_queue_did:dep:")
    assert (workflow["ready"], workflow["in_flight"], workflow["parked"]) == (0, 0, False)


def test_beside_a_running_server_the_top_knows_redis(started: Server) -> None:
    picture = Home(started.data_dir).ask("queue", "top", "--interval", "0.1")
    assert set(picture) == {*TOTALS, "tenants"}
    assert (picture["redis"], picture["ready"], picture["in_flight"]) == (True, 0, 0)
    assert picture["done_per_second"] == 0


def test_without_redis_the_database_is_told_and_that_it_is_not_all(failure: Failure) -> None:
    accepted(failure.home)
    ended = failure.home.run("queue", "list", "--json")
    [workflow, *_] = ended.document
    assert (workflow["ready"], workflow["failed"], workflow["in_flight"]) == (1, 1, None)
    assert workflow["oldest_age"] is not None
    assert "Redis" in ended.err
    assert "the database's numbers" in ended.err
    assert ended.code == 0


def accepted(home: Home) -> None:
    """One delivery that nobody has processed yet."""
    core = home.core()
    Sender(core, home.ask("tenant", "list")[0]["id"]).send("customers/create", customer(7), "waiting")
    core.store.close()


def test_one_document_has_the_totals_and_the_tenants(failure: Failure) -> None:
    accepted(failure.home)
    ended = failure.home.run("queue", "top", "--json", "--interval", "0.1")
    assert (ended.code, ended.err) == (0, "")
    picture = ended.document
    assert (picture["redis"], picture["busy"]) == (False, 1)
    [tenant] = picture["tenants"]
    assert {"name": "Acme Shop", "ready": 1, "failed": 1, "in_flight": None}.items() <= tenant.items()
    assert tenant["did"].startswith("did:dep:")
    assert {key: picture[key] for key in ("ready", "delayed", "failed")} == {
        key: tenant[key] for key in ("ready", "delayed", "failed")
    }


def test_into_a_pipe_it_is_printed_once_in_words(failure: Failure) -> None:
    accepted(failure.home)
    ended = failure.home.run("queue", "top", "--interval", "0.1")
    assert ended.code == 0
    headings, row = ended.out.splitlines()
    assert headings.split()[:2] == ["Tenant", "DID"]
    assert row.startswith("Acme Shop")
    assert "1 ready" in ended.err
    assert "\x1b" not in ended.out + ended.err


def test_a_quiet_installation_says_that_nothing_waits(started: Server) -> None:
    ended = Home(started.data_dir).run("queue", "top", "--once", "--interval", "0.1")
    assert (ended.code, ended.out) == (0, "")
    assert "Nothing waits" in ended.err
    assert "demo" in ended.err


def test_an_empty_installation_says_what_to_do(home: Home) -> None:
    ended = home.run("queue", "top")
    assert (ended.code, ended.out) == (0, "")
    assert "dxflow tenant create --name NAME" in ended.err
    assert home.ask("queue", "top", "--interval", "0.1")["tenants"] == []


def test_the_oldest_come_first_when_asked_and_the_limit_holds(shop: Home) -> None:
    shop.ask("tenant", "create", "--name", "Zed Books")
    core = shop.core()
    first, second = shop.ask("tenant", "list")
    Sender(core, first["id"]).send("customers/create", customer(1), "one")
    core.store.database.execute_sql(
        "UPDATE events SET received_at = '2026-01-01T00:00:00.000Z' WHERE tenant_id = ?", (second["id"],)
    )
    core.store.close()

    def names(*words: str) -> list[str]:
        return [tenant["name"] for tenant in shop.ask("queue", "top", "--interval", "0.1", *words)["tenants"]]

    assert names("--sort", "depth") == ["Acme Shop", "Zed Books"]
    assert names("--sort", "age") == ["Zed Books", "Acme Shop"]
    assert names("--sort", "age", "--limit", "1") == ["Zed Books"]
    shop.run("queue", "top", "--sort", "name").misused("'depth'")
    shop.run("queue", "top", "--limit", "0").misused("greater than or equal to 1")


@pytest.mark.parametrize("key", [b"q", b"\x03", b"\x1b"], ids=["q", "Ctrl-C", "Escape"])
def test_on_a_terminal_it_redraws_until_a_key_ends_it(failure: Failure, key: bytes) -> None:
    with terminal(failure.home.directory, "queue", "top", "--interval", "0.1") as window:
        window.shows("Acme Shop", "q ends", "\x1b[?1049h")
        accepted(failure.home)
        window.shows("1 ready")
        window.press(b"\x1b[A")  # an arrow isn't Escape
        seen = len(window.shown)
        wait_until(lambda: len(window.shown) > seen, timeout=LIMIT_S, what="another look")
        window.press(key)
        assert window.process.wait(LIMIT_S) == 0
        wait_until(lambda: window.left_as_it_was, timeout=LIMIT_S, what="the terminal as it was")
        assert "Traceback" not in window.text


def test_on_a_terminal_it_goes_on_when_redis_comes(tmp_path: Path) -> None:
    server = Server(tmp_path / "data")
    server.start().ready()
    server.stop()
    try:
        with terminal(server.data_dir, "queue", "top", "--interval", "0.1") as window:
            window.shows("the database's numbers")
            server.start().ready()
            window.shows("Nothing waits")
            window.process.terminate()
            assert window.process.wait(LIMIT_S) == 0
    finally:
        server.close()


def test_an_unreachable_redis_is_told_and_its_password_is_not(shop: Home) -> None:
    ended = shop.run("queue", "list", redis_url=f"redis://:canary@127.0.0.1:{free_port()}/0")
    assert ended.code == 0
    assert "Redis doesn't answer" in ended.err
    assert "canary" not in ended.out + ended.err


def test_a_tenants_weight_is_set_shown_and_in_the_log(shop: Home) -> None:
    did = shop.ask("tenant", "list")[0]["did"]
    assert shop.ask("queue", "weight", "--tenant", did, "5")["queue_weight"] == 5
    assert shop.ask("tenant", "show", did)["queue_weight"] == 5
    assert {queue["weight"] for queue in json.loads(shop.run("queue", "list", "--json").out)} == {5}
    assert "tenant.queue_weighted" in leaves(shop)
    for wrong in ("0", "101", "many"):
        shop.run("queue", "weight", "--tenant", did, wrong).misused("WEIGHT")
    assert shop.ask("tenant", "show", did)["queue_weight"] == 5


def test_a_tenants_work_is_paused_and_resumed_by_the_command_line(shop: Home) -> None:
    did = shop.ask("tenant", "list")[0]["did"]
    assert shop.ask("queue", "pause", "--tenant", did)["paused_at"]
    assert shop.ask("tenant", "show", did)["paused_at"]
    assert "Paused" in shop.run("queue", "pause", "--tenant", did).out, "twice is once"
    assert leaves(shop).count("tenant.paused") == 1
    assert shop.ask("queue", "resume", "--tenant", did)["paused_at"] is None
    assert shop.ask("tenant", "show", did)["paused_at"] is None
    assert leaves(shop).count("tenant.resumed") == 1


def leaves(shop: Home) -> str:
    core = shop.core()
    found = core.store.database.execute_sql("SELECT leaf FROM audit_entries").fetchall()
    core.store.close()
    return " ".join(str(leaf) for (leaf,) in found)
