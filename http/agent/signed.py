"""Who may come in: requests signed by an engine's key, each of them once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable

import falcon

from ...engine.agent import signatures
from ...engine.agent.signatures import Signed
from ...engine.core import Core
from ...engine.errors import NotAuthentic, Unavailable
from .. import prefix
from ..webhooks import read_body

MOST_NONCES = 200_000
"""Remembered at a time; an agent that is asked more often than that within the window takes no more."""


class Signatures:
    """Verifies them (``engine/agent/signatures.py``)."""

    def __init__(self, core: Core, most_bytes: int) -> None:
        self._core = core
        self._most_bytes = most_bytes
        self._nonces = Nonces()

    def enter(self, req: falcon.Request) -> tuple[Signed, bytes]:
        """Who signed (anybody can make a key), and the body. Raises NotAuthentic, TooLarge, Malformed."""
        body = read_body(req, self._most_bytes)
        headers = {name.lower(): value for name, value in req.headers.items()}
        now = self._core.clock().timestamp()
        return signatures.verify(req.method, prefix.path(req), headers, body, now), body

    def once(self, signed: Signed) -> None:
        """Raises NotAuthentic for a request that came before. For keys that are known: what strangers send
        isn't worth remembering."""
        self._nonces.use(signed)


class Nonces:
    """Those that this process has seen, as long as their requests could come again.

    Other processes of one agent don't know them. What a request does it does once however often it comes
    (activities are known by their ids), so this is a second line.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._guard = threading.Lock()
        self._seen: set[tuple[str, str]] = set()
        self._order: deque[tuple[float, tuple[str, str]]] = deque()

    def use(self, signed: Signed) -> None:
        """Raises NotAuthentic the second time."""
        name, now = (signed.key, signed.nonce), self._monotonic()
        with self._guard:
            while self._order and self._order[0][0] < now:
                self._seen.discard(self._order.popleft()[1])
            if name in self._seen:
                raise NotAuthentic("this request came before; sign another one, with another nonce")
            if len(self._seen) >= MOST_NONCES:
                raise Unavailable("too many requests at a time; try again in a minute")
            self._seen.add(name)
            self._order.append((now + 2 * signatures.WINDOW_S, name))
