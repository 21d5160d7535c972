"""What the four platforms' servers have in common when tests play them: a socket, a store to look into, faults.
Each platform's own contract is in ``<platform>_server.py``.

A fault answers one call in the place of the right answer, in the order they were added. ``lost`` ones do the
work first: the caller can't know.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from serving import served

Response = tuple[int, dict[str, str], bytes]


@dataclass(frozen=True)
class Called:
    """One request as it came: ``form`` and ``query`` are lists of pairs, because names repeat."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> list[tuple[str, str]]:
        return parse_qsl(self.body.decode(), keep_blank_values=True)

    @property
    def basic(self) -> tuple[str, str]:
        """User and password (RFC 7617); empty without them."""
        scheme, _, given = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return "", ""
        user, _, password = base64.b64decode(given).decode().partition(":")
        return user, password

    @property
    def bearer(self) -> str:
        scheme, _, given = self.headers.get("authorization", "").partition(" ")
        return given if scheme.lower() == "bearer" else ""


@dataclass(frozen=True)
class Fault:
    """``after`` the work is done, or in its place."""

    answer: Callable[[], Response]
    after: bool = False


def document(status: int, content: object, **headers: str) -> Response:
    """An answer in JSON."""
    return status, {"Content-Type": "application/json", **headers}, json.dumps(content).encode()


def too_many(seconds: int | None = 3) -> Fault:
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return Fault(lambda: document(429, {"error": "slow down"}, **headers))


def broken(status: int = 500) -> Fault:
    return Fault(lambda: (status, {"Content-Type": "text/html"}, b"<h1>Oops</h1>"))


def nonsense(status: int = 200) -> Fault:
    """Nothing that the platform ever says: a proxy or a maintenance page."""
    return Fault(lambda: (status, {"Content-Type": "text/html"}, b"<html>We'll be back soon</html>"))


def moved(to: str = "http://127.0.0.1:1/") -> Fault:
    return Fault(lambda: (302, {"Location": to}, b""))


def cut() -> Fault:
    """The connection ends in the middle of the answer; nothing was done."""
    return Fault(lambda: (200, {"Content-Length": "1000"}, b'{"half":'))


def lost() -> Fault:
    """The same, and the work was done."""
    return Fault(cut().answer, after=True)


def slow(seconds: float) -> Fault:
    """Nothing is said for so long."""

    def wait() -> Response:
        threading.Event().wait(seconds)
        return document(200, {})

    return Fault(wait)


@dataclass
class Playing:
    """A platform's server. ``calls`` is what it was asked, ``faults`` what goes wrong next (None: nothing)."""

    calls: list[Called] = field(default_factory=list)
    faults: list[Fault | None] = field(default_factory=list)
    url: str = ""

    def answer(self, call: Called) -> Response:
        """What the platform says. Subclasses do."""
        raise NotImplementedError

    def asked(self, method: str, ending: str = "") -> int:
        """How often something was asked whose path ends so."""
        return sum(call.method == method and call.path.endswith(ending) for call in self.calls)

    def app(self, environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        call = _read(environ)
        self.calls.append(call)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None and fault.after:
            self.answer(call)
        status, headers, body = self.answer(call) if fault is None else fault.answer()
        start(f"{status} x", list({"Content-Length": str(len(body)), **headers}.items()))
        return [body]


@contextmanager
def playing(server: Playing) -> Iterator[Playing]:
    """Serve while the block runs; ``server.url`` is where."""
    with served(server.app) as url:
        server.url = url
        yield server


def _read(environ: dict[str, Any]) -> Called:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    headers = {
        name.removeprefix("HTTP_").replace("_", "-").lower(): value
        for name, value in environ.items()
        if name.startswith("HTTP_") or name == "CONTENT_TYPE"
    }
    query = tuple(parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True))
    body = environ["wsgi.input"].read(length)
    return Called(environ["REQUEST_METHOD"], environ["PATH_INFO"], query, headers, body)
