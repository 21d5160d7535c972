"""gunicorn's threaded worker, with answers of ours to what isn't HTTP.

The stock one answers a page of HTML that quotes the request line or the header it stumbled over, and both may
hold what mustn't be repeated: some platforms keep their secret in the address.
"""

from __future__ import annotations

import json
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
_OURS = (errors.ConfigurationProblem, errors.InvalidResponseHeader, errors.InvalidResponseHeaderName)


class Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """One process of the edge."""

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
