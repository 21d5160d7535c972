"""What goes over the wire: a client that speaks as the platforms do, and one that speaks nonsense."""

from __future__ import annotations

import errno
import http.client
import itertools
import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO

from dxflow.engine.platforms import signing

HOST = "127.0.0.1"


_FIRST, _EACH = 15_000, 2_000
_taken = itertools.count()


def free_port() -> int:
    """A TCP port of this machine that nobody listens on, for a server that is started a moment later.

    Each worker of a run has ports of its own, each handed out once, below those that the kernel gives to
    connections: a port that the kernel picks, or two workers may draw, can be somebody else's by the time the
    server takes it, or takes it again after a kill.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
    first = _FIRST + _EACH * (int(worker) % 8)
    for _ in range(_EACH):
        port = first + next(_taken) % _EACH
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with suppress(OSError):
                probe.bind((HOST, port))
                return port
    raise RuntimeError("this worker's ports are all taken")


def is_free(port: int) -> bool:
    """Whether nobody listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == errno.ECONNREFUSED


@dataclass(frozen=True)
class Door:
    """One connector: where its platform delivers, and with which secret it signs."""

    platform: str
    connector_id: str
    path: str
    secret: str


@dataclass(frozen=True)
class Answer:
    """What came back for one request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)


class Client:
    """One keep-alive connection; for one thread. Raises OSError or HTTPException when the server goes away."""

    def __init__(self, port: int, timeout: float = 30.0) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection(HOST, port, timeout=timeout)

    def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        try:
            self._connection.request(method, path, body, dict(headers or {}))
            response = self._connection.getresponse()
            lower = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, lower, response.read())
        except (OSError, http.client.HTTPException):
            self._connection.close()  # the next request connects anew
            raise

    def deliver(
        self,
        door: Door,
        topic: str,
        body: bytes,
        delivery_id: str = "",
        *,
        secret: str | None = None,
        now: datetime | None = None,
        changed: Mapping[str, str] | None = None,
    ) -> Answer:
        """Deliver a body, signed as the platform would; ``changed`` headers are put in after signing."""
        headers, path = self.signed(door, topic, body, delivery_id, secret=secret, now=now)
        return self.request("POST", path, body, {**headers, **(changed or {})})

    def signed(
        self,
        door: Door,
        topic: str,
        body: bytes,
        delivery_id: str = "",
        *,
        secret: str | None = None,
        now: datetime | None = None,
    ) -> tuple[dict[str, str], str]:
        """Headers and path (with the query, where the secret is in it) of a signed delivery."""
        headers, url = signing.signed_request(
            door.platform,
            topic,
            body,
            door.secret if secret is None else secret,
            url=f"http://{HOST}:{self.port}{door.path}",
            now=now or datetime.now(UTC),
            delivery_id=delivery_id,
        )
        return headers, url.removeprefix(f"http://{HOST}:{self.port}")

    def close(self) -> None:
        self._connection.close()


def send_raw(port: int, request: bytes, timeout: float = 10.0) -> int | None:
    """Send bytes as they are; the status of the answer, None when the connection is closed without one."""
    return exchange_raw(port, request, timeout)[0]


def exchange_raw(port: int, request: bytes, timeout: float = 10.0) -> list[int | None]:
    """Send bytes as they are on one connection; the status of every answer, and None for its end."""
    statuses: list[int | None] = []
    with socket.create_connection((HOST, port), timeout) as connection:
        with suppress(OSError):  # it may answer and close before it has read everything
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
        stream = connection.makefile("rb")
        with suppress(ConnectionError):  # closing with bytes unread is a reset
            while line := stream.readline():
                statuses.append(int(line.split()[1]))
                _skip(stream)
    return [*statuses, None]


def _skip(stream: BinaryIO) -> None:
    """Read to the end of an answer whose status line has been read."""
    headers = http.client.parse_headers(stream)
    stream.read(int(headers.get("Content-Length", 0)))
