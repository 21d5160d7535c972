"""The first start, told and used: everything printed works, and the demo plays its hour without surprises."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from commands import Home
from flow import customer
from server import PLATFORMS, Server
from wire import Client, Door, free_port

from dxflow.config.settings import Settings
from dxflow.engine import wiring
from dxflow.engine.services import welcome
from waiting import wait_until


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server on an empty data directory, after its first start."""
    server = Server(tmp_path_factory.mktemp("first start") / "data")
    server.start().ready()
    yield server
    server.close()


@pytest.fixture
def home(started: Server) -> Home:
    return Home(started.data_dir)


def printed(log: str, name: str) -> str:
    """The value beside a name in what the start printed."""
    found = re.search(rf"^ +{name} +(\S+)$", log, re.MULTILINE)
    assert found, log
    return found[1]


def test_the_first_start_prints_where_and_how_to_sign_in(started: Server) -> None:
    log = started.log()
    assert printed(log, "Dashboard") == f"http://127.0.0.1:{started.port}/dashboard/"
    assert printed(log, "Sign in as") == "owner@demo.example"
    assert re.fullmatch(r"\w{5}(-\w{5}){3}", printed(log, "One-time password"))
    assert re.search(r"run\.py'? demo", log), "quoted, where the path has a space"


def test_the_printed_api_key_opens_the_api(started: Server) -> None:
    key = printed(started.log(), "API key")
    client = Client(started.port)
    assert client.request("GET", "/api/v1/events", headers={"Authorization": f"Bearer {key}"}).status == 200
    client.close()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_printed_address_is_one_of_this_server(started: Server, platform: str) -> None:
    address = printed(started.log(), platform)
    base = f"http://127.0.0.1:{started.port}"
    client = Client(started.port)
    assert address.startswith(f"{base}/{'events' if platform == 'hasura' else 'webhooks'}/{platform}/")
    assert client.request("GET", address.removeprefix(base)).status == 200
    client.close()


def test_a_second_server_on_the_same_directory_is_one_line(started: Server, home: Home) -> None:
    home.start("serve", port=free_port()).refused("is in use by another dxflow")
    assert started.running


def test_a_taken_port_is_one_line_and_nothing_is_made(started: Server, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    other.start("serve", port=started.port).refused(f"127.0.0.1:{started.port} is taken")
    assert not (other.directory / "dxflow.db").exists()


def test_the_doctor_finds_the_running_server_well(started: Server, home: Home) -> None:
    found = home.run("doctor", "--json", port=started.port).document
    said = {check["name"]: check["detail"] for check in found["checks"]}
    assert found["ok"], said
    assert said["port"].endswith("is served by dxflow")
    assert said["redis"] == "the embedded Valkey answers"


def test_the_demo_plays_its_hour_and_nothing_is_unexpected(started: Server, home: Home) -> None:
    ended = home.run("demo", "--events", "80", "--rate", "0", "--seed", "3", "--json", port=started.port)
    told = ended.document
    assert told["unexpected"] == [], told
    assert ended.code == 0
    assert told["sent"] == sum(told["answers"].values()) == 80
    assert (told["answers"]["refused"], told["answers"]["probed"]) == (1, 2)
    assert told["answers"]["duplicate"] > 0
    assert told["rights_requests"] == 2
    assert told["subjects"] > 10
    assert told["consents"] > 4
    assert told["activities"] == told["answers"]["accepted"] - 1  # all but the poisoned one's
    [failed] = told["failed"]
    assert "shape" in failed["error"]
    assert failed["url"] == f"http://127.0.0.1:{started.port}/dashboard/events/{failed['id']}"


def test_the_demo_leaves_no_key_behind(started: Server, home: Home) -> None:
    home.run("demo", "--events", "60", "--rate", "0", "--json", port=started.port)
    of_demos = [key for key in home.ask("key", "list") if key["name"] == "demo"]
    assert of_demos
    assert all(key["revoked_at"] for key in of_demos)


def test_the_demo_says_where_no_server_answers(home: Home) -> None:
    port = free_port()
    home.run("demo", port=port).refused(f"no server answers at http://127.0.0.1:{port}")


def test_the_demo_of_another_installation_does_not_send_to_this_server(
    started: Server, tmp_path: Path
) -> None:
    other = Home(tmp_path / "other")
    core = other.core()
    welcome.first_start(core, Settings.load(data_dir=str(other.directory)))
    core.store.close()
    wiring.forget()
    other.run("demo", port=started.port).refused("another data directory")


def test_a_later_start_prints_no_secret(started: Server) -> None:
    key = printed(started.log(), "API key")
    before = len(started.log())
    assert started.stop() == 0
    started.start().ready()
    said = started.log()[before:]
    assert printed(said, "Dashboard") == f"http://127.0.0.1:{started.port}/dashboard/"
    assert key not in said
    assert "secret" not in said
    assert "One-time password" not in said


def test_the_edge_and_the_actors_work_apart(tmp_path: Path) -> None:
    home = Home(tmp_path / "data")
    home.ask("tenant", "create", "--name", "Acme Shop")
    made = home.ask("connector", "add", "--platform", "shopify", "--secret", "apart")
    web, worker = Server(home.directory, "web"), Server(home.directory, "worker")
    try:
        web.start().ready()
        door = Door("shopify", made["id"], f"/webhooks/shopify/{made['id']}", "apart")
        client = Client(web.port)
        body = json.dumps(customer()).encode()
        event_id = client.deliver(door, "customers/create", body, "1").document["event_id"]
        client.close()
        worker.start().ready()
        wait_until(lambda: home.ask("event", "show", event_id)["state"] == "done", timeout=30)
        assert (worker.stop(), web.stop()) == (0, 0)
    finally:
        web.close()
        worker.close()
