"""Who calls the edge in a test over real HTTP, and what the edge is told about the rest of its process."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import requests
import structlog

from dxflow.engine.errors import Unavailable


@dataclass
class Around:
    """What the edge is told about the rest of its process; a test may break it."""

    depths: dict[str, Any] = field(default_factory=dict)
    redis_is_up: bool = True
    seen: list[Mapping[str, Any]] = field(default_factory=list)
    """What log entries would have carried while queues were read."""
    checks: dict[str, Callable[[], str]] = field(default_factory=lambda: {"database": lambda: "answers"})

    def read(self, names: Sequence[str]) -> Mapping[str, Any]:
        self.seen.append(structlog.contextvars.get_contextvars())
        if not self.redis_is_up:
            raise Unavailable("Redis doesn't answer")
        empty = SimpleNamespace(ready=0, in_flight=0, delayed=0, parked_ms=None)
        return {name: self.depths.get(name, empty) for name in names}


@dataclass
class Caller:
    """Sends requests to the server, with a key or without."""

    base: str
    key: str | None = None

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = dict(options.pop("headers", {}))
        if self.key is not None:
            headers.setdefault("Authorization", f"Bearer {self.key}")
        answer = requests.request(method, self.base + path, headers=headers, timeout=30, **options)
        assert answer.status_code < 500 or answer.status_code in (501, 503), answer.text
        return answer

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.send("GET", path, **options)

    def post(self, path: str, body: object = None, **options: Any) -> requests.Response:
        return self.send("POST", path, **({} if body is None else {"json": body}), **options)

    def listed(self, path: str, **options: Any) -> list[dict[str, Any]]:
        """The items of a list that fits on one page."""
        answer = self.get(path, **options)
        assert answer.status_code == 200, answer.text
        assert answer.json()["next_cursor"] is None
        items: list[dict[str, Any]] = answer.json()["items"]
        return items
