"""SIGTERM and Ctrl-C let what was begun come to its end, and leave no process behind."""

from __future__ import annotations

import http.client
import signal
import socket

import pytest
from server import alive
from traffic import Crowd, Shipment, shipments
from wire import HOST, Client, Door, is_free

from waiting import wait_until

pytestmark = pytest.mark.fault


@pytest.mark.parametrize("way", ["SIGTERM", "Ctrl-C"])
def test_a_stop_under_load_loses_nothing_that_was_accepted(installation, books, make_server, way):
    server = make_server(installation.directory).start().ready()
    crowd = Crowd(server.port, installation.doors, patient=True)

    def stop_and_start() -> None:
        crowd.wait_for(60)
        family = server.family()
        assert (server.stop() if way == "SIGTERM" else server.interrupt()) == 0
        wait_until(lambda: not any(alive(one) for one in family), what="the end of the children")
        server.start()

    crowd.send(shipments(150), stop_and_start)
    books.wait_until_quiet()
    books.check_exactly_once(crowd.event_ids().values())
    assert "Traceback" not in server.log()


def test_a_request_half_sent_at_sigterm_is_still_answered(installation, books, make_server):
    server = make_server(installation.directory).start().ready()
    shipment = shipments(1)[0]
    head, half, rest = _in_parts(server.port, installation.doors[shipment.platform], shipment)
    with socket.create_connection((HOST, server.port), timeout=20) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 100 "), "the server has begun with this request"
        connection.sendall(half)
        server.process.send_signal(signal.SIGTERM)
        wait_until(lambda: is_free(server.port), what="the server to close its port")
        connection.sendall(rest)
        response = http.client.HTTPResponse(connection)
        response.begin()
        assert response.status == 200
    assert server.process.wait(40) == 0
    assert books.number("SELECT count(*) FROM events WHERE workflow = 'webhook'") == 1


def _in_parts(port: int, door: Door, shipment: Shipment) -> tuple[bytes, bytes, bytes]:
    """Head, first and second half of the body, as they go over the wire."""
    signed, path = Client(port).signed(door, shipment.topic, shipment.body, shipment.delivery_id)
    headers = {"Host": HOST, "Content-Length": len(shipment.body), "Expect": "100-continue", **signed}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode(), shipment.body[:10], shipment.body[10:]


@pytest.mark.parametrize("command", ["serve", "web", "worker"])
def test_ctrl_c_ends_everything_and_says_nothing_ugly(installation, make_server, own_redis, command):
    settings = {} if command == "serve" else {"redis_url": own_redis.url}
    server = make_server(installation.directory, command, **settings).start().ready()
    family = server.family()
    assert server.interrupt() == 0
    wait_until(lambda: not any(alive(one) for one in family), what="the end of the children")
    assert is_free(server.port)
    assert "Traceback" not in server.log()
