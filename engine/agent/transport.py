"""Calls to a dx-agent elsewhere: signed by the engine's key."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..calling import READ_S, Caller, Reply
from ..errors import TransientError
from ..moments import Clock
from . import signatures
from .key import EngineKey


@dataclass(frozen=True, slots=True)
class Transport:
    """One agent's address and the key that signs what is sent there. Safe for any thread."""

    caller: Caller
    key: Callable[[], EngineKey]

    @classmethod
    def to(cls, url: str, key: Callable[[], EngineKey], clock: Clock, read_s: float = READ_S) -> Transport:
        """To the agent at this address; ``read_s`` is how long it may say nothing."""
        return cls(Caller("the dx-agent", url, clock, read_s), key)

    @property
    def host(self) -> str:
        """Host and port, as people may read them."""
        return self.caller.host

    def post(self, path: str, document: str) -> Reply:
        """Send a signed JSON document. Raises TransientError unless a whole answer came."""
        body, where = document.encode("utf-8"), urlsplit(self.caller.url).path + path
        created, nonce = int(self.caller.clock().timestamp()), secrets.token_urlsafe(18)
        signed = signatures.sign(self.key(), "POST", where, body, created, nonce)
        return self.caller.call("POST", path, body, {"Content-Type": "application/json", **signed})

    def get(self, path: str) -> Reply:
        """Read what anybody may read. Raises TransientError unless a whole answer came."""
        return self.caller.call("GET", path, None, {})

    def fault(self, text: str, retry_after: float | None = None) -> TransientError:
        """An error about this agent."""
        return self.caller.fault(text, retry_after)
