"""The demo's client, against servers that aren't what it looks for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from serving import served
from wire import free_port

from dxflow.config.settings import Settings
from dxflow.engine.errors import NotFound, Unavailable
from dxflow.engine.moments import system_clock
from dxflow.engine.services.welcome import Door
from dxflow.http.demo import hour
from dxflow.http.demo.client import Answer, Client, door_for
from dxflow.http.demo.traffic import Planned

ORDER = Planned(datetime(2026, 11, 23, tzinfo=UTC), "shopify", "orders/create", b"{}", "1")


def answering(status: str, document: object) -> Callable[..., Iterable[bytes]]:
    """A WSGI application that always says the same."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(document).encode()]

    return app


def client(base: str) -> Client:
    return Client(base, "dxk_demo", system_clock)


def test_no_server_at_all_is_told_with_its_address() -> None:
    base = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(Unavailable, match=f"no server answers at {base}"):
        client(base).require_server()


def test_another_program_at_the_address_is_told() -> None:
    stranger = served(answering("404 Not Found", {"detail": "Not Found"}))
    with stranger as base, pytest.raises(Unavailable, match="is no dxflow"):
        client(base).require_server()


def test_a_dxflow_of_another_installation_is_told() -> None:
    problem = {"type": "urn:dxflow:problem:not-authentic"}
    other = served(answering("401 Unauthorized", problem))
    with other as base, pytest.raises(Unavailable, match="another data directory"):
        client(base).require_server()


@pytest.mark.parametrize(
    ("status", "document", "answer"),
    [
        ("200 OK", {"status": "accepted", "event_id": "a"}, Answer("accepted", "a")),
        ("200 OK", {"status": "duplicate", "event_id": "a"}, Answer("duplicate", "a")),
        ("200 OK", {"status": "ignored"}, Answer("ignored")),
        ("401 Unauthorized", {}, Answer("refused")),
        ("503 Service Unavailable", {}, Answer("HTTP 503")),
    ],
)
def test_an_answer_becomes_a_verdict(status: str, document: object, answer: Answer) -> None:
    with served(answering(status, document)) as base:
        door = Door("shopify", f"{base}/webhooks/shopify/7", "secret")
        assert client(base).deliver(ORDER, door) == answer


def test_a_platform_without_a_connector_is_named() -> None:
    with pytest.raises(NotFound, match="no shopify connector"):
        door_for({}, "shopify")


@pytest.mark.parametrize(
    ("host", "address"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("127.0.0.1", "127.0.0.1")]
)
def test_a_server_that_listens_everywhere_is_reached_on_this_machine(
    host: str, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.load(host=host, port="8123", data_dir=str(tmp_path))
    assert hour.reachable(settings) == f"http://{address}:8123"
