"""Calls to a dx-agent elsewhere: signed, with an end to the waiting, and one meaning for whatever goes wrong.

Nothing of the address but its host is ever told: prefixes of addresses may be secrets.
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError

from ..errors import TransientError
from ..moments import Clock
from . import signatures
from .key import EngineKey

CONNECT_S = 5.0
READ_S = 15.0
"""Seconds without a byte, and ``WHOLE_S`` for all of a body: a lock's lease is longer."""
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
        """The short name of the problem (RFC 9457 ``type``) that the agent names; empty for none we know of."""
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
class Transport:
    """One agent's address and the key that signs what is sent there. Safe for any thread."""

    url: str
    key: Callable[[], EngineKey]
    clock: Clock
    read_s: float = READ_S
    pool: urllib3.PoolManager = field(
        default_factory=lambda: urllib3.PoolManager(num_pools=1, maxsize=16, cert_reqs="CERT_REQUIRED")
    )

    @property
    def host(self) -> str:
        """Host and port, as people may read them."""
        return urlsplit(self.url).netloc

    def post(self, path: str, document: str) -> Reply:
        """Send a signed JSON document. Raises TransientError unless a whole answer came."""
        body, where = document.encode("utf-8"), urlsplit(self.url).path + path
        created, nonce = int(self.clock().timestamp()), secrets.token_urlsafe(18)
        signed = signatures.sign(self.key(), "POST", where, body, created, nonce)
        return self._call("POST", path, body, {"Content-Type": "application/json", **signed})

    def get(self, path: str) -> Reply:
        """Read what anybody may read. Raises TransientError unless a whole answer came."""
        return self._call("GET", path, None, {})

    def fault(self, text: str, retry_after: float | None = None) -> TransientError:
        """An error about this agent."""
        return TransientError(f"the dx-agent at {self.host} {text}", retry_after)

    def _call(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> Reply:
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
            if size > _MOST_BYTES:
                raise self.fault(f"answers with more than {_MOST_BYTES:,} bytes")
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
