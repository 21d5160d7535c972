"""``/metrics`` of a real server with a real Valkey: what it counts, and that it answers while Redis hangs."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from commands import Home
from flow import customer
from prometheus_client.parser import text_string_to_metric_families
from server import Installation, Server, installed
from wire import Client

from waiting import wait_until

SCRAPE_TIMEOUT_S = 10
"""Prometheus' own."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    return installed().copy(tmp_path_factory.mktemp("metrics") / "data")


@pytest.fixture(scope="module")
def running(installation: Installation) -> Iterator[Server]:
    server = Server(installation.directory).start().ready()
    yield server
    server.close()


def scraped(server: Server) -> dict[tuple[str, ...], float]:
    """(name, label values in the order of their names) → value."""
    client = Client(server.port, timeout=SCRAPE_TIMEOUT_S)
    try:
        text = client.request("GET", "/metrics").body.decode()
    finally:
        client.close()
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(one.name, *(one.labels[name] for name in sorted(one.labels))): one.value for one in samples}


@contextmanager
def hanging_redis(server: Server) -> Iterator[None]:
    """The embedded Valkey is stopped as by SIGSTOP: it takes connections and never answers."""
    [valkey] = [process for process in server.family() if "valkey" in process.name()]
    valkey.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        valkey.send_signal(signal.SIGCONT)


def deliver(server: Server, installation: Installation, number: int) -> None:
    client = Client(server.port)
    body = json.dumps(customer(number)).encode()
    answer = client.deliver(installation.doors["shopify"], "customers/create", body, f"delivery {number}")
    client.close()
    assert answer.status == 200


def test_events_that_are_done_are_counted_and_leave_nothing_behind(
    running: Server, installation: Installation
) -> None:
    before = scraped(running).get(("dxflow_events_done_total",), 0.0)
    deliver(running, installation, 1)
    wait_until(lambda: scraped(running)["dxflow_events_done_total",] > before, what="a done event")
    wait_until(lambda: scraped(running)["dxflow_tenants_busy",] == 0, what="quiet")
    step = ("dxflow_steps_total", "moved", "extract", "webhook")
    wait_until(lambda: scraped(running).get(step, 0) >= 1, what="the step, counted once it is committed")
    found = scraped(running)
    assert (found["dxflow_redis_up",], found["dxflow_database_up",]) == (1, 1)
    # Between two steps a tenant is idle, and busy again.
    wait_until(lambda: not queue_series(running), what="no series of idle tenants")


def queue_series(running: Server) -> list[str]:
    """Names of what is told of single tenants' queues."""
    return [name for name, *_ in scraped(running) if name.startswith("dxflow_queue_")]


def test_a_failed_event_is_an_alert_and_stays_in_the_gauges(
    running: Server, installation: Installation
) -> None:
    client = Client(running.port)
    client.deliver(installation.doors["shopify"], "customers/create", b'{"line_items": []}', "odd one")
    client.close()
    did = installation.tenant["did"]
    wait_until(lambda: scraped(running).get(("dxflow_queue_failed", "workflow", did)) == 1, what="a failure")
    assert scraped(running)["dxflow_retry_alerts_total", "100", "extract", "webhook"] == 1
    assert scraped(running)["dxflow_events", "failed"] == 1


def test_while_redis_hangs_a_scrape_answers_in_time_and_says_so(running: Server) -> None:
    with hanging_redis(running):
        began = time.monotonic()
        wait_until(lambda: scraped(running)["dxflow_redis_up",] == 0, timeout=30, what="Redis seen as down")
        assert time.monotonic() - began < SCRAPE_TIMEOUT_S
        assert scraped(running)["dxflow_database_up",] == 1
    wait_until(lambda: scraped(running)["dxflow_redis_up",] == 1, timeout=60, what="Redis seen as up")


def test_the_cli_shows_the_database_while_redis_hangs(running: Server) -> None:
    with hanging_redis(running):
        ended = Home(running.data_dir).run("queue", "top", "--json", "--interval", "0.1")
    assert ended.code == 0
    assert ended.document["redis"] is False
    assert ended.document["failed"] == scraped(running)["dxflow_events", "failed"]
