"""Addresses of Redis: one server, the master that Sentinels name, or a Cluster.

- ``redis://[user:password@]host[:port][/db]``, ``rediss://…`` (TLS), ``unix:///path/to/socket``
- ``redis+sentinel://[user:password@]host[:port][,host[:port]…]/service[/db]``, port 26379 unless given;
  ``?sentinel_username=…&sentinel_password=…`` for Sentinels that want them
- ``redis+cluster://[user:password@]host[:port][,host[:port]…]``, some of the nodes; the rest is found

redis-py's settings may follow as a query (``?socket_timeout=1``); ``?ssl=true`` asks for TLS in the last two.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

SINGLE: Final = "single"
SENTINEL: Final = "sentinel"
CLUSTER: Final = "cluster"

_SCHEMES: Final[dict[str, Literal["single", "sentinel", "cluster"]]] = {
    "redis": SINGLE,
    "rediss": SINGLE,
    "unix": SINGLE,
    "redis+sentinel": SENTINEL,
    "redis+cluster": CLUSTER,
}
_PORTS: Final = {SENTINEL: 26379, CLUSTER: 6379}
_NODE = re.compile(r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:\[\]/@,]+)(:(?P<port>\d{1,5}))?")


@dataclass(frozen=True, slots=True)
class RedisAddress:
    """``nodes`` and ``service`` are those of Sentinels and Clusters. ``text`` may hold a password."""

    kind: Literal["single", "sentinel", "cluster"]
    text: str = field(repr=False)
    nodes: tuple[tuple[str, int], ...] = ()
    service: str | None = None

    @property
    def without_nodes(self) -> str:
        """The same login, database and query for one server, ``redis://[user:password@]x/db?query``."""
        parts = urlsplit(self.text)
        login, at, _nodes = parts.netloc.rpartition("@")
        database = f"{parts.path}//".split("/")[2]
        return f"redis://{login}{at}x/{database or 0}?{parts.query}"

    @classmethod
    def parse(cls, address: str) -> RedisAddress:
        """Raises ValueError with the fault alone: the address may hold a password."""
        if re.search(r"[\s\x00-\x1f]", address):
            raise ValueError("it holds white space")
        try:
            parts = urlsplit(address)
            kind = _SCHEMES[parts.scheme.lower()]
        except ValueError:
            raise ValueError("it is no address") from None
        except KeyError:
            raise ValueError("unknown scheme") from None
        if kind == SINGLE:
            _check_single(address)
            return cls(kind, address)
        nodes = _nodes(parts.netloc.rpartition("@")[2], _PORTS[kind])
        return cls(kind, address, nodes, _service(kind, parts.path))


def _check_single(address: str) -> None:
    parts = urlsplit(address)
    try:
        _ = parts.port
    except ValueError:
        raise ValueError("the port is not a number from 0 to 65535") from None
    if parts.scheme.lower() == "unix":
        if not parts.path.startswith("/"):
            raise ValueError("the socket's path is not absolute")
    elif not parts.hostname:
        raise ValueError("no host is named")
    elif not re.fullmatch(r"(/\d*)?", parts.path):
        raise ValueError("the database after the host is not a number")


def _nodes(text: str, default_port: int) -> tuple[tuple[str, int], ...]:
    nodes = []
    for part in text.split(","):
        found = _NODE.fullmatch(part)
        if found is None:
            raise ValueError("a node is not of the form host or host:port" if part else "no host is named")
        port = int(found["port"] or default_port)
        if port > 65535:
            raise ValueError("the port is not a number from 0 to 65535")
        nodes.append((found["host"].strip("[]"), port))
    if len(set(nodes)) != len(nodes):
        raise ValueError("a node is named twice")
    return tuple(nodes)


def _service(kind: str, path: str) -> str | None:
    if kind == CLUSTER:
        if path not in ("", "/", "/0"):
            raise ValueError("a Cluster has no databases and no service to name")
        return None
    found = re.fullmatch(r"/([^/]+)(/\d+)?", path)
    if found is None:
        raise ValueError("the service that the Sentinels watch is missing: …/mymaster or …/mymaster/0")
    return found[1]
