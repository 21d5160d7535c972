"""The demo's side of the wire: one connection that stays open, signed deliveries in, the API's answers out."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from ...engine.errors import NotFound, Unavailable
from ...engine.moments import Clock
from ...engine.platforms.signing import FORM, signed_request
from ...engine.services.welcome import Door
from .traffic import Expected, Planned

_TIMEOUT_S = 30.0
_PAGE = 200
_UNSETTLED = ("received", "running", "retrying")

Event = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a delivery was told: ``verdict`` is an ``Expected`` where it is one of those."""

    verdict: str
    event_id: str = ""


class Client:
    """For one thread. Every method raises Unavailable when the server doesn't answer."""

    def __init__(self, base: str, api_key: str, clock: Clock) -> None:
        """``base`` is ``http(s)://host[:port][/prefix]``; nothing is connected yet."""
        parts = urlsplit(base)
        make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = make(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
        self._base, self._key, self._clock = base, api_key, clock

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def require_server(self) -> None:
        """Raises Unavailable unless a dxflow of this very installation answers."""
        status, raw = self._request("GET", f"{self._base}/api/v1/events?limit=1", b"", self._authorised())
        if status == 200:
            return
        if b"urn:dxflow:problem:" not in raw:
            raise Unavailable(f"what answers at {self._base} is no dxflow")
        if status == 401:
            raise Unavailable(
                f"the dxflow at {self._base} has another data directory or database than this command"
            )
        raise Unavailable(f"the dxflow at {self._base} answers {status}; `dxflow doctor` says more")

    def deliver(self, planned: Planned, door: Door) -> Answer:
        """Send one delivery as its platform would."""
        if planned.expected is Expected.PROBED:
            return self._probe(planned, door)
        secret = door.secret if planned.expected is not Expected.REFUSED else f"not {door.secret}"
        headers, url = signed_request(
            planned.platform,
            planned.topic,
            planned.body,
            secret,
            url=door.url,
            now=self._clock(),
            delivery_id=planned.delivery_id,
        )
        status, raw = self._request("POST", url, planned.body, headers)
        if status == 401:
            return Answer(Expected.REFUSED)
        if status != 200:
            return Answer(f"HTTP {status}")
        told = json.loads(raw)
        return Answer(told["status"], told.get("event_id", ""))

    def newest(self) -> str | None:
        """The id of the newest event there is."""
        items = self._get("events", limit="1")["items"]
        return items[0]["id"] if items else None

    def unsettled(self) -> list[Event]:
        """Events that are still under way. They move while they are counted: an estimate."""
        return [event for state in _UNSETTLED for event in self._events(state=state)]

    def since(self, mark: str | None) -> list[Event]:
        """Events after ``mark``, newest first."""
        found = []
        for event in self._events():
            if event["id"] == mark:
                break
            found.append(event)
        return found

    def _events(self, **query: str) -> Iterator[Event]:
        cursor: dict[str, str] = {}
        while True:
            page = self._get("events", limit=str(_PAGE), **query, **cursor)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            cursor = {"cursor": page["next_cursor"]}

    def _get(self, name: str, **query: str) -> dict[str, Any]:
        url = f"{self._base}/api/v1/{name}?{urlencode(query)}"
        status, raw = self._request("GET", url, b"", self._authorised())
        if status != 200:
            raise Unavailable(f"the API answers {status} to {name}")
        found: dict[str, Any] = json.loads(raw)
        return found

    def _probe(self, planned: Planned, door: Door) -> Answer:
        """As a platform tries an address: a GET, or a body that isn't signed."""
        method = "POST" if planned.body else "GET"
        status, _ = self._request(method, door.url, planned.body, {"Content-Type": FORM})
        return Answer(Expected.PROBED if status == 200 else f"HTTP {status}")

    def _authorised(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}"}

    def _request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """One request; a kept connection that the server has closed meanwhile is opened again, once."""
        parts = urlsplit(url)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        for last_try in (False, True):
            try:
                self._connection.request(method, target, body, dict(headers))
                answer = self._connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                if last_try or not isinstance(error, http.client.RemoteDisconnected | ConnectionError):
                    raise Unavailable(_silent(self._base)) from error
        raise Unavailable(_silent(self._base))


def _silent(base: str) -> str:
    return f"no server answers at {base}; start it with `serve`, or name it with --public-url or --port"


def door_for(doors: Mapping[str, Door], platform: str) -> Door:
    """The connector that takes this platform's deliveries. Raises NotFound."""
    if platform not in doors:
        raise NotFound(
            f"the demo tenant has no {platform} connector any more; `dxflow connector add` makes one"
        )
    return doors[platform]
