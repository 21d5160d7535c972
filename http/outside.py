"""What the edge asks of the rest of its process, without importing it: the wiring hands it in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from ..config.addresses import IpNetwork
from ..engine.services.traffic.queues import Depths, Locks


@dataclass(frozen=True, slots=True)
class Outside:
    """``depths`` reads tenant queues by public name and raises Unavailable without Redis; ``checks`` are the
    parts of ``/readyz``: each returns a sentence, or raises. ``registry`` holds the actors' counters, ``locks``
    says who has the locks of register queues, and raises Unavailable where that isn't known."""

    depths: Depths
    checks: Mapping[str, Callable[[], str]]
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    locks: Locks = lambda _: {}


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """The few settings the edge needs. ``public_url`` is how people reach it, ``trusted_proxies`` the networks
    whose word about the client's address counts."""

    max_body_bytes: int
    public_url: str
    trusted_proxies: tuple[IpNetwork, ...] = ()
