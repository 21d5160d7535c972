"""gunicorn's threaded worker, with answers of ours to what isn't HTTP, and an end for who reads nothing.

The stock one answers a page of HTML that quotes the request line or the header it stumbled over, and both may
hold what mustn't be repeated: some platforms keep their secret in the address. And it waits for as long as TCP
does for who takes nothing of an answer any more: a download that a lost network cut off kept a thread for a
quarter of an hour, one that was halted kept it for good.
"""

from __future__ import annotations

import errno
import json
import socket
import struct
from typing import Any

from gunicorn.http import errors
from gunicorn.util import write_nonblock
from gunicorn.workers.gthread import ThreadWorker

_FAULTS: tuple[tuple[type[Exception], int, str, str], ...] = (
    (errors.LimitRequestLine, 414, "URI Too Long", "the request line is too long"),
    (
        errors.LimitRequestHeaders,
        431,
        "Request Header Fields Too Large",
        "the headers are too large or too many",
    ),
    (errors.ExpectationFailed, 417, "Expectation Failed", "only 100-continue can be expected"),
    (errors.UnsupportedTransferCoding, 501, "Not Implemented", "the only Transfer-Encoding is chunked"),
    (errors.ForbiddenProxyRequest, 403, "Forbidden", "this proxy isn't trusted"),
    (errors.InvalidHeader, 400, "Bad Request", "a header is malformed or repeated"),
    (errors.InvalidHeaderName, 400, "Bad Request", "a header's name is malformed"),
    (errors.ObsoleteFolding, 400, "Bad Request", "a header goes on in the next line"),
    (errors.ParseException, 400, "Bad Request", "this is not an HTTP request"),
)
"""What gunicorn couldn't read, and how it is answered (RFC 9110); the first that fits counts."""
SEND_TIMEOUT_S = 60.0
"""How long an answer waits for a reader who takes nothing of it."""
_OURS = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """One process of the edge."""

    def handle_request(self, req: Any, conn: Any) -> Any:
        """As gunicorn does; who takes nothing of the answer for SEND_TIMEOUT_S has gone."""
        conn.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(SEND_TIMEOUT_S))
        try:
            return super().handle_request(req, conn)
        except BlockingIOError:  # what the kernel's limit looks like at a blocking socket
            raise BrokenPipeError(errno.EPIPE, "the reader takes nothing") from None

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that can't be read with problem details (RFC 9457); all else is gunicorn's."""
        if isinstance(exc, _OURS) or not isinstance(exc, errors.ParseException):
            super().handle_error(req, client, addr, exc)
            return
        status, title, detail = next(fault[1:] for fault in _FAULTS if isinstance(exc, fault[0]))
        self.log.warning("A request could not be read: %s", type(exc).__name__)
        try:
            write_nonblock(client, _answer(status, title, detail))
        except OSError:
            self.log.debug("Whoever sent it has gone.")


def _timeval(seconds: float) -> bytes:
    """A C ``struct timeval``, as the socket option takes it."""
    return struct.pack("@ll", int(seconds), round(seconds % 1 * 1e6))


def _answer(status: int, title: str, detail: str) -> bytes:
    kind = title.lower().replace(" ", "-")
    problem = {"type": f"urn:dxflow:problem:{kind}", "title": title, "status": status, "detail": detail}
    body = json.dumps({**problem, "instance": ""}).encode()
    head = (
        f"HTTP/1.1 {status} {title}",
        "Connection: close",
        "Content-Type: application/problem+json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'",
    )
    return "\r\n".join((*head, "", "")).encode("ascii") + body
