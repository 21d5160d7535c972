"""The load client: keep-alive connections that each send their next request when the last one is answered.

Requests are made before the clock starts, so that sending costs little beside answering; a client process
tells how busy it was, and a figure whose client was busy is the client's figure, not the server's.
"""

from __future__ import annotations

import multiprocessing
import re
import selectors
import socket
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from traffic import Target, requests

PATIENCE_S = 60.0
BUSIEST = 0.8
"""Share of a core up to which a client counts as waiting for its server."""
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


class LoadFailed(Exception):
    """Raised when a server answers anything but 200 or not at all: there is no figure then."""


@dataclass(frozen=True, slots=True)
class Volley:
    """What one client process is to send. It ends after ``seconds`` or when ``count`` requests are answered."""

    target: Target
    connections: int
    first: int
    count: int
    seconds: float = PATIENCE_S


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: when it began and ended (monotonic seconds), each answer's latency in seconds, and the
    share of the time this client kept a core busy (0 to 1)."""

    began: float
    ended: float
    latencies: tuple[float, ...]
    busy: float

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / (self.ended - self.began)

    def percentile(self, percent: float) -> float:
        """The latency, in milliseconds, that so many percent of the answers stayed within."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))] * 1000


def fire(volleys: Sequence[Volley]) -> Outcome:
    """Send volleys at once, each from a process of its own.

    Raises LoadFailed, also when a client was so busy that it may have been the limit.
    """
    context = multiprocessing.get_context("spawn")
    ends, processes = [], []
    for volley in volleys:
        ours, theirs = context.Pipe()
        processes.append(context.Process(target=_client, args=(volley, theirs), daemon=True))
        processes[-1].start()
        theirs.close()
        ends.append(ours)
    for end in ends:
        _answer(end)  # it has its requests and its connections
    for end in ends:
        end.send("go")
    outcomes = [_answer(end) for end in ends]
    for process in processes:
        process.join()
    outcome = _together([outcome for outcome in outcomes if isinstance(outcome, Outcome)])
    if outcome.busy > BUSIEST:
        raise LoadFailed(f"a client was {outcome.busy:.0%} busy: it was measured, not the server")
    return outcome


def split(target: Target, connections: int, first: int, count: int, **terms: float) -> list[Volley]:
    """The same load from as many processes as help: one core sends faster than one Python server answers."""
    processes = min(2, connections)
    share = count // processes
    return [
        Volley(target, connections // processes, first + number * share, share, **terms)
        for number in range(processes)
    ]


def _answer(end: Connection) -> object:
    if not end.poll(PATIENCE_S + 30):
        raise LoadFailed("a client process doesn't answer")
    try:
        answer = end.recv()
    except EOFError:
        raise LoadFailed("a client process has died") from None
    if isinstance(answer, LoadFailed):
        raise answer
    return answer


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    latencies = tuple(latency for outcome in outcomes for latency in outcome.latencies)
    began, ended = min(one.began for one in outcomes), max(one.ended for one in outcomes)
    return Outcome(began, ended, latencies, max(one.busy for one in outcomes))


def _client(volley: Volley, end: Connection) -> None:
    """The life of a client process."""
    try:
        run = _Run(volley)
        end.send("ready")
        end.recv()
        end.send(run.drive())
    except (OSError, LoadFailed) as error:
        end.send(LoadFailed(f"{type(error).__name__}: {error}"))


@dataclass(slots=True)
class _Line:
    """One connection, what it waits for, and since when."""

    socket: socket.socket
    sent: float = 0.0
    answer: bytes = b""


@dataclass(slots=True)
class _Run:
    volley: Volley
    waiting: deque[bytes] = field(init=False)
    lines: list[_Line] = field(init=False)
    latencies: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        volley = self.volley
        self.waiting = deque(requests(volley.target, volley.first, volley.count))
        self.lines = [_Line(_connect(volley.target.port)) for _ in range(volley.connections)]

    def drive(self) -> Outcome:
        began, busy = time.monotonic(), time.process_time()
        deadline = began + self.volley.seconds
        with selectors.DefaultSelector() as selector:
            for line in self.lines:
                if self._send(line, deadline):
                    selector.register(line.socket, selectors.EVENT_READ, line)
            while selector.get_map():
                ready = selector.select(PATIENCE_S)
                if not ready:
                    raise LoadFailed(f"no answer within {PATIENCE_S:.0f} s")
                for key, _ in ready:
                    if self._receive(key.data) and not self._send(key.data, deadline):
                        selector.unregister(key.data.socket)
                        key.data.socket.close()
        ended = time.monotonic()
        return Outcome(began, ended, tuple(self.latencies), (time.process_time() - busy) / (ended - began))

    def _send(self, line: _Line, deadline: float) -> bool:
        """Send the next request; False when there is none or the time is over."""
        line.sent = time.monotonic()
        if not self.waiting or line.sent >= deadline:
            return False
        line.socket.sendall(self.waiting.popleft())
        return True

    def _receive(self, line: _Line) -> bool:
        """Take what came; True when it completes an answer. Raises LoadFailed unless that is a 200."""
        piece = line.socket.recv(65536)
        if not piece:
            raise LoadFailed("the server closed a connection")
        line.answer += piece
        head, separator, body = line.answer.partition(b"\r\n\r\n")
        if not separator:
            return False
        length = _LENGTH.search(head + b"\r\n")
        if length is None or len(body) < int(length[1]):
            return False
        if not head.startswith(b"HTTP/1.1 200"):
            raise LoadFailed(f"answered {head.splitlines()[0].decode('latin-1')}")
        self.latencies.append(time.monotonic() - line.sent)
        line.answer = b""
        return True


def _connect(port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_S)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection
