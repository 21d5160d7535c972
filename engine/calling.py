"""Calls to services elsewhere: bounded, with an end to the waiting, and one meaning for whatever goes wrong.

Nothing of an address but its host is ever told: paths and queries of addresses may be secrets.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from .errors import TransientError
from .moments import Clock

CONNECT_S = 5.0
READ_S = 15.0
"""Seconds without a byte, and ``WHOLE_S`` for all of a body."""
WHOLE_S = 30.0
_MOST_BYTES = 16 * 1024 * 1024
_PROBLEM = "urn:dxflow:problem:"


class Reply(NamedTuple):
    """An answer. ``retry_after`` is in seconds."""

    status: int
    body: bytes
    retry_after: float | None

    @property
    def problem(self) -> str:
        """The short name of dxflow's problem (RFC 9457 ``type``); empty for none we know of."""
        kind = str(self.document.get("type", ""))
        return kind.removeprefix(_PROBLEM) if kind.startswith(_PROBLEM) else ""

    @property
    def document(self) -> dict[str, object]:
        """The JSON object of the body; empty for anything else."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Caller:
    """One service: what people call it (``the dx-agent``), and the address that paths are added to. Safe for
    any thread."""

    what: str
    url: str
    clock: Clock
    read_s: float = READ_S
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(num_pools=1, maxsize=16, cert_reqs="CERT_REQUIRED")
    )
    most_bytes: int = _MOST_BYTES

    @property
    def host(self) -> str:
        """Host and port, as people may read them."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def fault(self, text: str, retry_after: float | None = None) -> TransientError:
        """An error about this service."""
        return TransientError(f"{self.what} at {self.host} {text}", retry_after)

    @staticmethod
    def json(document: object) -> bytes:
        """A body."""
        return json.dumps(document, separators=(",", ":")).encode("utf-8")

    def call(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Reply:
        """One call, never repeated or redirected. Raises TransientError unless a whole answer came."""
        try:
            response = self.pool.request(
                method,
                self.url + path,
                body=body,
                headers={"Accept": "application/json", "User-Agent": "dxflow", **headers},
                timeout=urllib3.Timeout(connect=CONNECT_S, read=self.read_s),
                retries=False,
                redirect=False,
                preload_content=False,
            )
            try:
                content = b"".join(self._chunks(response))
            except BaseException:
                response.close()  # what is left of this answer must not be taken for the next one
                raise
            response.release_conn()
        except HTTPError as error:
            raise self.fault(self._what(error)) from error
        return Reply(response.status, content, self._wait(response.headers.get("Retry-After")))

    def _chunks(self, response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
        deadline, size = time.monotonic() + WHOLE_S, 0
        for chunk in response.stream(65_536):
            size += len(chunk)
            if size > self.most_bytes:
                raise self.fault(f"answers with more than {self.most_bytes:,} bytes")
            if time.monotonic() > deadline:
                raise self.fault(f"didn't finish its answer within {WHOLE_S:.0f} s")
            yield chunk

    def _what(self, error: HTTPError) -> str:
        if isinstance(error, NewConnectionError | ConnectTimeoutError):
            return "can't be reached"
        if isinstance(error, ReadTimeoutError):
            return f"said nothing for {self.read_s:g} s"
        if isinstance(error, SSLError):
            return "can't be trusted: its TLS certificate isn't for its name, or its issuer isn't known here"
        return f"broke off the call ({type(error).__name__})"

    def _wait(self, header: str | None) -> float | None:
        """Retry-After: seconds, or an HTTP-date (RFC 9110 section 10.2.3). None for anything else."""
        text = (header or "").strip()
        if text.isascii() and text.isdecimal():
            return float(text[:9])
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - self.clock()).total_seconds())
